"""Outlines as a network traces them: of known shapes, from masks with blur and noise."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.ndimage import gaussian_filter
from shapely import Polygon, affinity

from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Box
from geomrcnn.vector.polygons import Polygonal
from tests.oracles.detector import soft_mask

RECTANGLE = shapely.box(0, 0, 60, 35)
ELL = Polygon([(0, 0), (60, 0), (60, 25), (30, 25), (30, 50), (0, 50)])
CUT_CORNER = Polygon([(0, 0), (50, 0), (60, 10), (60, 40), (0, 40)])
SLANTED = Polygon([(0, 0), (60, 0), (72, 40), (0, 40)])
DISC = shapely.Point(0, 0).buffer(25, quad_segs=32)
COURT = shapely.box(0, 0, 70, 60).difference(shapely.box(20, 20, 50, 45))


def quarter(side: float = 50.0, reach: float | None = None) -> Polygon:
    """A right angle at the origin, closed by an arc that goes as far as `reach` in its middle."""
    half = side / np.sqrt(2)
    rise = (side if reach is None else reach) - half
    radius = (half**2 + rise**2) / (2 * rise)
    middle = half + rise - radius
    opening = np.arctan2(half, half - middle)
    steps = np.linspace(-opening, opening, 60)
    arc = np.stack([middle + radius * np.cos(steps), radius * np.sin(steps)], axis=1)
    return Polygon(np.concatenate([[[0, 0]], arc]))


def traced(shape: Polygon, noise: float, seed: int, blur: float = 0.5) -> Polygonal:
    """The outline of a shape's mask of 28 by 28 cells, with probabilities off by `noise`."""
    mask = gaussian_filter(soft_mask(shape), blur, mode="nearest")
    bumps = gaussian_filter(np.random.default_rng(seed).normal(size=mask.shape), 1.2)
    return outline(np.clip(mask + noise * bumps / bumps.std(), 0, 1), Box(*shape.bounds))


def turned(shape: Polygon, degrees: float, x: float = 0.0, y: float = 0.0) -> Polygon:
    """A shape rotated around the origin, then moved."""
    return affinity.translate(affinity.rotate(shape, degrees, origin=(0, 0)), x, y)
