"""What stands where in a scene, before anything is painted. Coordinates are metres, y downwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

Crowns = npt.NDArray[np.float64]
RGB = tuple[float, float, float]


class Cover(IntEnum):
    """What covers the ground outside the fields."""

    GRASS = 0
    MEADOW = 1
    LAWN = 2
    LITTER = 3
    LUSH = 4
    DIRT = 5
    GRAVEL = 6
    PAVED = 7
    BALLAST = 8
    WATER = 9


class Pattern(IntEnum):
    """How a field is worked."""

    ROWS = 0
    CONTOUR = 1
    CIRCLE = 2


class Parcel(NamedTuple):
    """One field: its ground, the direction of its rows (radians), the pivot it is watered from."""

    polygon: Polygon
    heading: float
    pattern: Pattern = Pattern.ROWS
    centre: tuple[float, float] | None = None

    @property
    def irrigated(self) -> bool:
        """Whether a pivot turns over it."""
        return self.centre is not None


class Edge(IntEnum):
    """What runs along a line between two pieces of land."""

    PLAIN = 0
    GRASS = 1
    HEDGE = 2
    TRACK = 3
    WATERWAY = 4
    GRAVEL_ROAD = 5
    PAVED_ROAD = 6
    HIGHWAY = 7
    RAILWAY = 8
    STREAM = 9
    RIVER = 10


class Divider(NamedTuple):
    """A line that parts the land, and the width in metres that it keeps free of crops."""

    line: LineString
    edge: Edge
    corridor: float

    @property
    def ground(self) -> Polygon:
        """The strip that belongs to the line."""
        return self.line.buffer(self.corridor / 2, quad_segs=4, cap_style="square")


class Roof(NamedTuple):
    """One slope of a roof, or any flat thing with a height: its outline, colour and metres up."""

    polygon: Polygon
    colour: RGB
    height: float


class Sun(NamedTuple):
    """Where the light comes from: a unit vector on the ground and the tangent of its elevation."""

    x: float
    y: float
    slope: float


class Patch(NamedTuple):
    """Ground of one cover."""

    cover: Cover
    ground: BaseGeometry


@dataclass
class Plan:
    """Everything in a scene of `width` x `height` metres; patches are in painter's order."""

    width: float
    height: float
    sun: Sun
    fields: list[Parcel] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    roofs: list[Roof] = field(default_factory=list)
    crowns: list[Crowns] = field(default_factory=list)
