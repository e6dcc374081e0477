"""From detections that are one object to that object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import STRtree

from geomrcnn.vector.canvas import combine, grid_around
from geomrcnn.vector.contour import outline
from geomrcnn.vector.cuts import is_cut
from geomrcnn.vector.instance import Instance, Traced
from geomrcnn.vector.polygons import Polygonal

DUPLICATE = 0.5
"""Intersection over union from which two objects are one object twice."""

COVERAGE = 0.5
"""Share of the smaller outline within the larger from which not both can be there."""


@dataclass(frozen=True, eq=False)
class Whole:
    """One object of the raster, after the seams are settled.

    Attributes:
        best: The member that stands for it: the best complete one, or the best.
        outline: Valid polygons in raster pixels.
        complete: Whether `best` is not cut by a tile edge, so that the outline is its own.
        members: Number of detections that are this object.
        tiles: Those that saw it.
    """

    best: Instance
    outline: Polygonal
    complete: bool
    members: int
    tiles: frozenset[tuple[int, int]]

    @property
    def rank(self) -> tuple[object, ...]:
        """Sort key, best first: complete objects, then as instances."""
        return (not self.complete, *self.best.rank)

    @property
    def fragments(self) -> int:
        """Number of detections that its outline was put together from."""
        return 1 if self.complete else self.members


def settle(members: Sequence[Traced], size: tuple[float, float]) -> Whole:
    """One object from its members: the best complete view, or all of them combined.

    Args:
        members: Connected detections, at least one.
        size: (width, height) of the raster in pixels.
    """
    ranked = sorted(members, key=lambda member: member.instance.rank)
    tiles = frozenset(instance.tile for instance, _ in members)
    for instance, shape in ranked:
        if not is_cut(instance, size):
            return Whole(instance, shape, True, len(members), tiles)
    best, shape = ranked[0]
    if len(members) > 1:
        grid = grid_around([instance.box for instance, _ in members])
        shape = outline(combine([instance for instance, _ in members], grid), grid.box)
    return Whole(best, shape, False, len(members), tiles)


def clean_up(wholes: Sequence[Whole]) -> list[Whole]:
    """Of objects of one class that cannot both be there, keep the better one.

    First come objects that nearly coincide, of which the complete one, then the better scored
    one stays: they are one, whose outlines jitter too much to agree in a narrow zone. Then come
    those of which one lies mostly within the other, and no tile saw both: the one that more tiles
    saw stays, then the better scored one; but a cut piece never outdoes what covers it.
    """
    if len(wholes) < 2:
        return list(wholes)
    ranked = sorted(wholes, key=lambda whole: whole.rank)
    shapes = np.array([whole.outline for whole in ranked], dtype=object)
    first, second = STRtree(shapes).query(shapes, predicate="intersects")
    kind = np.array([whole.best.class_id for whole in ranked])
    rivals = (first < second) & (kind[first] == kind[second])
    first, second = first[rivals], second[rivals]
    area = shapely.area(shapes)
    shared = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    twice = shared >= DUPLICATE * (area[first] + area[second] - shared)
    within = ~twice & (shared >= COVERAGE * np.minimum(area[first], area[second]))
    gone: set[int] = set()
    for better, worse in sorted(zip(first[twice].tolist(), second[twice].tolist(), strict=True)):
        if better not in gone and ranked[better].best.tile != ranked[worse].best.tile:
            gone.add(worse)
    contests = []
    for one, other in zip(first[within].tolist(), second[within].tolist(), strict=True):
        small, large = (one, other) if area[one] < area[other] else (other, one)
        if not ranked[small].tiles & ranked[large].tiles:
            wins = not ranked[small].complete or _support(ranked[large]) <= _support(ranked[small])
            contests.append((large, small) if wins else (small, large))
    for winner, loser in sorted(contests, key=lambda pair: _support(ranked[pair[0]])):
        if winner not in gone:
            gone.add(loser)
    return [whole for k, whole in enumerate(ranked) if k not in gone]


def _support(whole: Whole) -> tuple[object, ...]:
    """Sort key, best first: seen by more tiles, then as instances."""
    return (-len(whole.tiles), *whole.best.rank)
