"""Blocks of land into parcels: halved again and again, in strips, round a pivot, on the contour."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from shapely import LineString, Point, Polygon

from geomrcnn.data.landscape import geometry as geo
from geomrcnn.data.landscape.plan import Divider, Edge, Parcel, Pattern
from geomrcnn.data.landscape.style import Style

# Corridor widths in metres, least and most, of what may run between two fields.
CORRIDORS = {
    Edge.PLAIN: (1.5, 4.0),
    Edge.GRASS: (3.0, 8.0),
    Edge.HEDGE: (6.0, 13.0),
    Edge.TRACK: (5.0, 9.0),
    Edge.WATERWAY: (7.0, 18.0),
}


class Allotment(NamedTuple):
    """The parcels of a block and the lines between them."""

    parcels: list[Parcel]
    dividers: list[Divider]


def divider(rng: np.random.Generator, line: LineString, edge: Edge) -> Divider:
    """A divider of a width usual for its kind."""
    return Divider(line, edge, float(rng.uniform(*CORRIDORS[edge])))


def some_edge(rng: np.random.Generator, style: Style) -> Edge:
    """What parts two fields of this landscape."""
    if rng.random() < style.hedges:
        return Edge.HEDGE
    shares = (0.55, 0.25, 0.14, 0.06)
    return Edge(int(rng.choice((Edge.PLAIN, Edge.GRASS, Edge.TRACK, Edge.WATERWAY), p=shares)))


def allot(rng: np.random.Generator, block: Polygon, style: Style) -> Allotment:
    """Divide a block in one of the ways the landscape knows."""
    shares = np.array([style.pivots, style.strips, style.contour])
    way = int(np.searchsorted(np.cumsum(shares), rng.random()))
    if way == 0 and (circle := _pivot(rng, block, style)):
        return circle
    if way == 1:
        return _strips(rng, block, style)
    pattern = Pattern.CONTOUR if way == 2 else Pattern.ROWS
    target = style.field_area * rng.lognormal(0.0, 0.6)
    return _halves(rng, Parcel(block, style.heading, pattern), target, style)


def _chord(
    rng: np.random.Generator, block: Polygon, heading: float, at: float, sway: float
) -> LineString:
    """A line along `heading` through the block, `at` of the way across it (0 to 1)."""
    frame = geo.Frame(block.centroid.x, block.centroid.y, heading)
    uv = frame.local(shapely.get_coordinates(block))
    (u1, v1), (u2, v2) = uv.min(axis=0), uv.max(axis=0)
    v = v1 + at * (v2 - v1)
    start, end = frame.points([(u1 - 20, v), (u2 + 20, v)])
    if sway == 0.0:
        return LineString([start, end])
    return geo.wander(rng, start, end, sway, max((u2 - u1) * rng.uniform(0.5, 1.2), 250.0))


def _halves(rng: np.random.Generator, parcel: Parcel, target: float, style: Style) -> Allotment:
    """Cut across the longer side until the pieces are about `target` m² (recursive)."""
    block = parcel.polygon
    if block.area < target * rng.uniform(0.6, 2.6):
        return Allotment([_worked(rng, parcel)], [])
    frame = geo.Frame(block.centroid.x, block.centroid.y, parcel.heading)
    uv = frame.local(shapely.get_coordinates(block))
    spans = uv.max(axis=0) - uv.min(axis=0)
    across = spans[0] > spans[1] * rng.lognormal(0.0, 0.25)
    heading = parcel.heading + (np.pi / 2 if across else 0.0)
    at = float(rng.choice((0.5, 1 / 3, 2 / 3, rng.uniform(0.3, 0.7)), p=(0.45, 0.1, 0.1, 0.35)))
    bends = parcel.pattern is Pattern.CONTOUR or rng.random() < style.roundness / 60
    sway = float(min(spans) * rng.uniform(0.04, 0.12)) if bends else 0.0
    edge = some_edge(rng, style)
    if edge is Edge.WATERWAY or (edge is Edge.HEDGE and style.roundness > 10):
        sway = max(sway, float(min(spans)) * 0.05)
    line = _chord(rng, block, heading + rng.normal(0.0, 0.01), at, sway)
    parts = geo.cut(block, line)
    if len(parts) < 2:
        return Allotment([_worked(rng, parcel)], [])
    inside = geo.lines(line.intersection(block))
    found = Allotment([], [divider(rng, piece, edge) for piece in inside])
    for part in parts:
        below = _halves(rng, parcel._replace(polygon=part), target, style)
        found.parcels.extend(below.parcels)
        found.dividers.extend(below.dividers)
    return found


def _worked(rng: np.random.Generator, parcel: Parcel) -> Parcel:
    """Turn the rows of a field along its longer side, as a driver would."""
    if parcel.pattern is Pattern.CIRCLE:
        return parcel
    corners = shapely.get_coordinates(parcel.polygon.minimum_rotated_rectangle)
    sides = np.diff(corners[:3], axis=0)
    longest = sides[np.argmax(np.hypot(*sides.T))]
    heading = float(np.arctan2(longest[1], longest[0]))
    grid = parcel.heading + np.pi / 2 * round((heading - parcel.heading) / (np.pi / 2))
    along = grid if rng.random() < 0.8 else heading
    turned = np.pi / 2 if rng.random() < 0.2 else 0.0
    return parcel._replace(heading=along + turned)


def _strips(rng: np.random.Generator, block: Polygon, style: Style) -> Allotment:
    """Parallel strips, straight or along the contour."""
    heading = style.heading + rng.choice((0.0, np.pi / 2))
    curved = rng.random() < 0.35
    frame = geo.Frame(block.centroid.x, block.centroid.y, heading)
    v = frame.local(shapely.get_coordinates(block))[:, 1]
    u = frame.local(shapely.get_coordinates(block))[:, 0]
    width = rng.uniform(28.0, 90.0)
    count = int(np.ptp(v) / width)
    ends = frame.points([(u.min() - 20, 0.0), (u.max() + 20, 0.0)])
    spine = geo.wander(
        rng,
        ends[0],
        ends[1],
        float(np.ptp(v)) * 0.05 if curved else 0.01,
        np.ptp(u) * rng.uniform(0.5, 1.2),
    )
    offset = shapely.get_coordinates(spine)
    normal = np.array([-np.sin(heading), np.cos(heading)])
    edge = Edge(int(rng.choice((Edge.PLAIN, Edge.GRASS), p=(0.7, 0.3))))
    allotment = Allotment([], [])
    rest = [block]
    for k in range(1, count):
        line = LineString(offset + normal * (v.min() + np.ptp(v) * k / count))
        allotment.dividers.extend(
            divider(rng, piece, edge) for piece in geo.lines(line.intersection(block))
        )
        rest = [part for piece in rest for part in geo.cut(piece, line)]
    pattern = Pattern.CONTOUR if curved else Pattern.ROWS
    allotment.parcels.extend(Parcel(part, heading, pattern) for part in rest)
    return allotment


def _pivot(rng: np.random.Generator, block: Polygon, style: Style) -> Allotment | None:
    """A circle under a centre pivot, sometimes in sectors; the corners are fields of their own."""
    centre = shapely.maximum_inscribed_circle(block, tolerance=5.0)
    x, y = centre.coords[0]
    radius = centre.length - rng.uniform(6.0, 14.0)
    if radius < 110.0:
        return None
    circle = Point(x, y).buffer(radius, quad_segs=24)
    dividers = [divider(rng, LineString(circle.exterior), Edge.GRASS)]
    rows = Pattern.CIRCLE if rng.random() < 0.6 else Pattern.ROWS
    sectors = [circle]
    for _ in range(int(rng.choice((0, 1, 2), p=(0.5, 0.35, 0.15)))):
        turn = style.heading + rng.choice((0.0, np.pi / 2))
        line = LineString(geo.Frame(x, y, turn).points([(-2 * radius, 0), (2 * radius, 0)]))
        dividers.append(divider(rng, line.intersection(circle), Edge.PLAIN))
        sectors = [part for sector in sectors for part in geo.cut(sector, line)]
    parcels = [Parcel(part, style.heading, rows, (x, y)) for part in sectors]
    parcels += [Parcel(part, style.heading) for part in geo.polygons(block.difference(circle))]
    return Allotment(parcels, dividers)
