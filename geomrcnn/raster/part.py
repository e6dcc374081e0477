"""The part of a raster that lies within bounds on the Earth."""

from __future__ import annotations

import math

import numpy as np
import pyproj
from pyproj.exceptions import ProjError
from rasterio.io import DatasetReader

from geomrcnn.errors import RasterError
from geomrcnn.raster.tile import Window
from geomrcnn.raster.tile_service import Bounds

EDGE_POINTS = 21
"""Points that the edges of bounds are divided by: straight in degrees is curved elsewhere."""


def part_within(dataset: DatasetReader, name: str, bounds: Bounds | None) -> Window:
    """The smallest window of a file that holds all it has of some bounds.

    Args:
        dataset: A georeferenced raster, or any if there are no bounds.
        name: What messages call it.
        bounds: In degrees; None takes the whole.

    Returns:
        In pixels of the file, not empty.

    Raises:
        RasterError: nothing of the raster lies within, or the bounds are where its CRS is not
            defined.
    """
    if bounds is None:
        return Window(0, 0, dataset.width, dataset.height)
    way = pyproj.Transformer.from_crs("EPSG:4326", dataset.crs, always_xy=True)
    try:
        left, bottom, right, top = way.transform_bounds(*bounds, densify_pts=EDGE_POINTS)
    except ProjError as error:
        raise RasterError(f"{name}: its CRS is not defined at the area of interest") from error
    a, b, c, d, e, f = tuple(~dataset.transform)[:6]
    x, y = np.array([left, right, right, left]), np.array([bottom, bottom, top, top])
    columns, rows = a * x + b * y + c, d * x + e * y + f
    if not np.isfinite([columns, rows]).all():
        raise RasterError(f"{name}: its CRS is not defined at the area of interest")
    first_column, last_column = _inside(columns, dataset.width)
    first_row, last_row = _inside(rows, dataset.height)
    if first_column >= last_column or first_row >= last_row:
        raise RasterError(f"{name}: does not reach the area of interest")
    return Window(first_column, first_row, last_column - first_column, last_row - first_row)


def _inside(places: np.ndarray, size: int) -> tuple[int, int]:
    """First pixel, and one past the last, of those in [0, size) that places lie between."""
    return max(0, math.floor(places.min())), min(size, math.ceil(places.max()))
