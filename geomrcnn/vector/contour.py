"""The outline of a soft mask, traced between the cells instead of along them."""

from __future__ import annotations

from typing import cast

import contourpy
import numpy as np
from shapely import MultiPolygon, Polygon

from geomrcnn.vector.instance import Box
from geomrcnn.vector.polygons import Polygonal, polygonal, without_specks

LEVEL = 0.5
"""Probability at which an object ends."""

RIM = LEVEL / 0.99
"""What is left of a probability at the edge of the box, half way to the zeros beyond: one half,
and a little, so that objects a network is 99 % sure of fill their box with square corners."""

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
    generator = contourpy.contour_generator(
        x=box.x1 + _centres_and_rims(columns) * box.width,
        y=box.y1 + _centres_and_rims(rows) * box.height,
        z=_rimmed(mask),
        fill_type=contourpy.FillType.OuterOffset,
    )
    # A cell of exactly one half belongs to the object; the library leaves out the lower bound.
    filled = generator.filled(np.nextafter(LEVEL, 0.0), np.inf)
    points, offsets = cast(tuple[list[np.ndarray], ...], filled)
    traced = MultiPolygon([_polygon(*rings) for rings in zip(points, offsets, strict=True)])
    valid = polygonal(traced)
    return without_specks(valid, max(SPECK_AREA, SPECK_SHARE * valid.area))


def _centres_and_rims(count: int) -> np.ndarray:
    """Positions of cell centres in [0, 1], with both ends of the interval."""
    return np.concatenate([[0.0], (np.arange(count) + 0.5) / count, [1.0]])


def _rimmed(mask: np.ndarray) -> np.ndarray:
    """The mask with its values on the rim of the box: half way from the last cell to zero."""
    padded = np.pad(mask.astype(np.float64), 1, mode="edge")
    padded[[0, -1], :] *= RIM
    padded[1:-1, [0, -1]] *= RIM
    return padded


def _polygon(points: np.ndarray, offsets: np.ndarray) -> Polygon:
    """A polygon from one outer ring and its holes, as contourpy lays them out."""
    shell, *holes = np.split(points, offsets[1:-1])
    return Polygon(shell, holes)
