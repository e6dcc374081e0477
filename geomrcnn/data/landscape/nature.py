"""What grows and flows of itself: woods, ponds, tree lines, single trees."""

from __future__ import annotations

import numpy as np
import rasterio.features
import shapely
from rasterio.transform import Affine
from scipy import ndimage
from shapely import LineString, Polygon
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geomrcnn.data.landscape import geometry as geo
from geomrcnn.data.landscape.noise import smooth_noise
from geomrcnn.data.landscape.plan import Crowns, Divider, Edge

CELL = 8.0


def woods(
    rng: np.random.Generator,
    width: float,
    height: float,
    share: float,
    streams: list[Divider],
) -> list[Polygon]:
    """Natural woods over about `share` of the scene, denser along the streams."""
    shape_px = (int(height / CELL) + 30, int(width / CELL) + 30)
    potential = smooth_noise(rng, shape_px, rng.uniform(250.0, 600.0) / CELL)
    potential += 0.45 * smooth_noise(rng, shape_px, 110.0 / CELL)
    potential += 0.2 * smooth_noise(rng, shape_px, 40.0 / CELL)
    transform = Affine(CELL, 0.0, -15 * CELL, 0.0, CELL, -15 * CELL)
    for stream in streams:
        dry = rasterio.features.rasterize(
            [stream.line], shape_px, fill=1, default_value=0, transform=transform, all_touched=True
        )
        distance = CELL * ndimage.distance_transform_edt(dry)
        potential += 1.6 * np.exp(-((distance / (20.0 + stream.corridor)) ** 2))
    level = np.quantile(potential, 1.0 - share)
    mask = (potential > level).astype(np.uint8)
    pieces = rasterio.features.shapes(mask, mask.astype(bool), transform=transform)
    outlines = [shape(piece).simplify(5.0) for piece, _ in pieces]
    return [
        part
        for outline in outlines
        if outline.area > 900.0
        for part in geo.polygons(geo.soften(outline).buffer(0.0))
    ]


def blob(rng: np.random.Generator, x: float, y: float, radius: float) -> Polygon:
    """A round shape with bays and noses."""
    angle = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
    waves = sum(
        rng.normal(0.0, 0.22 / k) * np.cos(k * angle + rng.uniform(0.0, 2 * np.pi))
        for k in (1, 2, 3, 4)
    )
    reach = radius * np.clip(1.0 + waves, 0.4, 1.8)
    ring = np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1)
    return geo.soften(Polygon(ring).buffer(0.0))


def ponds(
    rng: np.random.Generator, width: float, height: float, taken: BaseGeometry
) -> list[Polygon]:
    """A pond or two, clear of what is `taken`."""
    count = rng.poisson(0.5 + width * height / 2.5e6)
    pools = [
        blob(rng, rng.uniform(0, width), rng.uniform(0, height), rng.uniform(9.0, 32.0))
        for _ in range(count)
    ]
    return [pool for pool in pools if not pool.intersects(taken)]


def forest_crowns(rng: np.random.Generator, ground: BaseGeometry, spacing: float) -> Crowns:
    """Crowns [N, (x, y, radius, height)] that fill `ground`, about `spacing` apart."""
    if ground.is_empty:
        return np.empty((0, 4))
    x1, y1, x2, y2 = ground.bounds
    count = int((x2 - x1) * (y2 - y1) / spacing**2)
    points = rng.uniform((x1, y1), (x2, y2), (count, 2))
    shapely.prepare(ground)
    return _crowned(rng, points[shapely.contains_xy(ground, *points.T)], spacing * 0.62)


def row_crowns(rng: np.random.Generator, line: LineString, spread: float) -> Crowns:
    """Crowns along a line, in thickets with gaps between, up to `spread` metres off it."""
    spacing = rng.uniform(3.0, 9.0)
    count = int(line.length / spacing)
    if count < 2:
        return np.empty((0, 4))
    points = shapely.get_coordinates(line.interpolate(np.arange(count) * spacing))
    cover = geo.spread(rng.standard_normal(count), max(int(60.0 / spacing), 1))
    points = points[cover > np.quantile(cover, rng.uniform(0.0, 0.7))]
    points = points + rng.uniform(-spread, spread, points.shape)
    return _crowned(rng, points, rng.uniform(2.2, 4.2))


def beside(
    rng: np.random.Generator, divider: Divider, piece: LineString, hedges: float
) -> list[Crowns]:
    """The trees along a `piece` of a divider: always in a hedge, often on a bank, now and then."""
    reach = max(divider.corridor / 2 - 3.0, 0.3)
    if divider.edge is Edge.HEDGE:
        return [row_crowns(rng, piece, reach)]
    if is_water(divider):
        count = int(rng.integers(1, 5))
        offsets = rng.choice((-reach, reach), count) * rng.uniform(0.6, 1.0, count)
        return _rows(rng, piece, offsets, reach * 0.15)
    if divider.edge is not Edge.WATERWAY and rng.random() < 0.05 + hedges / 2:
        return _rows(rng, piece, rng.choice((-reach, reach), 1), 0.5)
    return []


def _rows(
    rng: np.random.Generator, line: LineString, offsets: geo.Points, spread: float
) -> list[Crowns]:
    shifted = [part for offset in offsets for part in geo.lines(line.offset_curve(float(offset)))]
    return [row_crowns(rng, part, spread) for part in shifted]


def lone_crowns(rng: np.random.Generator, ground: BaseGeometry, per_hectare: float) -> Crowns:
    """Single trees scattered over `ground`."""
    x1, y1, x2, y2 = ground.bounds
    count = rng.poisson((x2 - x1) * (y2 - y1) / 1e4 * per_hectare)
    points = rng.uniform((x1, y1), (x2, y2), (count, 2))
    shapely.prepare(ground)
    return _crowned(rng, points[shapely.contains_xy(ground, *points.T)], rng.uniform(2.0, 4.0))


def _crowned(rng: np.random.Generator, points: geo.Points, radius: float) -> Crowns:
    radii = radius * rng.lognormal(0.0, 0.32, len(points))
    heights = np.clip(radii * rng.uniform(2.2, 3.4) * rng.lognormal(0.0, 0.15, len(points)), 2, 22)
    return np.column_stack([points, radii, heights])


def is_water(divider: Divider) -> bool:
    """Whether a stream or a river runs along the line."""
    return divider.edge in (Edge.STREAM, Edge.RIVER)
