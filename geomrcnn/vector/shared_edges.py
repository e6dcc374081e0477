"""One edge between neighbours, where their outlines were found apart and do not quite meet.

Simplification that keeps shared edges shared (`shapely.coverage_simplify`) wants a valid coverage:
no overlaps, and every vertex of a common edge in both polygons. Outlines found one by one overlap
a little here and leave slivers there. So they are made into a coverage first, in the manner of
planar partition repair by triangulation (Arroyo Ohori, Ledoux and Meijers 2012): all lines are cut
at each other, every face between them goes to one polygon, and gaps are triangulated and shared out
along the line half way between their sides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from geomrcnn.vector.components import components
from geomrcnn.vector.polygons import Polygonal, polygonal

GRID = 2.0**-10
"""Vertices are moved to multiples of this many pixels, so that lines meet exactly."""


def share_edges(polygons: Sequence[Polygonal], gap: float, tolerance: float) -> list[Polygonal]:
    """Give neighbours common edges, and simplify them together.

    Where polygons overlap, the earlier one has the ground: pass the better ones first. Gaps up to
    `gap` wide between different polygons are shared out half and half; wider ones stay, and so do
    notches of a single polygon. Polygons further apart than `gap` do not know of each other.

    Args:
        polygons: Valid, in pixels, the best first.
        gap: Widest sliver to close, in pixels.
        tolerance: How much to simplify, in pixels: about the root of the area of the triangles that
            edges are cut short by (Visvalingam and Whyatt 1993). 0 leaves out no vertex that
            matters.

    Returns:
        As many polygons in the same order: a valid coverage. One that lies wholly within earlier
        ones is empty.

    Raises:
        ValueError: for a gap or a tolerance below 0.
    """
    if gap < 0 or tolerance < 0:
        raise ValueError("neither gap nor tolerance can be below 0 pixels")
    shared: list[Polygonal] = list(polygons)
    for cluster in _clusters(polygons, gap):
        if len(cluster) > 1:
            covered = _cover([polygons[k] for k in cluster], gap)
            for k, polygon in zip(cluster, covered, strict=True):
                shared[k] = polygon
    there = [k for k, polygon in enumerate(shared) if not polygon.is_empty]
    simple = shapely.coverage_simplify([shared[k] for k in there], tolerance)
    for k, polygon in zip(there, simple, strict=True):
        shared[k] = polygon
    return shared


def _clusters(polygons: Sequence[Polygonal], gap: float) -> list[list[int]]:
    """Groups of polygons that touch, overlap, or come as near as a gap; as lists of numbers."""
    if not polygons:
        return []
    first, second = STRtree(polygons).query(polygons, predicate="dwithin", distance=gap)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for k, label in enumerate(components(len(polygons), np.stack([first, second], axis=1))):
        groups[int(label)].append(k)
    return list(groups.values())


def _cover(polygons: Sequence[Polygonal], gap: float) -> list[Polygonal]:
    """A coverage of polygons, with the gaps between them closed."""
    own = np.arange(len(polygons))
    apart = [_without_slivers(polygon, gap) for polygon in _planarise(polygons, own)]
    return _planarise([*apart, *_shared_out(_gaps(apart, gap), apart)], np.tile(own, 2))


def _planarise(pieces: Sequence[BaseGeometry], owners: np.ndarray) -> list[Polygonal]:
    """For each owner, from 0, the union of its pieces, with the vertices of all that it touches.

    Where several pieces lie, the first stays. Seams that rounding to the grid has opened close.
    """
    exact = shapely.set_precision(np.array(pieces, dtype=object), GRID, mode="pointwise")
    lines = shapely.union_all(shapely.boundary(exact), grid_size=GRID)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    points = shapely.point_on_surface(faces)
    tree = STRtree(exact)
    first = _first(len(faces), *tree.query(points, predicate="within"))
    # Twice the area over the length of its outline is at least half the width of a thin face.
    seam = (first < 0) & (shapely.area(faces) < GRID * shapely.length(faces))
    first[seam] = _first(seam.sum(), *tree.query_nearest(points[seam]))
    owner = np.where(first < 0, -1, owners[first])
    return [polygonal(area) for area in _joined(faces, owner, owners.max() + 1)]


def _joined(pieces: np.ndarray, owners: np.ndarray, count: int) -> list[BaseGeometry]:
    """For each owner from 0 to a count, the union of its pieces, which fit each other."""
    order = np.argsort(owners, kind="stable")
    bounds = np.searchsorted(owners[order], np.arange(count + 1))
    return [shapely.coverage_union_all(pieces[order[a:b]]) for a, b in pairwise(bounds)]


def _first(count: int, inputs: np.ndarray, matches: np.ndarray) -> np.ndarray:
    """The least match of each of a tree's inputs, -1 where there is none."""
    least = np.full(count, np.iinfo(int).max)
    np.minimum.at(least, inputs, matches)
    return np.where(least < np.iinfo(int).max, least, -1)


