"""Where people live: farmyards along the roads, and now and then a corner of a town."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely import LineString, Point, Polygon

from geomrcnn.data.landscape import geometry as geo
from geomrcnn.data.landscape import nature
from geomrcnn.data.landscape.plan import RGB, Cover, Crowns, Divider, Patch, Roof, Sun

HOUSE_ROOFS: tuple[RGB, ...] = (
    (128, 122, 118), (156, 150, 142), (106, 102, 102), (156, 128, 114), (186, 182, 176),
    (134, 106, 94), (204, 202, 198),
)  # fmt: skip
BARN_ROOFS: tuple[RGB, ...] = (
    (222, 224, 220), (206, 210, 208), (188, 192, 190), (232, 232, 228), (158, 108, 96),
    (150, 160, 152),
)  # fmt: skip
BIN_ROOF: RGB = (204, 206, 202)


@dataclass
class Settlement:
    """A built-up piece of land: its ground, what covers it, and what stands on it."""

    ground: Polygon
    patches: list[Patch] = field(default_factory=list)
    roofs: list[Roof] = field(default_factory=list)
    crowns: list[Crowns] = field(default_factory=list)


def gable(
    frame: geo.Frame, long: float, short: float, colour: RGB, up: float, sun: Sun
) -> list[Roof]:
    """The two slopes of a roof `long` x `short` metres round the frame's origin."""
    lit = sun.y * np.cos(frame.heading) - sun.x * np.sin(frame.heading)
    slopes = []
    for side in (-1.0, 1.0):
        light = 1.0 + 0.17 * side * lit
        shade = (colour[0] * light, colour[1] * light, colour[2] * light)
        half = frame.rectangle(-long / 2, 0.0, long / 2, side * short / 2)
        slopes.append(Roof(half, shade, up))
    return slopes


def pick(rng: np.random.Generator, colours: tuple[RGB, ...]) -> RGB:
    """One of the colours, a little lighter or darker."""
    red, green, blue = colours[int(rng.integers(len(colours)))]
    light = rng.uniform(0.9, 1.06)
    return red * light, green * light, blue * light


def house(rng: np.random.Generator, frame: geo.Frame, sun: Sun) -> list[Roof]:
    """A dwelling, often with a wing."""
    colour, up = pick(rng, HOUSE_ROOFS), rng.uniform(5.0, 7.5)
    long, short = rng.uniform(11.0, 18.0), rng.uniform(8.0, 11.0)
    roofs = gable(frame, long, short, colour, up, sun)
    if rng.random() < 0.5:
        x, y = frame.points([(long * 0.25, short * 0.45)])[0]
        wing = geo.Frame(x, y, frame.heading + np.pi / 2)
        roofs += gable(wing, short * 0.9, long * 0.45, colour, up - 1.0, sun)
    return roofs


def barn(rng: np.random.Generator, frame: geo.Frame, sun: Sun) -> list[Roof]:
    """A barn, a machine shed or a long livestock house."""
    short = rng.uniform(9.0, 20.0)
    long = short * rng.uniform(1.2, 3.2)
    return gable(frame, long, short, pick(rng, BARN_ROOFS), rng.uniform(5.0, 9.0), sun)


def bins(rng: np.random.Generator, frame: geo.Frame) -> list[Roof]:
    """A row of round grain bins."""
    radius = rng.uniform(2.5, 5.5)
    count = int(rng.integers(1, 5))
    places = frame.points([(k * radius * 2.5, 0.0) for k in range(count)])
    height = radius * 2.2
    return [Roof(Point(x, y).buffer(radius, quad_segs=6), BIN_ROOF, height) for x, y in places]


def farmyard(
    rng: np.random.Generator, road: Divider, along: float, side: float, sun: Sun
) -> Settlement:
    """A farm beside `road`, `along` metres from its start, on its left (1) or right (-1)."""
    here, there = (shapely.get_coordinates(road.line.interpolate(along + d))[0] for d in (0, 5))
    heading = float(np.arctan2(*(there - here)[::-1]))
    if side < 0:
        heading += np.pi
    frame = geo.Frame(here[0], here[1], heading)
    near = road.corridor / 2
    wide, deep = rng.uniform(50.0, 130.0), rng.uniform(45.0, 120.0)
    yard = Settlement(frame.rectangle(-wide / 2, near - 2.0, wide / 2, near + deep))
    yard.patches.append(Patch(Cover.LAWN, yard.ground))
    _buildings(rng, yard, frame, (wide, near, deep), sun)
    inside = yard.ground.buffer(-6.0).difference(geo.merge(r.polygon for r in yard.roofs).buffer(4))
    if not inside.is_empty:
        yard.crowns.append(nature.lone_crowns(rng, inside, rng.uniform(2.0, 30.0)))
    for edge in ((-0.5, 0.5), (-0.5, -0.5), (0.5, 0.5)):
        if rng.random() < 0.45:
            u, v = edge[0] * wide * 0.93, near + deep * 0.96
            ends = [(u, near + 12), (u, v)] if edge[1] < 0 or edge[0] > 0 else [(u, v), (-u, v)]
            line = LineString(frame.points(ends))
            yard.crowns.append(nature.row_crowns(rng, line, 2.5))
    return yard


