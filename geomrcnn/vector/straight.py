"""Outlines of straight edges in few directions, fitted to rings by least squares.

A ring is cut into pieces, and each piece becomes one straight edge. Which cuts and directions are
best is decided for the whole ring at once, by dynamic programming as for polygonal approximation
with the fewest edges (Imai and Iri 1988), so no early choice spoils a later one. All edges with a
prescribed direction are then fitted together: one angle for all rings, an offset for each edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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

WINDOW = math.radians(10)
"""Edges within this angle of the most frequent direction decide which it is exactly."""

OBLIQUE = 1.5
"""Tolerances that the ends of an edge may lie off an allowed direction through its middle; beyond
that, only a staircase would stay near the edge."""

SHARP = math.sin(math.radians(25))
"""Sine of the least angle between two edges whose corner is where their lines meet."""

FREE_EDGE = 1.5
"""What an edge of any direction costs, where one of a prescribed direction costs 1."""


@dataclass(frozen=True)
class Directions:
    """Directions that edges may take.

    Attributes:
        count: Evenly spread over half a turn, from an angle fitted to the outline.
        free: Whether edges that fit none of them may take their own.
    """

    count: int
    free: bool = False

    @property
    def spacing(self) -> float:
        """Angle between neighbouring directions, in radians."""
        return math.pi / self.count

    def normals(self, angle: float) -> np.ndarray:
        """[count, 2] unit normals of the directions, the first of which is `angle`."""
        across = angle + self.spacing * np.arange(self.count) + math.pi / 2
        return np.stack([np.cos(across), np.sin(across)], axis=1)


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


class Line(NamedTuple):
    """Points whose product with the normal is the offset; `own` if no direction was prescribed."""

    normal: np.ndarray
    offset: float
    own: bool


def straighten(
    rings: Sequence[Polygon], tolerance: float, directions: Directions
) -> list[Polygon | None]:
    """Fit outlines of straight edges to rings that share their directions.

    Args:
        rings: Polygons without holes, in pixels; the first has the say if they disagree.
        tolerance: Pixels that edges may lie off the ring, about; an edge more must bring as much
            as a deviation by it over a length of it.
        directions: What edges may be.

    Returns:
        For each ring its fit, which may be invalid; None where edges are too oblique.
    """
    coarse = [_vertices(ring, tolerance) for ring in rings]
    angle = dominant_direction(coarse[0], directions.spacing)
    normals = directions.normals(angle)
    cut: dict[int, tuple[Ring, list[Piece]]] = {}
    for k, (polygon, vertices) in enumerate(zip(rings, coarse, strict=True)):
        if directions.free or not _any_oblique(vertices, normals, tolerance):
            ring = _twice_round(polygon, tolerance)
            pieces = _cut(ring, normals, directions.free, tolerance)
            if pieces is not None:
                cut[k] = ring, pieces
    normals = directions.normals(_refined(angle, list(cut.values()), directions))
    return [_assemble(*cut[k], normals) if k in cut else None for k in range(len(rings))]


def dominant_direction(vertices: np.ndarray, period: float) -> float:
    """The most frequent direction of a ring's edges, modulo a period, in radians.

    The peak of their histogram weighted by length, with a window around every edge's own angle in
    place of bins, then the mean of those in the window around the peak. There edges weigh by the
    cube of their length: that is the least squares of their points' distances.
    """
    edges = np.roll(vertices, -1, axis=0) - vertices
    length = np.hypot(*edges.T)
    angle = np.arctan2(edges[:, 1], edges[:, 0])
    apart = np.abs(_wrapped(angle[:, None] - angle, period))
    peak = angle[np.argmax(np.maximum(1 - apart / WINDOW, 0) @ length)]
    off = _wrapped(angle - peak, period)
    weight = np.where(np.abs(off) <= WINDOW, length**3, 0)
    return float(peak + (weight @ off) / weight.sum())


def _wrapped(angle: np.ndarray, period: float) -> np.ndarray:
    """Angles to the nearest multiple of the period."""
    return angle - period * np.round(angle / period)


def _vertices(ring: Polygon, tolerance: float) -> np.ndarray:
    """[n, 2] vertices of a simplified ring, without the first again at the end.

    The ring is first turned to begin at the vertex furthest from their middle, a corner rather
    than a point of an edge, for simplification never drops the first.
    """
    points = shapely.get_coordinates(ring.exterior)[:-1]
    start = np.argmax(((points - points.mean(axis=0)) ** 2).sum(axis=1))
    turned = Polygon(np.roll(points, -start, axis=0))
    return np.asarray(shapely.get_coordinates(turned.simplify(tolerance).exterior)[:-1])


def _twice_round(ring: Polygon, tolerance: float) -> Ring:
    """A ring with the vertices where it may be cut."""
    points = shapely.get_coordinates(shapely.segmentize(ring, tolerance).exterior)[:-1]
    kept = _vertices(ring, FINE * tolerance)
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


def _any_oblique(vertices: np.ndarray, normals: np.ndarray, tolerance: float) -> bool:
    """Whether some edge is too long and too oblique for every direction."""
    edges = np.roll(vertices, -1, axis=0) - vertices
    off = np.abs(edges @ normals.T).min(axis=1) / 2
    return bool((off > OBLIQUE * tolerance).any())


def _cut(ring: Ring, normals: np.ndarray, free: bool, tolerance: float) -> list[Piece] | None:
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


def _refined(
    angle: float, cut: Sequence[tuple[Ring, list[Piece]]], directions: Directions
) -> float:
    """The angle near `angle` that fits all pieces of prescribed directions best.

    Each piece's spread is turned by its direction, so that all normals become one: the direction
    in which the sum spreads least.
    """
    total = np.zeros((2, 2))
    for ring, pieces in cut:
        for first, last, direction in pieces:
            if direction < directions.count:
                back = direction * directions.spacing
                cosine, sine = math.cos(back), math.sin(back)
                turn = np.array([[cosine, sine], [-sine, cosine]])
                total += turn @ ring.moments.between(first, last)[2] @ turn.T
    if not total.any():
        return angle
    normal, _ = least_spread(total)
    fit = math.atan2(normal[1], normal[0]) - math.pi / 2
    return angle + math.remainder(fit - angle, math.pi)


def _assemble(ring: Ring, pieces: Sequence[Piece], normals: np.ndarray) -> Polygon | None:
    """The polygon whose edges lie on the fitted lines of the pieces; None if one would have to
    run backwards."""
    lines = []
    for first, last, direction in pieces:
        _, middle, spread = ring.moments.between(first, last)
        own = direction == len(normals)
        normal = least_spread(spread)[0] if own else normals[direction]
        lines.append(Line(normal, float(normal @ middle), own))
    around = ring.vertices
    corners = [
        _corner(line, following, around[piece.last])
        for line, following, piece in zip(lines, [*lines[1:], lines[0]], pieces, strict=True)
    ]
    edges = [
        corner[0] - before[-1]
        for before, corner in zip([corners[-1], *corners[:-1]], corners, strict=True)
    ]
    chords = [around[piece.last] - around[piece.first] for piece in pieces]
    if len(pieces) < 3 or any(e @ c <= 0 for e, c in zip(edges, chords, strict=True)):
        return None
    return Polygon([point for corner in corners for point in corner])


def _corner(line: Line, following: Line, cut: np.ndarray) -> list[np.ndarray]:
    """From one line to the next, near the vertex where the ring was cut: where they meet, or else
    by a step between lines of one direction, or half way between lines that are nearly one."""
    (x1, y1), (x2, y2) = line.normal, following.normal
    if abs(x1 * y2 - y1 * x2) > SHARP:
        normals, offsets = [line.normal, following.normal], [line.offset, following.offset]
        return [np.linalg.solve(normals, offsets)]
    feet = [cut - (cut @ one.normal - one.offset) * one.normal for one in (line, following)]
    return [(feet[0] + feet[1]) / 2] if line.own or following.own else feet
