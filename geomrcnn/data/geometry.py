"""Small helpers on shapely geometries, shared by the readers and the augmentation."""

from __future__ import annotations

from typing import TypeAlias

import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

Polygonal: TypeAlias = Polygon | MultiPolygon


def polygonal(geometry: BaseGeometry) -> Polygonal | None:
    """The valid area of a geometry: lines and points are left out.

    A ring that crosses itself keeps everything it encloses: both lobes of a bow tie, and the
    heart of a star (`make_valid` by structure, not by line work, which would punch it out).

    Returns:
        A valid, non-empty Polygon or MultiPolygon, or None where nothing has an area.
    """
    if not geometry.is_valid:
        geometry = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    if isinstance(geometry, Polygon | MultiPolygon):
        return geometry if geometry.area > 0 else None
    parts = shapely.get_parts(shapely.get_parts(geometry))
    areas = [part for part in parts if isinstance(part, Polygon) and part.area > 0]
    return polygonal(shapely.union_all(areas)) if areas else None
