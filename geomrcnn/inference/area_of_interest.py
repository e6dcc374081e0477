"""Where to look: an area from any vector file, on the raster's pixels."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import shapely
from pyproj.exceptions import ProjError

from geomrcnn.data.labels import read_area_of_interest
from geomrcnn.data.layers import way_between
from geomrcnn.errors import DataError, OutsideError
from geomrcnn.raster.grid import TileGrid
from geomrcnn.raster.source import RasterSource
from geomrcnn.raster.tile_service import Bounds
from geomrcnn.vector.polygons import Polygonal, polygonal

METRES_A_DEGREE = 111_320.0
"""Of latitude, near enough for a margin."""


class AreaOfInterest:
    """Polygons on the raster at the model's GSD; made by `read_area`."""

    def __init__(self, area: Polygonal) -> None:
        """Take polygons in raster pixels."""
        self.area = area
        shapely.prepare(area)

    def touches(self, grid: TileGrid) -> npt.NDArray[np.bool_]:
        """Which tiles see any of it, [rows, columns]."""
        left, side = np.array(grid.column_starts), grid.tile
        rows = (
            shapely.intersects(self.area, shapely.box(left, top, left + side, top + side))
            for top in grid.row_starts
        )
        return np.stack(list(rows))

    def holds(self, outline: Polygonal) -> bool:
        """Whether an object belongs to it, judged by a point within the object."""
        return bool(self.area.intersects(outline.representative_point()))


def read_area(path: str | os.PathLike[str], source: RasterSource) -> AreaOfInterest:
    """Read the polygons of a vector file as one area.

    Raises:
        OutsideError: if they miss the raster.
        DataError: if there are no polygons, or they cannot be placed on the raster.
    """
    placed = read_area_of_interest(path).on(source).geometries
    if not len(placed):
        raise OutsideError(f"{path}: the area of interest does not overlap {source.path}")
    return AreaOfInterest(polygonal(shapely.union_all(placed)))


def bounds_of(path: str | os.PathLike[str], margin: float) -> Bounds | None:
    """Where on the Earth an area of interest lies.

    Args:
        path: A vector file with polygons.
        margin: Metres to go beyond them on all sides.

    Returns:
        None if the file has no CRS.

    Raises:
        DataError: if there are no polygons, or they lie where their CRS is not defined.
    """
    layer = read_area_of_interest(path)
    if layer.crs is None:
        return None
    way = way_between(layer.crs, "EPSG:4326", layer.path)
    try:
        bounds = way.transform_bounds(*shapely.total_bounds(layer.geometries))
    except ProjError as error:
        raise DataError(f"{path}: lies where its CRS is not defined") from error
    west, south, east, north = bounds
    if not np.isfinite([west, south, east, north]).all():
        raise DataError(f"{path}: lies where its CRS is not defined")
    up = margin / METRES_A_DEGREE
    aside = up / max(float(np.cos(np.radians((south + north) / 2))), 0.01)
    return Bounds(
        max(west - aside, -180.0), max(south - up, -90.0),
        min(east + aside, 180.0), min(north + up, 90.0),
    )  # fmt: skip
