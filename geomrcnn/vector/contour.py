"""The outline of a soft mask, traced between the cells instead of along them."""

from __future__ import annotations

import functools
from typing import cast

import contourpy
import numpy as np
import shapely
from shapely import MultiPolygon, Polygon

from geomrcnn.vector.instance import Box
from geomrcnn.vector.polygons import Polygonal, polygonal, without_specks

LEVEL = 0.5
"""Probability at which an object ends."""

RIM = LEVEL / 0.99
"""What is left of a probability at the edge of the box, half way to the zeros beyond: one half,
and a little, so that objects a network is 99 % sure of fill their box with square corners."""

NO_GAPS = np.array(False)
"""A mask without gaps, as contourpy wants it."""

SPECK_AREA = 4.0
"""Parts and holes below this many square pixels are noise ..."""

SPECK_SHARE = 0.01
"""... and so are those below this share of the object."""


def outline(mask: np.ndarray, box: Box) -> Polygonal:
    """Trace where a soft mask falls below one half.

    The mask is zero beyond its box, and values between cell centres are interpolated, so the
    outline is as fine as the probabilities are: no grid of hard pixels ever comes between. Where
    the mask is saturated at the edge of its box, the outline is exactly that edge.

    Args:
        mask: [h, w] probabilities; cell (i, j) is centred at ((j + 0.5) / w, (i + 0.5) / h) of
            the box.
        box: Where the mask lies, in raster pixels.

    Returns:
        Valid polygons in raster pixels, with holes, without specks; empty where no probability
        reaches one half or the box has no area.
    """
    if box.width <= 0 or box.height <= 0:
        return Polygon()
    rows, columns = mask.shape
    x, y = np.empty((2, rows + 2, columns + 2))
    x[:] = box.x1 + _centres_and_rims(columns) * box.width
    y[:] = (box.y1 + _centres_and_rims(rows) * box.height)[:, None]
    # What `contour_generator` would make, which takes longer to look for gaps than to trace.
    generator = contourpy.SerialContourGenerator(
        x,
        y,
        _rimmed(mask),
        NO_GAPS,
        corner_mask=True,
        line_type=contourpy.LineType.Separate,
        fill_type=contourpy.FillType.OuterOffset,
        quad_as_tri=False,
        z_interp=contourpy.ZInterp.Linear,
    )
    # A cell of exactly one half belongs to the object; the library leaves out the lower bound.
    filled = generator.filled(np.nextafter(LEVEL, 0.0), np.inf)
    points, offsets = cast(tuple[list[np.ndarray], ...], filled)
    parts = [_polygon(*rings) for rings in zip(points, offsets, strict=True)]
    valid = polygonal(parts[0] if len(parts) == 1 else MultiPolygon(parts))
    return without_specks(valid, max(SPECK_AREA, SPECK_SHARE * valid.area))


@functools.cache
def _centres_and_rims(count: int) -> np.ndarray:
    """Positions of cell centres in [0, 1], with both ends of the interval; not to be changed."""
    return np.concatenate([[0.0], (np.arange(count) + 0.5) / count, [1.0]])


def _rimmed(mask: np.ndarray) -> np.ndarray:
    """The mask with its values on the rim of the box: half way from the last cell to zero."""
    rows, columns = mask.shape
    padded = np.empty((rows + 2, columns + 2))
    padded[1:-1, 1:-1] = mask
    padded[1:-1, 0], padded[1:-1, -1] = padded[1:-1, 1], padded[1:-1, -2]
    padded[0], padded[-1] = padded[1] * RIM, padded[-2] * RIM
    padded[1:-1, [0, -1]] *= RIM
    return padded


def _polygon(points: np.ndarray, offsets: np.ndarray) -> Polygon:
    """A polygon from one outer ring and its holes, as contourpy lays them out."""
    if len(offsets) == 2:
        return shapely.polygons(points)
    shell, *holes = np.split(points, offsets[1:-1])
    return Polygon(shell, holes)
