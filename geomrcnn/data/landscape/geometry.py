"""Small moves on shapes that the planning of a scene is made of. Units are metres."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import split

Points = npt.NDArray[np.float64]


class Frame(NamedTuple):
    """A local pair of axes: `u` runs along `heading` (radians), `v` a quarter turn from it."""

    x: float
    y: float
    heading: float

    def points(self, uv: npt.ArrayLike) -> Points:
        """Local coordinates [N, (u, v)] to scene coordinates [N, (x, y)]."""
        u, v = np.asarray(uv, np.float64).reshape(-1, 2).T
        cos, sin = np.cos(self.heading), np.sin(self.heading)
        return np.stack([self.x + u * cos - v * sin, self.y + u * sin + v * cos], axis=1)

    def local(self, xy: npt.ArrayLike) -> Points:
        """Scene coordinates [N, (x, y)] to local coordinates [N, (u, v)]."""
        x, y = (np.asarray(xy, np.float64).reshape(-1, 2) - (self.x, self.y)).T
        cos, sin = np.cos(self.heading), np.sin(self.heading)
        return np.stack([x * cos + y * sin, -x * sin + y * cos], axis=1)

    def rectangle(self, u1: float, v1: float, u2: float, v2: float) -> Polygon:
        """The rectangle between two local corners."""
        return Polygon(self.points([(u1, v1), (u2, v1), (u2, v2), (u1, v2)]))


def polygons(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons inside any geometry; lines and points are left out."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return [part for part in parts if isinstance(part, Polygon) and not part.is_empty]


def lines(geometry: BaseGeometry) -> list[LineString]:
    """The lines inside any geometry; the rest is left out."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return [part for part in parts if isinstance(part, LineString) and not part.is_empty]


def merge(shapes: Iterable[BaseGeometry]) -> BaseGeometry:
    """One geometry out of many."""
    return shapely.union_all(list(shapes))


def spread(amounts: Points, window: int) -> Points:
    """`amounts` smoothed along themselves by a raised cosine of `window` samples."""
    kernel = np.hanning(window + 2)[1:-1]
    padded = np.pad(amounts, window // 2, mode="edge")
    smooth = np.convolve(padded, kernel / kernel.sum(), mode="same")
    return smooth[window // 2 : window // 2 + len(amounts)]


def wander(
    rng: np.random.Generator,
    start: Points,
    end: Points,
    amplitude: float,
    wavelength: float,
) -> LineString:
    """A line from `start` to `end` that strays sideways by about `amplitude`."""
    length = float(np.hypot(*(end - start)))
    step = min(max(wavelength / 40, 3.0), 12.0)
    count = max(int(length / step), 2)
    along = np.linspace(0.0, 1.0, count + 1)[:, None]
    smooth = spread(rng.standard_normal(count + 1), max(int(wavelength / 2 / step), 1))
    offset = amplitude * (smooth - smooth.mean()) / max(float(smooth.std()), 1e-6)
    across = np.array([start[1] - end[1], end[0] - start[0]]) / max(length, 1e-6)
    return LineString(start + along * (end - start) + offset[:, None] * across)


def soften(polygon: Polygon, passes: int = 2) -> Polygon:
    """Corners cut by Chaikin's rule (1974): a staircase becomes a curve."""

    def ring(coordinates: Points) -> Points:
        points = coordinates[:-1]
        for _ in range(passes):
            following = np.roll(points, -1, axis=0)
            pair = [0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following]
            points = np.stack(pair, axis=1).reshape(-1, 2)
        return points

    holes = [ring(shapely.get_coordinates(hole)) for hole in polygon.interiors]
    return Polygon(ring(shapely.get_coordinates(polygon.exterior)), holes)


def round_corners(geometry: BaseGeometry, radius: float) -> BaseGeometry:
    """Outer corners rounded to `radius`; anything narrower than twice that disappears."""
    return geometry.buffer(-radius).buffer(radius, quad_segs=5)


def cut(polygon: Polygon, line: LineString) -> list[Polygon]:
    """The parts of `polygon` on either side of `line`."""
    return polygons(split(polygon, line))


def reach_holes(polygon: Polygon, width: float, smallest: float) -> list[Polygon]:
    """`polygon` without holes: small ones are filled, a path leads to each of the others.

    COCO polygons cannot say "hole", and on the ground an island is reached across the field.
    """
    kept = [hole for hole in polygon.interiors if Polygon(hole).area >= smallest]
    solid: BaseGeometry = Polygon(polygon.exterior, kept)
    for hole in kept:
        path = shapely.shortest_line(polygon.exterior, hole)
        ends = shapely.get_coordinates(path)
        overshoot = (ends[1] - ends[0]) / max(path.length, 1e-6) * width
        path = LineString([ends[0] - overshoot, ends[1] + overshoot])
        solid = solid.difference(path.buffer(width / 2, cap_style="flat"))
    return [Polygon(part.exterior) for part in polygons(solid)]
