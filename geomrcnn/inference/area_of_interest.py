"""Where to look: an area from any vector file, on the raster's pixels."""

from __future__ import annotations

import os

import shapely

from geomrcnn.data.labels import read_area_of_interest
from geomrcnn.data.layers import window_box
from geomrcnn.errors import DataError
from geomrcnn.raster.source import RasterSource
from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import Polygonal, polygonal


class AreaOfInterest:
    """Polygons on the raster at the model's GSD; made by `read_area`."""

    def __init__(self, area: Polygonal) -> None:
        """Take polygons in raster pixels."""
        self.area = area
        shapely.prepare(area)

    def touches(self, window: Window) -> bool:
        """Whether a tile sees any of it."""
        return bool(self.area.intersects(window_box(window)))

    def holds(self, outline: Polygonal) -> bool:
        """Whether an object belongs to it, judged by a point within the object."""
        return bool(self.area.intersects(outline.representative_point()))


def read_area(path: str | os.PathLike[str], source: RasterSource) -> AreaOfInterest:
    """Read the polygons of a vector file as one area.

    Raises:
        DataError: if there are no polygons, they cannot be placed on the raster, or miss it.
    """
    placed = read_area_of_interest(path).on(source).geometries
    if not len(placed):
        raise DataError(f"{path}: the area of interest does not overlap {source.path}")
    return AreaOfInterest(polygonal(shapely.union_all(placed)))
