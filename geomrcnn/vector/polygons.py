"""Small helpers that keep geometry valid and polygonal."""

from __future__ import annotations

from typing import TypeAlias

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

Polygonal: TypeAlias = Polygon | MultiPolygon


def polygonal(geometry: BaseGeometry) -> Polygonal:
    """The valid polygonal part of any geometry; an empty polygon where there is none."""
    if not geometry.is_valid:
        geometry = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    if isinstance(geometry, (Polygon, MultiPolygon)):
        return geometry
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type.endswith("Polygon")]
    return polygonal(shapely.union_all(parts)) if parts else Polygon()


def without_specks(geometry: Polygonal, smallest: float) -> Polygonal:
    """Drop parts and holes with an area below `smallest`; the largest part always stays."""
    parts = list(shapely.get_parts(geometry))
    if not parts:
        return Polygon()
    biggest = max(parts, key=lambda part: part.area)
    kept = [
        _without_small_holes(part, smallest)
        for part in parts
        if part is biggest or part.area >= smallest
    ]
    return kept[0] if len(kept) == 1 else MultiPolygon(kept)


def _without_small_holes(polygon: Polygon, smallest: float) -> Polygon:
    holes = [ring for ring in polygon.interiors if Polygon(ring).area >= smallest]
    return Polygon(polygon.exterior, holes)
