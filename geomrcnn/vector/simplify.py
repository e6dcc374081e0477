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

    Returns:
        Valid polygons; with a tolerance of 0 only vertices on straight edges are gone.
    """
    coarse = shapely.simplify(geometry, tolerance, preserve_topology=True)
    if coarse.is_empty:
        return polygonal(geometry)
    offset = (geometry.area - coarse.area) / coarse.length
    moved = polygonal(coarse.buffer(offset, join_style="mitre"))
    return polygonal(coarse) if moved.is_empty else moved
