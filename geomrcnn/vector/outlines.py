"""From an outline as it was traced to the one a user wants, in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import shapely

from geomrcnn.vector.polygons import Polygonal, filled
from geomrcnn.vector.regularise import SHAPES, regularise
from geomrcnn.vector.simplify import TOLERANCE, simplify

TRACED = "traced"

PARTS = ("keep", "split", "largest")
"""What becomes of an object in several parts: one feature, a feature each, or the largest part."""


@dataclass(frozen=True)
class OutlineOptions:
    """What outlines of one class should be like. Lengths in pixels, areas in square pixels.

    Attributes:
        simplify: How far simplification may move an outline; 0 drops only vertices on straight
            edges.
        shape: What outlines are made into, a key of `regularise.SHAPES`; None leaves them.
        shape_tolerance: How far that may move an outline.
        fill_holes: Holes below this area are filled; infinity fills all.
        parts: One of `PARTS`.
        min_area: Objects below this area are left out ...
        max_area: ... and so are those above this one.

    Raises:
        ValueError: for numbers below 0, and for what is not one of the choices.
    """

    simplify: float = TOLERANCE
    shape: str | None = None
    shape_tolerance: float = 1.5
    fill_holes: float = 0.0
    parts: str = "keep"
    min_area: float = 0.0
    max_area: float = math.inf

    def __post_init__(self) -> None:
        sizes = (self.simplify, self.fill_holes, self.min_area, self.max_area)
        if not all(size >= 0 for size in sizes):
            raise ValueError("lengths and areas of outlines cannot be below 0")
        if not self.shape_tolerance > 0:
            raise ValueError("the tolerance of a shape must be above 0")
        if self.shape is not None and self.shape not in SHAPES:
            raise ValueError(f"no shape {self.shape!r}: choose one of {', '.join(SHAPES)}")
        if self.parts not in PARTS:
            raise ValueError(f"no choice {self.parts!r}: choose one of {', '.join(PARTS)}")


class Finished(NamedTuple):
    """An outline for a feature.

    Attributes:
        polygon: Valid, in pixels, not empty.
        status: "traced", "regularised", or "kept" where regularisation would have moved the
            outline too far; it is then simplified instead.
    """

    polygon: Polygonal
    status: str


def finish(polygon: Polygonal, options: OutlineOptions) -> list[Finished]:
    """Make an outline what its class should look like.

    Holes come first, for they decide about shape and area. Then parts, of which each gets its
    shape. Shapes are fitted to the outline as it was traced, for every vertex tells something;
    only what has no shape is simplified. Areas are those of what comes out.

    Args:
        polygon: Valid, in pixels, as it was traced.
        options: Of the object's class.

    Returns:
        One outline, none if it is empty or of the wrong size, or several if parts are split.
    """
    whole = filled(polygon, options.fill_holes) if options.fill_holes > 0 else polygon
    shaped = [_shape(part, options) for part in _parts(whole, options.parts)]
    return [
        done
        for done in shaped
        if done.polygon.area > 0 and options.min_area <= done.polygon.area <= options.max_area
    ]


def _parts(polygon: Polygonal, choice: str) -> list[Polygonal]:
    if choice == "keep":
        return [polygon]
    parts = list(shapely.get_parts(polygon))
    return parts if choice == "split" else sorted(parts, key=lambda part: -part.area)[:1]


def _shape(polygon: Polygonal, options: OutlineOptions) -> Finished:
    status = TRACED
    if options.shape is not None:
        regular, status = regularise(polygon, options.shape, options.shape_tolerance)
        if regular is not polygon:
            return Finished(regular, status)
    return Finished(simplify(polygon, options.simplify), status)