def _buildings(
    rng: np.random.Generator,
    yard: Settlement,
    frame: geo.Frame,
    size: tuple[float, float, float],
    sun: Sun,
) -> None:
    wide, near, deep = size
    columns, rows = max(int(wide / 30), 2), max(int(deep / 30), 1)
    cells = [(c, r) for r in range(rows) for c in range(columns)]
    count = min(len(cells), int(rng.integers(2, 8)))
    chosen = [cells[k] for k in rng.choice(len(cells), count, replace=False)]
    places = []
    for k, (column, row) in enumerate(chosen):
        u = wide * ((column + 0.5) / columns - 0.5) + rng.uniform(-4, 4)
        v = near + 4.0 + deep * (row + 0.5) / rows * 0.92 + rng.uniform(-3, 3)
        x, y = frame.points([(u, v)])[0]
        turned = frame.heading + rng.choice((0.0, np.pi / 2)) + rng.normal(0.0, 0.02)
        local = geo.Frame(x, y, turned)
        if k == 0:
            yard.roofs.extend(house(rng, local, sun))
        elif rng.random() < 0.15:
            yard.roofs.extend(bins(rng, local))
        else:
            yard.roofs.extend(barn(rng, local, sun))
        places.append((u, v))
    u, v = places[-1]
    drive = LineString(frame.points([(u * 0.5, 0.0), (u * 0.6, near + 8.0), (u, v)]))
    worked = [nature.blob(rng, x, y, rng.uniform(9.0, 20.0)) for x, y in frame.points(places[1:])]
    gravel = geo.merge([drive.buffer(2.2), *worked]).buffer(4).buffer(-4)
    cover = Cover(int(rng.choice((Cover.GRAVEL, Cover.DIRT), p=(0.7, 0.3))))
    streetward = frame.rectangle(-wide, 0.0, wide, near)
    yard.patches.append(Patch(cover, gravel.intersection(yard.ground.union(streetward))))


def town(rng: np.random.Generator, block: Polygon, heading: float, sun: Sun) -> Settlement:
    """Streets with houses on lots, lawns and many trees."""
    place = Settlement(block, [Patch(Cover.LAWN, block)])
    frame = geo.Frame(block.centroid.x, block.centroid.y, heading)
    uv = frame.local(shapely.get_coordinates(block))
    (u1, v1), (u2, v2) = uv.min(axis=0), uv.max(axis=0)
    deep, long = rng.uniform(70.0, 110.0), rng.uniform(120.0, 260.0)
    streets = [
        LineString(frame.points([(u1, v), (u2, v)])) for v in np.arange(v1 + deep / 2, v2, deep)
    ]
    crossings = [
        LineString(frame.points([(u, v1), (u, v2)])) for u in np.arange(u1 + long / 2, u2, long)
    ]
    paved = geo.merge(street.buffer(3.2) for street in streets + crossings)
    place.patches.append(Patch(Cover.PAVED, paved.intersection(block)))
    shapely.prepare(block)
    drives = []
    for v in np.arange(v1 + deep / 2, v2, deep):
        for side in (-1.0, 1.0):
            for u in np.arange(u1 + 12.0, u2, rng.uniform(17.0, 26.0)):
                at = frame.points([(u + rng.uniform(-3, 3), v + side * rng.uniform(15, 24))])[0]
                centre = Point(at)
                if rng.random() < 0.08 or not block.contains(centre.buffer(9)):
                    continue
                if any(centre.distance(line) < 13.0 for line in crossings):
                    continue
                turned = heading + rng.choice((0.0, np.pi / 2), p=(0.75, 0.25))
                place.roofs.extend(house(rng, geo.Frame(at[0], at[1], turned), sun))
                ends = frame.points([(u + 8, v), (u + 8, v + side * 16)])
                drives.append(LineString(ends).buffer(1.8))
    if drives:
        place.patches.append(Patch(Cover.PAVED, geo.merge(drives).intersection(block)))
    built = geo.merge([paved, *(roof.polygon for roof in place.roofs)])
    gardens = block.buffer(-3).difference(built.buffer(3.0))
    if not gardens.is_empty:
        place.crowns.append(nature.lone_crowns(rng, gardens, rng.uniform(15.0, 90.0)))
    return place
