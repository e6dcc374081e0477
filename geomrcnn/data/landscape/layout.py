"""The plan of a scene: lines first, then land between them, then fields on what is left."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from shapely import Polygon, box
from shapely.geometry.base import BaseGeometry

from geomrcnn.data.landscape import geometry as geo
from geomrcnn.data.landscape import nature, network, parcels, settlement
from geomrcnn.data.landscape.plan import Cover, Divider, Edge, Parcel, Patch, Plan
from geomrcnn.data.landscape.style import Style, draw_style, draw_sun

SMALLEST_FIELD = 900.0  # m²
THINNEST_FIELD = 5.0  # m from its edges to its middle
SMALLEST_REST = 150.0  # m² that the border of the scene leaves of a field
SMALLEST_ISLAND = 500.0  # m²; what is less stands in the field as a tree does
FARMS_PER_KM = 1.1


@dataclass
class Land:
    """What is on the land, while it is being shared out."""

    lines: list[Divider]
    pools: list[Polygon]
    places: list[settlement.Settlement]
    parcels: list[Parcel] = field(default_factory=list)
    meadows: list[Polygon] = field(default_factory=list)
    wood: BaseGeometry = field(default_factory=Polygon)


def draw_plan(
    rng: np.random.Generator, width: float, height: float, idle: float | None = None
) -> Plan:
    """Lay out a landscape of `width` x `height` metres; `idle` overrules that of its style."""
    style = draw_style(rng)
    if idle is not None:
        style = replace(style, idle=idle)
    plan = Plan(width, height, draw_sun(rng))
    land = _share_out(rng, plan, style)
    plan.fields = _fields(rng, land, plan, style)
    _cover(rng, plan, land)
    _plant(rng, plan, land, style)
    return plan


def _share_out(rng: np.random.Generator, plan: Plan, style: Style) -> Land:
    """Decide on the use of all ground, lines first."""
    width, height = plan.width, plan.height
    lines = network.diagonals(rng, width, height, style)
    lines += network.survey(rng, width, height, style)
    streams = [line for line in lines if nature.is_water(line)]
    woods = nature.woods(rng, width, height, style.woodland, streams)
    roads = geo.merge(line.ground for line in lines)
    pools = nature.ponds(rng, width, height, roads)
    land = Land(lines, pools, _farms(rng, lines, plan))
    taken = geo.merge([roads, *(farm.ground for farm in land.places)])
    suburb = _suburb(rng, plan, style)
    for block in network.blocks(lines, width, height):
        for ground in geo.polygons(block.intersection(suburb).difference(taken)):
            land.places.append(settlement.town(rng, ground, style.heading, plan.sun))
        allotment = parcels.allot(rng, block, style)
        lines += allotment.dividers
        for parcel in allotment.parcels:
            if parcel.irrigated or rng.random() >= style.idle:
                land.parcels.append(parcel)
            else:
                (woods if rng.random() < 0.35 else land.meadows).append(parcel.polygon)
    land.wood = geo.merge(woods).difference(_treeless(land)).buffer(-1.0)
    return land


def _suburb(rng: np.random.Generator, plan: Plan, style: Style) -> Polygon:
    """The ground that a town takes, square to the survey; often none."""
    x, y = rng.uniform((0.0, 0.0), (plan.width, plan.height))
    wide = math.sqrt(style.town * rng.uniform(0.6, 1.7))
    deep = style.town / max(wide, 1.0)
    return geo.Frame(x, y, style.heading).rectangle(-wide / 2, -deep / 2, wide / 2, deep / 2)


def _treeless(land: Land) -> BaseGeometry:
    """Where no wood may grow: settlements, ponds, and the middle of roads and streams."""
    clear: list[BaseGeometry] = [place.ground for place in land.places]
    clear += [pool.buffer(2.0) for pool in land.pools]
    for one in land.lines:
        if one.edge >= Edge.GRAVEL_ROAD:
            share = 0.3 if nature.is_water(one) else 0.42
            clear.append(one.line.buffer(one.corridor * share, quad_segs=3))
    return geo.merge(clear)


def _farms(
    rng: np.random.Generator, lines: list[Divider], plan: Plan
) -> list[settlement.Settlement]:
    """Farmyards along the roads that lie clear of each other and of other roads."""
    scene = box(0.0, 0.0, plan.width, plan.height)
    found: list[settlement.Settlement] = []
    for road in (line for line in lines if line.edge in (Edge.GRAVEL_ROAD, Edge.PAVED_ROAD)):
        others = geo.merge(
            line.ground for line in lines if line is not road and line.edge >= Edge.GRAVEL_ROAD
        )
        within = road.line.intersection(scene)
        for _ in range(rng.poisson(within.length / 1000.0 * FARMS_PER_KM * rng.lognormal(0, 0.5))):
            along = road.line.project(within.interpolate(rng.random(), normalized=True))
            farm = settlement.farmyard(rng, road, along, rng.choice((-1.0, 1.0)), plan.sun)
            crowded = any(farm.ground.intersects(other.ground) for other in found)
            if not crowded and not farm.ground.intersects(others):
                found.append(farm)
    return found


def _fields(rng: np.random.Generator, land: Land, plan: Plan, style: Style) -> list[Parcel]:
    """What is left of every parcel for the plough, in whole pieces without holes."""
    taken = geo.merge(
        [
            *(one.ground for one in land.lines),
            *(place.ground for place in land.places),
            *(pool.buffer(rng.uniform(3.0, 9.0)) for pool in land.pools),
            land.wood.buffer(rng.uniform(1.0, 4.5)),
        ]
    )
    scene = box(0.0, 0.0, plan.width, plan.height)
    found: list[Parcel] = []
    for parcel in land.parcels:
        rest = parcel.polygon.difference(taken)
        radius = _corner_radius(parcel.polygon, style)
        for piece in geo.polygons(geo.round_corners(rest, radius)):
            for solid in geo.reach_holes(piece, 5.0, SMALLEST_ISLAND):
                shape = solid.buffer(0.0).simplify(0.15)
                if shape.area < SMALLEST_FIELD or shape.buffer(-THINNEST_FIELD).is_empty:
                    continue
                inside = geo.polygons(shape.intersection(scene))
                whole = [part for part in inside if part.area >= SMALLEST_REST]
                found += [parcel._replace(polygon=part) for part in whole]
    return found


def _corner_radius(polygon: Polygon, style: Style) -> float:
    """How far the corners of a field are rounded: those of narrow fields less."""
    return float(max(min(style.roundness, 0.3 * polygon.area / polygon.length), 2.0))


def _cover(rng: np.random.Generator, plan: Plan, land: Land) -> None:
    """What covers the ground between the fields, in painter's order."""
    byways = [line for line in land.lines if line.edge < Edge.GRAVEL_ROAD]
    highways = [line for line in land.lines if line.edge >= Edge.GRAVEL_ROAD]
    plan.patches += [Patch(Cover.MEADOW, meadow) for meadow in land.meadows]
    plan.patches.append(Patch(Cover.LITTER, land.wood))
    plan.patches += network.surfaces(rng, byways)
    for pool in land.pools:
        plan.patches += [Patch(Cover.LUSH, pool.buffer(4.0)), Patch(Cover.WATER, pool)]
    for place in land.places:
        plan.patches += place.patches
        plan.roofs += place.roofs
        plan.crowns += place.crowns
    plan.patches += network.surfaces(rng, highways)


def _plant(rng: np.random.Generator, plan: Plan, land: Land, style: Style) -> None:
    """Trees in the woods, along hedges and streams, in meadows and alone."""
    scene = box(-10.0, -10.0, plan.width + 10.0, plan.height + 10.0)
    inside = shapely.make_valid(land.wood).intersection(scene).buffer(-1.5)
    plan.crowns.append(nature.forest_crowns(rng, inside, rng.uniform(3.8, 6.0)))
    town = geo.merge(place.ground for place in land.places)
    for one in land.lines:
        within = one.line.intersection(scene)
        for piece in geo.lines(within if one.edge >= Edge.GRAVEL_ROAD else within.difference(town)):
            plan.crowns += nature.beside(rng, one, piece, style.hedges)
    for meadow in land.meadows:
        plan.crowns.append(nature.lone_crowns(rng, meadow, rng.choice((0.3, 2.0, 12.0))))
    plan.crowns.append(nature.lone_crowns(rng, scene, 0.03))
