"""Objects of known shape, in pixels, to test masks, outlines and seams with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely import Point, Polygon, STRtree, affinity


def rectangles_and_discs(count: int, seed: int = 0) -> list[Polygon]:
    """Rotated rectangles and discs by turns, 8 to 60 pixels long."""
    rng = np.random.default_rng(seed)
    shapes = []
    for k in range(count):
        length = rng.uniform(8, 60)
        width = length * rng.uniform(0.5, 1)
        shape = (
            shapely.box(-length / 2, -width / 2, length / 2, width / 2)
            if k % 2
            else Point(0, 0).buffer(length / 2, quad_segs=64)
        )
        turned = affinity.rotate(shape, rng.uniform(0, 180))
        shapes.append(affinity.translate(turned, *rng.uniform(40, 60, 2)))
    return shapes


def parcels(size: float, longest: float, seed: int = 0, early: float = 0.3) -> list[Polygon]:
    """Fields that fill a square, a pixel apart: halved until no side exceeds `longest`, or with
    the probability `early` from a third of the square's side on."""
    rng = np.random.default_rng(seed)
    waiting, done = [(0.0, 0.0, size, size)], []
    while waiting:
        x1, y1, x2, y2 = waiting.pop()
        width, height = x2 - x1, y2 - y1
        if max(width, height) < longest or (max(width, height) < size / 3 and rng.random() < early):
            done.append(shapely.box(x1 + 0.5, y1 + 0.5, x2 - 0.5, y2 - 0.5))
        elif width > height:
            cut = x1 + width * rng.uniform(0.35, 0.65)
            waiting += [(x1, y1, cut, y2), (cut, y1, x2, y2)]
        else:
            cut = y1 + height * rng.uniform(0.35, 0.65)
            waiting += [(x1, y1, x2, cut), (x1, cut, x2, y2)]
    return done


def rotated_parcels(
    size: float, longest: float, seed: int = 0, early: float = 0.3, smallest: float = 400
) -> list[Polygon]:
    """Parcels turned by 27 degrees, filling the square still but for those below an area."""
    middle, frame = (size / 2, size / 2), shapely.box(0, 0, size, size)
    larger = [
        affinity.scale(p, 1.5, 1.5, origin=middle) for p in parcels(size, longest, seed, early)
    ]
    turned = [affinity.rotate(p, 27, origin=middle).intersection(frame) for p in larger]
    return [p for p in turned if p.geom_type == "Polygon" and p.area > smallest]


def row_houses(size: float) -> list[Polygon]:
    """Houses of 11 by 19 pixels, a pixel apart in rows, turned by 27 degrees."""
    frame = shapely.box(0, 0, size, size)
    straight = [
        shapely.box(x + 0.5, y + 0.5, x + 11.5, y + 19.5)
        for y in np.arange(0, size, 44)
        for x in np.arange(0, size, 12)
    ]
    turned = [affinity.rotate(p, 27, origin=(size / 2, size / 2)) for p in straight]
    return [p for p in turned if frame.contains(p)]


def lone_buildings(size: float, seed: int = 0) -> list[Polygon]:
    """Buildings of 10 to 30 pixels, one to every 48 by 48."""
    rng = np.random.default_rng(seed)
    buildings = []
    for y in np.arange(0, size - 48, 48):
        for x in np.arange(0, size - 48, 48):
            width, height = rng.uniform(10, 30, 2)
            building = shapely.box(
                x + 24 - width / 2, y + 24 - height / 2, x + 24 + width / 2, y + 24 + height / 2
            )
            buildings.append(affinity.rotate(building, rng.uniform(0, 90)))
    return buildings


def iou(one: shapely.Geometry, other: shapely.Geometry) -> float:
    """Intersection over union of two polygons."""
    return float(one.intersection(other).area / one.union(other).area)


def best_ious(truth: Sequence[Polygon], found: Sequence[Polygon]) -> list[float]:
    """For each true object, its IoU with the found one it overlaps most; 0 if none."""
    tree = STRtree(found)
    return [
        max((iou(shape, found[k]) for k in tree.query(shape, predicate="intersects")), default=0.0)
        for shape in truth
    ]


def f1(truth: Sequence[Polygon], found: Sequence[Polygon], threshold: float = 0.5) -> float:
    """F1 of found objects; above an IoU of one half no two can match the same."""
    hits = sum(best >= threshold for best in best_ious(truth, found))
    return 2 * hits / (len(truth) + len(found))
