"""Outlines of straight edges in few directions, fitted to rings by least squares.

A ring is cut into pieces, and each piece becomes one edge. All edges with a prescribed direction
are fitted together: one angle for all rings, an offset for each edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from shapely import Polygon

from geomrcnn.vector.cutting import Piece, Ring, cut_ring, twice_round, vertices_of
from geomrcnn.vector.moments import least_spread

WINDOW = math.radians(10)
"""Edges within this angle of the most frequent direction decide which it is exactly."""

OBLIQUE = 1.5
"""Tolerances that the ends of an edge may lie off an allowed direction through its middle; beyond
that, only a staircase would stay near the edge."""

SHARP = math.sin(math.radians(25))
"""Sine of the least angle between two edges whose corner is where their lines meet."""


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
    coarse = [vertices_of(ring, tolerance) for ring in rings]
    angle = dominant_direction(coarse[0], directions.spacing)
    normals = directions.normals(angle)
    cut: dict[int, tuple[Ring, list[Piece]]] = {}
    for k, (polygon, vertices) in enumerate(zip(rings, coarse, strict=True)):
        if directions.free or not _any_oblique(vertices, normals, tolerance):
            ring = twice_round(polygon, tolerance)
            pieces = cut_ring(ring, normals, directions.free, tolerance)
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


def _any_oblique(vertices: np.ndarray, normals: np.ndarray, tolerance: float) -> bool:
    """Whether some edge is too long and too oblique for every direction."""
    edges = np.roll(vertices, -1, axis=0) - vertices
    off = np.abs(edges @ normals.T).min(axis=1) / 2
    return bool((off > OBLIQUE * tolerance).any())


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