def _without_slivers(polygon: Polygonal, gap: float) -> Polygonal:
    """A polygon without the slivers that a neighbour has cut off from it."""
    parts = shapely.get_parts(polygon)
    if len(parts) < 2:
        return polygon
    wide = ~shapely.is_empty(shapely.buffer(parts, -gap / 2))
    wide[np.argmax(shapely.area(parts))] = True
    return MultiPolygon(list(parts[wide])) if wide.sum() > 1 else parts[wide][0]


def _gaps(polygons: Sequence[Polygonal], gap: float) -> list[Polygon]:
    """Places between at least two polygons where they are no further apart than a gap.

    These are what the union of all gains when it is grown by half a gap and shrunk again.
    """
    union = shapely.coverage_union_all(polygons)
    closed = union.buffer(gap / 2, join_style="mitre").buffer(-gap / 2, join_style="mitre")
    narrow = polygonal(shapely.difference(closed, union, grid_size=GRID))
    parts = shapely.get_parts(narrow)
    part, _ = STRtree(polygons).query(parts, predicate="dwithin", distance=GRID)
    between = parts[np.bincount(part, minlength=len(parts)) > 1]
    # Long triangles would carry the corner where three polygons meet far along the gap.
    return list(shapely.segmentize(between, 4 * gap)) if len(between) else []


def _shared_out(gaps: Sequence[Polygon], polygons: Sequence[Polygonal]) -> list[BaseGeometry]:
    """What each polygon gets of gaps.

    The corners of a triangle lie on polygons. Where they lie on two, the triangle is cut half way
    between, and where on three, from the middles of its edges to its centroid: the pieces of all
    triangles then meet in the middle of the gap. Each triangle is made into three pieces, one
    around each corner, which meet at a hub.
    """
    if not gaps:
        return [Polygon()] * len(polygons)
    triangles = shapely.get_parts(
        shapely.get_parts(shapely.constrained_delaunay_triangles(np.array(gaps, dtype=object)))
    )
    corners = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    owners = _nearest(corners.reshape(-1, 2), polygons).reshape(-1, 3)
    between = owners != np.roll(owners, -1, axis=1)  # edges after the corners
    middles = (corners + np.roll(corners, -1, axis=1)) / 2
    # Edges of one owner need no cut, and rounding a middle would bend them.
    middles = np.where(between[..., None], middles, corners)
    weight = np.where(between.any(axis=1, keepdims=True), between, True)[..., None]
    hub = (middles * weight).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    rings = np.stack(
        [corners, middles, np.broadcast_to(hub, corners.shape), np.roll(middles, 1, axis=1)], axis=2
    )
    pieces = shapely.polygons(rings.reshape(-1, 4, 2))
    solid = shapely.area(pieces) > 0
    return _joined(pieces[solid], owners.ravel()[solid], len(polygons))


def _nearest(points: np.ndarray, polygons: Sequence[Polygonal]) -> np.ndarray:
    """The number of the polygon next to each point [n, 2], the first of several."""
    places, back = np.unique(points, axis=0, return_inverse=True)
    nearest = _first(len(places), *STRtree(polygons).query_nearest(shapely.points(places)))
    return nearest[back.ravel()]
