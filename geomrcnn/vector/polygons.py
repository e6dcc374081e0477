"""Small helpers that keep geometry valid and polygonal."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

Polygonal: TypeAlias = Polygon | MultiPolygon

TANGLE, TANGLE_AN_EDGE = 100_000, 20
"""Pairs of edges with meeting boxes that an outline may have, whatever its size and for each edge.
A scribble with 100,000 of them takes GEOS half a second, one with 450,000 three."""
EDGES_AT_ONCE = 100
"""Whose neighbours are looked for together, which bounds memory."""


def polygonal(geometry: BaseGeometry) -> Polygonal:
    """The valid area of any geometry, without lines and points; empty where nothing has an area.

    A ring that crosses itself keeps everything it encloses: both lobes of a bow tie, and the
    heart of a star (`make_valid` by structure, not by line work, which would punch it out).
    """
    if not geometry.is_valid:
        geometry = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    if isinstance(geometry, (Polygon, MultiPolygon)):
        return geometry if geometry.area > 0 else Polygon()
    areas = [part for part in polygons_of(geometry) if part.area > 0]
    return polygonal(shapely.union_all(areas)) if areas else Polygon()


def is_tangled(geometry: BaseGeometry) -> bool:
    """Whether an outline crosses itself so often that GEOS would work on it for seconds or hours.

    Counted are pairs of edges whose boxes meet: a few to an edge in anything drawn or traced, half
    of all pairs in a scribble.
    """
    rings = shapely.get_rings(np.array(polygons_of(geometry), object))
    points, of_ring = shapely.get_coordinates(rings, return_index=True)
    edges = shapely.linestrings(np.stack([points[:-1], points[1:]], axis=1)[np.diff(of_ring) == 0])
    tree, meetings = shapely.STRtree(edges), 0
    for start in range(0, len(edges), EDGES_AT_ONCE):
        meetings += tree.query(edges[start : start + EDGES_AT_ONCE]).shape[1]
        if meetings > TANGLE + TANGLE_AN_EDGE * len(edges):
            return True
    return False


def polygons_of(geometry: BaseGeometry | None) -> list[Polygon]:
    """The polygons in any geometry, at any depth of collections, that have a point.

    Files may have empty polygons and empty holes: GEOS takes them for valid, and some of its
    functions crash on them.
    """
    parts = np.array([geometry], object)
    while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        parts = shapely.get_parts(parts)
    return [
        Polygon(part.exterior, [ring for ring in part.interiors if not ring.is_empty])
        if shapely.is_empty(shapely.get_rings(part)).any()
        else part
        for part in parts
        if isinstance(part, Polygon) and not part.is_empty
    ]


def filled(geometry: Polygonal, smallest: float) -> Polygonal:
    """Fill holes with an area below `smallest`; infinity fills all."""
    parts = [_without_small_holes(part, smallest) for part in shapely.get_parts(geometry)]
    if len(parts) == 1:
        return parts[0]
    # What was an island in a hole now lies within the part around it.
    return polygonal(shapely.union_all(parts)) if parts else Polygon()


def without_specks(geometry: Polygonal, smallest: float) -> Polygonal:
    """Drop parts and holes with an area below `smallest`; the largest part always stays."""
    if isinstance(geometry, Polygon):
        return _without_small_holes(geometry, smallest)
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
    if not shapely.get_num_interior_rings(polygon):
        return polygon
    holes = [ring for ring in polygon.interiors if Polygon(ring).area >= smallest]
    return Polygon(polygon.exterior, holes)
