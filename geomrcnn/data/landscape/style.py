"""The character of a scene: open plain or wooded hills, and where the sun stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geomrcnn.data.landscape.plan import Sun


@dataclass(frozen=True)
class Style:
    """The character of a landscape, drawn once a scene.

    Attributes:
        heading: direction of the survey grid in radians.
        field_area: the size in m² above which land is divided again.
        woodland: share of the land under natural woods.
        idle: share of the parcels left to grass or trees.
        roundness: radius in metres of the corners of fields.
        hedges: share of the field edges with trees.
        contour: share of the blocks farmed along the contour.
        pivots: share of the blocks under a centre pivot.
        strips: share of the blocks in strips.
        town: m² built over.
        stream: whether a stream crosses; 2 for a river.
    """

    heading: float
    field_area: float
    woodland: float
    idle: float
    roundness: float
    hedges: float
    contour: float
    pivots: float
    strips: float
    town: float
    stream: int


def draw_style(rng: np.random.Generator) -> Style:
    """A landscape somewhere between an open plain and wooded hills."""
    hills = float(rng.beta(0.8, 1.1))
    straight = rng.random() < 0.8
    log_area = rng.uniform(math.log(4e4), math.log(8e5))
    woodland = float(np.clip(rng.beta(1.0, 3.0) * hills * 1.4 + 0.02, 0.0, 0.62))
    return Style(
        heading=float(rng.normal(0.0, 0.02) if straight else rng.uniform(-0.8, 0.8)),
        field_area=math.exp(log_area) * (1.0 - 0.5 * hills),
        woodland=woodland,
        idle=float(rng.uniform(0.02, 0.18)) + 0.1 * woodland,
        roundness=float(2.0 + 24.0 * hills**2 * rng.random()),
        hedges=float(rng.uniform(0.0, 0.1) + 0.35 * hills * rng.random()),
        contour=float(0.3 * hills * rng.random() + 0.02),
        pivots=float(rng.choice((0.0, rng.uniform(0.2, 0.8)), p=(0.82, 0.18))),
        strips=float(rng.uniform(0.0, 0.15)),
        town=float(rng.choice((0.0, rng.uniform(5e4, 6e5)), p=(0.7, 0.3))),
        stream=int(rng.choice((0, 1, 2), p=(0.5, 0.43, 0.07))),
    )


def draw_sun(rng: np.random.Generator) -> Sun:
    """A sun somewhere in the south, high enough for a survey flight."""
    azimuth = math.radians(rng.uniform(115.0, 245.0))
    elevation = math.radians(rng.uniform(38.0, 66.0))
    return Sun(math.sin(azimuth), -math.cos(azimuth), math.tan(elevation))
