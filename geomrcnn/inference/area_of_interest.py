"""Where to look: an area from any vector file, on the raster's pixels."""

from __future__ import annotations

import os

import shapely
from pyproj.exceptions import ProjError

from geomrcnn.errors import DataError
from geomrcnn.formats.reader import read_features
from geomrcnn.inference.georeference import reproject, to_pixels, transformer
from geomrcnn.raster.source import RasterSource
from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import Polygonal, polygonal

SEGMENTS = 100
"""Pieces an area's longer side is cut into before it is reprojected: straight lines may bend."""


class AreaOfInterest:
    """Polygons on the raster at the model's GSD; made by `read_area`."""

    def __init__(self, area: Polygonal) -> None:
        """Take polygons in raster pixels."""
        self.area = area
        shapely.prepare(area)

    def touches(self, window: Window) -> bool:
        """Whether a tile sees any of it."""
        column, row, width, height = window
        return bool(self.area.intersects(shapely.box(column, row, column + width, row + height)))

    def holds(self, outline: Polygonal) -> bool:
        """Whether an object belongs to it, judged by a point within the object."""
        return bool(self.area.intersects(outline.representative_point()))


def read_area(path: str | os.PathLike[str], source: RasterSource) -> AreaOfInterest:
    """Read the polygons of a vector file as one area.

    Raises:
        DataError: if there are no polygons, they cannot be placed on the raster, or miss it.
    """
    frame = read_features(path)
    area = polygonal(shapely.union_all([polygonal(shape) for shape in frame.geometry.dropna()]))
    if area.is_empty:
        raise DataError(f"{path}: holds no polygon to be the area of interest")
    if (frame.crs is None) != (source.crs is None):
        without, other = (path, source.path) if frame.crs is None else (source.path, path)
        raise DataError(f"{without}: has no CRS, so it cannot be brought together with {other}")
    if frame.crs is not None and source.crs is not None:
        left, bottom, right, top = area.bounds
        dense = shapely.segmentize(area, max(right - left, top - bottom) / SEGMENTS)
        try:
            area = reproject(dense, transformer(frame.crs, source.crs))
        except ProjError as error:
            raise DataError(
                f"{path}: cannot be reprojected to the CRS of {source.path} ({error})"
            ) from error
    area = to_pixels(area, source.transform)
    if not area.intersects(shapely.box(0, 0, source.width, source.height)):
        raise DataError(f"{path}: the area of interest does not overlap {source.path}")
    return AreaOfInterest(area)
