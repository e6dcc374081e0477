"""Rings cut into pieces that become straight edges, at the least cost.

Which cuts and directions are best is decided for the whole ring at once, by dynamic programming as
for polygonal approximation with the fewest edges (Imai and Iri 1988), so no early choice spoils a
later one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from shapely import Polygon

from geomrcnn.vector.moments import Moments, least_spread

FINE = 0.25
"""A ring may be cut where it has a vertex after simplification by this share of the tolerance."""

SHORT = 4.0
"""Edges between such vertices that are shorter than this many tolerances may be cut in their middle
too: a rounded corner is one or two such edges, and its cut belongs half way round."""

FREE_EDGE = 1.5
"""What an edge of any direction costs, where one of a prescribed direction costs 1."""


class Ring(NamedTuple):
    """A ring of m vertices where it may be cut, twice round.

    Attributes:
        vertices: [2 m + 1, 2] in pixels.
        moments: Of the whole ring with all its points, up to each of these vertices.
    """

    vertices: np.ndarray
    moments: Moments


class Piece(NamedTuple):
    """Part of a ring that becomes one edge.

    Attributes:
        first: Vertex of the ring that it begins at.
        last: Vertex that it ends at.
        direction: Number of its direction; `Directions.count` stands for one of its own.
    """

    first: int
    last: int
    direction: int


def vertices_of(ring: Polygon, tolerance: float) -> np.ndarray:
    """[n, 2] vertices of a simplified ring, without the first again at the end.

    The ring is first turned to begin at the vertex furthest from their middle, a corner rather
    than a point of an edge, for simplification never drops the first.
    """
    points = shapely.get_coordinates(ring.exterior)[:-1]
    start = np.argmax(((points - points.mean(axis=0)) ** 2).sum(axis=1))
    turned = Polygon(np.roll(points, -start, axis=0))
    return np.asarray(shapely.get_coordinates(turned.simplify(tolerance).exterior)[:-1])


def twice_round(ring: Polygon, tolerance: float) -> Ring:
    """A ring with the vertices where it may be cut."""
    points = shapely.get_coordinates(shapely.segmentize(ring, tolerance).exterior)[:-1]
    kept = vertices_of(ring, FINE * tolerance)
    place = np.array([1, 1j])  # a complex number for each point
    at = np.flatnonzero(np.isin(points @ place, kept @ place))
    points, at = np.roll(points, -at[0], axis=0), at - at[0]
    following = np.append(at[1:], len(points))
    reach = points[following % len(points)] - points[at]
    short = (following - at > 1) & (np.hypot(*reach.T) <= SHORT * tolerance)
    at = np.sort(np.concatenate([at, ((at + following) // 2)[short]]))
    around = np.concatenate([points, points, points[:1]])
    at = np.concatenate([at, at + len(points), [2 * len(points)]])
    return Ring(around[at], Moments.along(around).at(at))


def cut_ring(ring: Ring, normals: np.ndarray, free: bool, tolerance: float) -> list[Piece] | None:
    """The cheapest way to cut a ring into pieces that keep to straight edges; None if none does.

    A first run goes twice round the ring, so that in its middle no trace is left of where it
    began. A cut it makes there is where the second, exact run begins and ends.
    """
    count = len(ring.vertices) // 2
    twice = _cut_line(ring, normals, free, tolerance)
    if twice is None:
        return None
    start = min((piece.first for piece in twice), key=lambda first: abs(first - count)) % count
    once = slice(start, start + count + 1)
    line = Ring(ring.vertices[once], ring.moments.at(once))
    pieces = _cut_line(line, normals, free, tolerance)
    return pieces and [
        Piece(first + start, last + start, direction) for first, last, direction in pieces
    ]


def _cut_line(line: Ring, normals: np.ndarray, free: bool, tolerance: float) -> list[Piece] | None:
    """Cut a line that begins and ends at one place, with a cut, at the least cost.

    The cost is the squared distance of the line from its edges, integrated along it, plus
    tolerance³ an edge. Pieces of one direction in a row need an edge between them.
    """
    points, moments = line
    kinds = len(normals) + free
    edge_cost = np.full(kinds, float(tolerance) ** 3)
    edge_cost[len(normals) :] *= FREE_EDGE
    change = np.diag(np.append(edge_cost[: len(normals)], [0.0] * free))
    # least[k, d, e]: cost up to vertex k, having begun with direction d and ending with e;
    # onwards[k, d, e]: the same, about to go on with direction e.
    least = np.full((len(points), kinds, kinds), np.inf)
    onwards = np.full_like(least, np.inf)
    onwards[0] = np.where(np.eye(kinds, dtype=bool), 0, np.inf)
    came_from = np.zeros(least.shape, int)
    came_with = np.zeros(least.shape, int)
    for k in range(1, len(points)):
        costs = _edge_costs(points, moments, k, normals, free, tolerance) + edge_cost
        totals = onwards[:k] + costs[:, None, :]
        came_from[k] = totals.argmin(axis=0)
        least[k] = totals.min(axis=0)
        steps = least[k][:, :, None] + change
        came_with[k] = steps.argmin(axis=1)
        onwards[k] = steps.min(axis=1)
    closed = least[-1] + change.T
    begun, direction = np.unravel_index(closed.argmin(), closed.shape)
    if not np.isfinite(closed[begun, direction]):
        return None
    pieces, k = [], len(points) - 1
    while k > 0:
        first = int(came_from[k, begun, direction])
        pieces.append(Piece(first, k, int(direction)))
        direction, k = came_with[first, begun, direction], first
    return pieces[::-1]


def _edge_costs(
    points: np.ndarray, moments: Moments, last: int, normals: np.ndarray, free: bool, band: float
) -> np.ndarray:
    """[last, kinds] squared distance, integrated, of the line from vertex 0.. to `last` from its
    best edge of each direction; infinite where a vertex is further off than the band."""
    _, middle, spread = moments.between(np.arange(last), last)
    costs = np.einsum("da,kab,db->kd", normals, spread, normals)
    across = points[: last + 1] @ normals.T
    highest = np.maximum.accumulate(across[::-1])[::-1][:-1]
    lowest = np.minimum.accumulate(across[::-1])[::-1][:-1]
    offsets = middle @ normals.T
    off = np.maximum(highest - offsets, offsets - lowest)
    if free:
        normal, least = least_spread(spread)
        distance = np.abs(points[: last + 1] @ normal.T - (middle * normal).sum(axis=1))
        covered = np.arange(last + 1)[:, None] >= np.arange(last)
        costs = np.column_stack([costs, least])
        off = np.column_stack([off, np.where(covered, distance, 0).max(axis=0)])
    return np.where(off <= band, costs, np.inf)
