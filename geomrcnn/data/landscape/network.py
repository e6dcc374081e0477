"""The long lines of a landscape: the survey grid, roads, a railway, a stream."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import LineString, Polygon, box

from geomrcnn.data.landscape import geometry as geo
from geomrcnn.data.landscape.parcels import divider, some_edge
from geomrcnn.data.landscape.plan import Cover, Divider, Edge, Patch
from geomrcnn.data.landscape.style import Style

# Least and most width in metres of the corridor and of the surface itself.
CORRIDORS = {
    Edge.GRAVEL_ROAD: (12.0, 18.0),
    Edge.PAVED_ROAD: (16.0, 26.0),
    Edge.HIGHWAY: (34.0, 50.0),
    Edge.RAILWAY: (18.0, 30.0),
    Edge.STREAM: (12.0, 60.0),
    Edge.RIVER: (50.0, 120.0),
}
SURFACES = {
    Edge.TRACK: (Cover.DIRT, 2.5, 4.0),
    Edge.WATERWAY: (Cover.LUSH, 0.0, 0.0),
    Edge.GRAVEL_ROAD: (Cover.GRAVEL, 5.5, 7.5),
    Edge.PAVED_ROAD: (Cover.PAVED, 6.5, 8.5),
    Edge.HIGHWAY: (Cover.PAVED, 11.0, 20.0),
    Edge.RAILWAY: (Cover.BALLAST, 4.0, 7.0),
    Edge.STREAM: (Cover.WATER, 1.5, 7.0),
    Edge.RIVER: (Cover.WATER, 25.0, 60.0),
}
ROADS = (Edge.GRAVEL_ROAD, Edge.PAVED_ROAD, Edge.HIGHWAY)


def _long(rng: np.random.Generator, line: LineString, edge: Edge) -> Divider:
    return Divider(line, edge, float(rng.uniform(*CORRIDORS[edge])))


def survey(rng: np.random.Generator, width: float, height: float, style: Style) -> list[Divider]:
    """The lines of the land survey, about 400 to 800 m apart; some carry a road."""
    frame = geo.Frame(width / 2, height / 2, style.heading)
    reach = np.hypot(width, height) / 2 + 200.0
    spacing = rng.choice((402.0, 805.0), p=(0.25, 0.75))
    found: list[Divider] = []
    for turn in (0.0, np.pi / 2):
        axis = frame._replace(heading=style.heading + turn)
        first = -reach + rng.uniform(0.0, spacing)
        for k, v in enumerate(np.arange(first, reach, spacing)):
            start, end = axis.points([(-reach, v), (reach, v + rng.normal(0.0, 3.0))])
            line = LineString([start, end])
            if style.roundness > 10 and rng.random() < 0.6:
                line = geo.wander(rng, start, end, rng.uniform(5.0, 45.0), rng.uniform(400, 1200))
            if k % 2 == 0 or rng.random() < 0.3:
                road = Edge(rng.choice(ROADS[:2], p=(0.6, 0.4)))
                found.append(_long(rng, line, road))
            else:
                found.append(divider(rng, line, some_edge(rng, style)))
    return found


def crossing(
    rng: np.random.Generator, width: float, height: float, sway: float, wavelength: float
) -> LineString:
    """A line that crosses the scene in any direction, near its middle."""
    heading = rng.uniform(0.0, np.pi)
    middle = rng.uniform((0.25 * width, 0.25 * height), (0.75 * width, 0.75 * height))
    reach = np.hypot(width, height) + 100.0
    ends = geo.Frame(middle[0], middle[1], heading).points([(-reach, 0.0), (reach, 0.0)])
    return geo.wander(rng, ends[0], ends[1], sway, wavelength)


def diagonals(rng: np.random.Generator, width: float, height: float, style: Style) -> list[Divider]:
    """What ignores the survey: a stream, a winding road, a highway, a railway."""
    found: list[Divider] = []
    if style.stream:
        edge = Edge.RIVER if style.stream == 2 else Edge.STREAM
        valley = crossing(rng, width, height, rng.uniform(15, 80), rng.uniform(200, 900))
        bends = meanders(rng, valley, 30.0 if edge is Edge.RIVER else 9.0)
        found.append(_long(rng, bends, edge))
    for edge, chance in ((Edge.PAVED_ROAD, 0.2), (Edge.HIGHWAY, 0.07), (Edge.RAILWAY, 0.1)):
        if rng.random() < chance:
            sway = rng.uniform(20.0, 90.0) if edge is not Edge.RAILWAY else 2.0
            line = crossing(rng, width, height, sway, rng.uniform(700.0, 1600.0))
            found.append(_long(rng, line, edge))
    return found


def meanders(rng: np.random.Generator, line: LineString, amplitude: float) -> LineString:
    """`line` with meanders of `amplitude` metres added."""
    points = shapely.get_coordinates(line.segmentize(8.0))
    side = np.gradient(points, axis=0)[:, ::-1] * (-1.0, 1.0)
    side /= np.maximum(np.hypot(*side.T), 1e-6)[:, None]
    stray = geo.spread(rng.standard_normal(len(points)), int(amplitude))
    return LineString(points + side * (amplitude * stray / max(stray.std(), 1e-6))[:, None])


def blocks(dividers: list[Divider], width: float, height: float) -> list[Polygon]:
    """The pieces of land between the lines, a little beyond the scene's edge."""
    outer = box(0.0, 0.0, width, height).buffer(120.0, join_style="mitre")
    cuts = [outer.exterior] + [one.line.intersection(outer) for one in dividers]
    faces = shapely.polygonize(shapely.get_parts(shapely.node(shapely.union_all(cuts))).tolist())
    return [face for face in geo.polygons(faces) if face.area > 400.0]


def surfaces(rng: np.random.Generator, dividers: list[Divider]) -> list[Patch]:
    """The paving, water or dirt of every line that has some, small roads first."""
    found: list[Patch] = []
    for one in sorted(dividers, key=lambda divider: divider.edge == Edge.RIVER, reverse=True):
        if one.edge not in SURFACES:
            continue
        cover, least, most = SURFACES[one.edge]
        width = rng.uniform(least, most) if most else one.corridor
        if one.edge in ROADS:
            verge = one.line.buffer(width / 2 + rng.uniform(0.6, 1.6), cap_style="flat")
            found.append(Patch(Cover.DIRT, verge))
        found.append(Patch(cover, one.line.buffer(width / 2, cap_style="flat")))
    return found
