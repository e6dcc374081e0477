"""From pixels to the map: where outlines get their map coordinates and their areas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import shapely
from affine import Affine

from geomrcnn.vector.polygons import Polygonal, polygonal

DEGREES = "EPSG:4326"
ELLIPSOID = pyproj.Geod(ellps="WGS84")


def to_map(polygons: Sequence[Polygonal], transform: Affine) -> list[Polygonal]:
    """Polygons from continuous pixels to map coordinates, exteriors counter-clockwise."""
    a, b, c, d, e, f = tuple(transform)[:6]
    matrix, offset = np.array([[a, b], [d, e]]), np.array([c, f])
    moved = shapely.transform(np.array(polygons, object), lambda points: points @ matrix.T + offset)
    torn = ~shapely.is_valid(moved)
    moved[torn] = [polygonal(polygon) for polygon in moved[torn]]
    return list(shapely.orient_polygons(moved))


def transformer(source: Any, target: Any) -> pyproj.Transformer:
    """What `reproject` needs, between two CRSs as pyproj understands them; x before y."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def reproject(polygon: Polygonal, way: pyproj.Transformer) -> Polygonal:
    """A polygon in another CRS.

    Raises:
        pyproj.exceptions.ProjError: if it lies where that is not defined.
    """

    def move(points: np.ndarray) -> np.ndarray:
        x, y = way.transform(points[:, 0], points[:, 1], errcheck=True)
        return np.stack([x, y], axis=1)

    return polygonal(shapely.transform(polygon, move))


def ground_areas(polygons: Sequence[Polygonal], crs: Any) -> list[float]:
    """Areas on the WGS 84 ellipsoid, in square metres, of polygons in a CRS tied to the Earth.

    Edges are geodesics, so a polygon may cross the antimeridian or hold a pole.
    """
    way = transformer(crs, DEGREES)

    def to_degrees(points: np.ndarray) -> np.ndarray:
        return np.stack(way.transform(points[:, 0], points[:, 1], errcheck=True), axis=1)

    def ring_area(ring: shapely.LinearRing) -> float:
        longitude, latitude = shapely.get_coordinates(ring).T
        return abs(float(ELLIPSOID.polygon_area_perimeter(longitude, latitude)[0]))

    def area(polygon: Polygonal) -> float:
        parts = shapely.get_parts(polygon)
        return sum(
            ring_area(part.exterior) - sum(ring_area(hole) for hole in part.interiors)
            for part in parts
        )

    return [area(polygon) for polygon in shapely.transform(np.array(polygons), to_degrees)]
