"""Polygon layers on the pixels of a raster: reprojected once, then looked up by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from affine import Affine
from pyproj.exceptions import ProjError

from geomrcnn.errors import DataError
from geomrcnn.raster.source import RasterSource
from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import Polygonal, polygonal

SEGMENTS = 20
"""Edges longer than the raster's extent over this are divided before they are reprojected."""

REACH = 10
"""Times the raster's extent: what is farther away is cut off first, or else the outline of a
continent would get a vertex for every few metres."""


@dataclass(frozen=True, eq=False)
class PolygonLayer:
    """Valid polygons with an area, in map coordinates.

    Attributes:
        path: The file, for messages.
        crs: What the coordinates mean, as pyproj takes it; None for the pixels of a raster that is
            not georeferenced either.
        geometries: [N] Polygon or MultiPolygon.
    """

    path: str
    crs: Any
    geometries: npt.NDArray[np.object_]

    def on(self, source: RasterSource) -> PlacedLayer:
        """The polygons that touch a raster, in its pixels.

        Raises:
            DataError: one of the two has no CRS, or a polygon cannot be reprojected.
        """
        if (self.crs is None) != (source.crs is None):
            without, other = self.path, source.path
            if self.crs is not None:
                without, other = other, without
            raise DataError(f"{without}: has no CRS, so it cannot be brought together with {other}")
        nearby = np.flatnonzero(shapely.intersects(self.geometries, self._extent(source)))
        moved = self._in_pixels(self.geometries[nearby], source)
        frame = shapely.box(0, 0, source.width, source.height)
        touching = shapely.intersects(moved, frame)
        return PlacedLayer(moved[touching], nearby[touching])

    def _extent(self, source: RasterSource) -> Polygonal:
        """The raster's outline in this layer's CRS, a little too large."""
        corners = shapely.box(0, 0, source.width, source.height)
        side = max(source.width, source.height)
        outline = shapely.segmentize(shapely.buffer(corners, 0.01 * side), side / SEGMENTS)
        transform = source.transform

        def to_layer(points: np.ndarray) -> np.ndarray:
            x, y = apply(transform, points).T
            if self.crs is not None and source.crs is not None:
                x, y = self._way(source.crs, self.crs).transform(x, y)
            return np.stack([x, y], axis=1)

        extent = shapely.transform(outline, to_layer)
        if not np.isfinite(shapely.get_coordinates(extent)).all():
            # The raster reaches where the layer's CRS is not defined: look at all polygons.
            return shapely.box(*shapely.total_bounds(self.geometries))
        return polygonal(extent)

    def _in_pixels(
        self, geometries: npt.NDArray[np.object_], source: RasterSource
    ) -> npt.NDArray[np.object_]:
        """The geometries in the raster's pixels."""
        inverse, way = ~source.transform, None
        if self.crs is not None and source.crs is not None:
            way = self._way(self.crs, source.crs)
            if pyproj.CRS(self.crs) != pyproj.CRS(source.crs):
                geometries = self._divided(geometries, self._extent(source))

        def to_pixels(points: np.ndarray) -> np.ndarray:
            x, y = points.T
            if way is not None:
                x, y = way.transform(x, y, errcheck=True)
            return apply(inverse, np.stack([x, y], axis=1))

        try:
            moved = shapely.transform(geometries, to_pixels)
        except ProjError as error:
            raise DataError(
                f"{self.path}: cannot be reprojected to the CRS of {source.path} ({error})"
            ) from error
        valid = shapely.is_valid(moved)
        moved[~valid] = [polygonal(geometry) for geometry in moved[~valid]]
        return np.asarray(moved, object)

    def _divided(
        self, geometries: npt.NDArray[np.object_], extent: Polygonal
    ) -> npt.NDArray[np.object_]:
        """Geometries without what is far from an extent, with short edges."""
        x1, y1, x2, y2 = extent.bounds
        side = max(x2 - x1, y2 - y1)
        around = shapely.box(*shapely.buffer(extent, REACH * side).bounds)
        far = ~shapely.covered_by(geometries, around)
        near = geometries.copy()
        try:
            near[far] = [polygonal(geometry.intersection(around)) for geometry in geometries[far]]
            return np.asarray(shapely.segmentize(near, side / SEGMENTS), object)
        except shapely.errors.GEOSException as error:
            raise DataError(f"{self.path}: a polygon makes no sense there ({error})") from error

    def _way(self, source: Any, target: Any) -> pyproj.Transformer:
        return way_between(source, target, self.path)


class PlacedLayer:
    """Polygons in the pixels of a raster, found by window.

    Attributes:
        geometries: [N] Polygon or MultiPolygon, in pixels of the whole raster.
        numbers: [N] which polygon of the layer each is.
    """

    def __init__(self, geometries: npt.NDArray[np.object_], numbers: npt.NDArray[np.int64]) -> None:
        """Index polygons."""
        self.geometries = geometries
        self.numbers = numbers
        self._tree = shapely.STRtree(geometries)

    def touching(self, window: Window) -> npt.NDArray[np.int64]:
        """Indices into `geometries` of those that meet a window, rising."""
        found = self._tree.query(window_box(window), predicate="intersects")
        return np.sort(np.asarray(found, np.int64))


def way_between(source: Any, target: Any, path: str) -> pyproj.Transformer:
    """From one CRS to another, x before y.

    Raises:
        DataError: there is no way, as between the Moon and the Earth; it names `path`.
    """
    try:
        return pyproj.Transformer.from_crs(source, target, always_xy=True)
    except ProjError as error:
        names = " and ".join(pyproj.CRS(crs).name for crs in (source, target))
        raise DataError(f"{path}: there is no way between the CRSs {names}") from error


def apply(transform: Affine, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points [N, (x, y)] moved by an affine transform."""
    a, b, c, d, e, f = tuple(transform)[:6]
    matrix, offset = np.array([[a, b], [d, e]]), np.array([c, f])
    moved: npt.NDArray[np.float64] = points @ matrix.T + offset
    return moved


def window_box(window: Window) -> shapely.Polygon:
    """A window as a polygon."""
    column, row, width, height = window
    return shapely.box(column, row, column + width, row + height)
