"""Shapes of a few numbers, fitted to rings: circle, rectangle, wedge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import shapely
from scipy.optimize import least_squares
from shapely import Polygon

ROUND = 0.85
"""Compactness 4πA/P² (Cox 1927) from which a ring may be a circle: 1 for a disc, 0.785 for a
square, 0.84 for an ellipse twice as long as wide."""

SAGITTA = 0.05
"""Tolerances that the chords of an arc may lie off it."""

SAMPLES = 128
"""Points of a ring, evenly along it, that a template is fitted to."""

SEEDS = 16
"""Angles that a fit is tried from ..."""

FINALISTS = 3
"""... and the number of those, the nearest to the ring, that are followed to the end."""

Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Signed distance of points [n, 2] from a template of given parameters, negative inside."""


def circle(ring: Polygon, tolerance: float) -> Polygon | None:
    """The disc with the centre and the area of a ring; None if that is not compact."""
    smooth = ring.simplify(tolerance / 2)
    if 4 * math.pi * smooth.area < ROUND * smooth.length**2:
        return None
    radius = math.sqrt(ring.area / math.pi)
    count = 4 * math.ceil(_chords(radius, tolerance, 2 * math.pi) / 4)
    # Chords lie within their circle: this much larger, the polygon has the area of the disc.
    outer = radius * math.sqrt(2 * math.pi / count / math.sin(2 * math.pi / count))
    angle = 2 * math.pi * np.arange(count) / count
    return Polygon(_centre(ring) + outer * _unit(angle))


def rectangle(ring: Polygon, tolerance: float) -> Polygon | None:
    """The rectangle next to a ring, by robust least squares."""
    a = math.sqrt(0.5)
    starts = [
        (0, 0, angle, math.log(a * longer), math.log(a / longer))
        for angle in np.pi * np.arange(SEEDS) / SEEDS
        for longer in (1, 2)
    ]
    x, y, angle, log_width, log_height = _fit(ring, _from_rectangle, starts, tolerance)
    width, height = math.exp(log_width), math.exp(log_height)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    return _placed(corners, angle, np.array([x, y]), ring)


def wedge(ring: Polygon, tolerance: float) -> Polygon | None:
    """The wedge next to a ring, by robust least squares, as baseball fields are.

    A wedge has two straight sides of one length at a right angle, and an arc between their ends;
    with the centre of the arc at the apex, it is a quarter of a disc. The idea of fitting it from
    several angles is that of images-to-osm (Remillard 2018).
    """
    side = math.sqrt(4 / math.pi)
    # The centroid of a quarter of a disc lies this far from its apex.
    apex_off = 4 * math.sqrt(2) / (3 * math.pi) * side
    starts = [
        (-apex_off * math.cos(angle), -apex_off * math.sin(angle), angle,
         math.log(side), math.log(math.sqrt(2) - 1))
        for angle in 2 * np.pi * np.arange(SEEDS) / SEEDS
    ]  # fmt: skip
    x, y, angle, log_side, log_bulge = _fit(ring, _from_wedge, starts, tolerance)
    side = math.exp(log_side)
    middle, radius = _arc(side, math.exp(log_bulge))
    half_chord = side * math.sqrt(0.5)
    opening = math.atan2(half_chord, half_chord - middle)
    scale = math.sqrt(ring.area)
    steps = np.linspace(-opening, opening, 1 + _chords(radius * scale, tolerance, 2 * opening))
    arc = [middle, 0] + radius * _unit(steps)
    return _placed(np.concatenate([[[0, 0]], arc]), angle, np.array([x, y]), ring)


def _fit(ring: Polygon, distance: Distance, starts: Sequence[tuple[float, ...]],
         tolerance: float) -> np.ndarray:  # fmt: skip
    """Parameters that bring a template next to a ring, in units of the root of its area around
    its centroid. Distances beyond the tolerance count by their size, not their square (Huber
    1964), so a bump of the ring does not pull the whole."""
    scale = math.sqrt(ring.area)
    along = np.arange(SAMPLES) / SAMPLES
    sampled = shapely.line_interpolate_point(ring.exterior, along, normalized=True)
    points = (shapely.get_coordinates(sampled) - _centre(ring)) / scale
    ranked = sorted(
        starts, key=lambda start: float(np.abs(distance(np.array(start), points)).sum())
    )
    fits = [
        least_squares(distance, start, args=(points,), loss="huber", f_scale=tolerance / scale)
        for start in ranked[:FINALISTS]
    ]
    return np.asarray(min(fits, key=lambda fit: float(fit.cost)).x)


def _from_rectangle(parameters: np.ndarray, points: np.ndarray) -> np.ndarray:
    """From x, y of the centre, angle, and the logarithms of both sides."""
    local = np.abs(_turned(points - parameters[:2], -parameters[2]))
    return np.asarray((local - np.exp(parameters[3:]) / 2).max(axis=1))


def _from_wedge(parameters: np.ndarray, points: np.ndarray) -> np.ndarray:
    """From x, y of the apex, angle of the bisector, and the logarithms of the side and of the
    rise of the arc over half its chord."""
    local = _turned(points - parameters[:2], -parameters[2])
    middle, radius = _arc(*np.exp(parameters[3:]))
    sides = (np.abs(local[:, 1]) - local[:, 0]) * math.sqrt(0.5)
    past_arc = np.hypot(local[:, 0] - middle, local[:, 1]) - radius
    return np.asarray(np.maximum(sides, past_arc))


def _arc(side: float, bulge: float) -> tuple[float, float]:
    """Centre, on the bisector from the apex, and radius of the arc of a wedge."""
    half_chord = side * math.sqrt(0.5)
    radius = half_chord * (1 + bulge**2) / (2 * bulge)
    return half_chord * (1 + bulge) - radius, radius


def _chords(radius: float, tolerance: float, opening: float) -> int:
    """Number of chords for an arc of an opening in radians."""
    widest = 2 * math.acos(max(1 - SAGITTA * tolerance / radius, 0.5))
    return max(math.ceil(opening / widest), 2)


def _placed(points: np.ndarray, angle: float, place: np.ndarray, ring: Polygon) -> Polygon:
    """Points of a template, turned and moved to where its ring is."""
    return Polygon(_centre(ring) + math.sqrt(ring.area) * (_turned(points, angle) + place))


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.asarray(points @ np.array([[cosine, sine], [-sine, cosine]]))


def _unit(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _centre(ring: Polygon) -> np.ndarray:
    return np.asarray(shapely.get_coordinates(ring.centroid)[0])
