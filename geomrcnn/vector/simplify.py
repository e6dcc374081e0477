"""Fewer vertices, the same shape, the same area."""

from __future__ import annotations

import shapely

from geomrcnn.vector.polygons import Polygonal, polygonal

TOLERANCE = 0.25
"""Default in pixels: the most that keeps ideal outlines of objects of 8 to 60 pixels at a mean
intersection over union of 0.99 with the truth. Five in six vertices go."""


def simplify(geometry: Polygonal, tolerance: float = TOLERANCE) -> Polygonal:
    """Drop vertices that lie within `tolerance` of the outline without them.

    Dropping vertices (Douglas and Peucker, 1973) cuts every bend short, so that round objects
    shrink: 2 % at half a pixel. The outline is therefore moved in parallel until the area is as
    before, by less than the tolerance again except at sharp corners.

    Tolerances near the size of the object leave a few vertices, moved where that helps the area.

    Returns:
        Valid polygons, empty only if there were none; with a tolerance of 0 only vertices on
        straight edges are gone.
    """
    coarse = polygonal(_thinned(geometry, tolerance))
    if coarse.is_empty:
        return polygonal(geometry)
    offset = (geometry.area - coarse.area) / coarse.length
    moved = polygonal(coarse.buffer(offset, join_style="mitre"))
    if moved.is_empty:
        return coarse
    return min(coarse, moved, key=lambda one: abs(one.area - geometry.area))


def _thinned(geometry: Polygonal, tolerance: float) -> Polygonal:
    """Douglas and Peucker's vertices, with every part and hole.

    The plain way takes a seventh of the time of the one that looks out for rings which come to
    cross, and gives the same where none do; where some do, it gives fewer rings, or others.
    """
    plain = shapely.simplify(geometry, tolerance, preserve_topology=False)
    if _rings(plain) == _rings(geometry):
        return plain
    return shapely.simplify(geometry, tolerance, preserve_topology=True)


def _rings(geometry: Polygonal) -> list[int]:
    """Number of parts, and of holes in each."""
    return list(shapely.get_num_interior_rings(shapely.get_parts(geometry)))
