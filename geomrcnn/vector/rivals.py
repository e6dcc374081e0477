"""Objects of one class that lie on one another: which of them can stay.

The same rule settles tiles within a raster and rasters within a layer; both are called views here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from shapely import STRtree

from geomrcnn.vector.polygons import Polygonal

DUPLICATE = 0.5
"""Intersection over union from which two objects are one object twice."""

COVERAGE = 0.5
"""Share of the smaller outline within the larger from which not both can be there."""


class Claim(NamedTuple):
    """An object that would have its ground.

    Attributes:
        outline: Valid polygons.
        class_id: Only objects of one class are rivals.
        complete: Whether no edge of a view cuts it.
        views: Those that saw it.
        rank: Sort key among objects as complete as this one, best first.
    """

    outline: Polygonal
    class_id: int | str
    complete: bool
    views: frozenset[object]
    rank: tuple[object, ...]

    @property
    def support(self) -> tuple[object, ...]:
        """Sort key, best first: seen by more views, then by rank."""
        return -len(self.views), *self.rank


def survivors(claims: Sequence[Claim]) -> list[int]:
    """Which objects stay, the complete ones first, then by rank.

    First go objects that nearly coincide with a better one, better being complete, then of better
    rank: they are one, whose outlines jitter too much to agree, or which a view saw twice. Then
    come those of which one lies mostly within the other, and no view saw both: the one that more
    views saw stays, then the one of better rank; but a cut piece never outdoes what covers it.
    """
    if len(claims) < 2:
        return list(range(len(claims)))
    order = sorted(range(len(claims)), key=lambda k: (not claims[k].complete, *claims[k].rank))
    ranked = [claims[k] for k in order]
    shapes = np.array([claim.outline for claim in ranked], dtype=object)
    first, second = STRtree(shapes).query(shapes, predicate="intersects")
    kind = np.array([claim.class_id for claim in ranked])
    rivals = (first < second) & (kind[first] == kind[second])
    first, second = first[rivals], second[rivals]
    area = shapely.area(shapes)
    shared = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    twice = shared >= DUPLICATE * (area[first] + area[second] - shared)
    within = ~twice & (shared >= COVERAGE * np.minimum(area[first], area[second]))
    gone: set[int] = set()
    for better, worse in sorted(zip(first[twice].tolist(), second[twice].tolist(), strict=True)):
        if better not in gone:
            gone.add(worse)
    contests = []
    for one, other in zip(first[within].tolist(), second[within].tolist(), strict=True):
        small, large = (one, other) if area[one] < area[other] else (other, one)
        if not ranked[small].views & ranked[large].views:
            covered = not ranked[small].complete
            large_wins = covered or ranked[large].support <= ranked[small].support
            contests.append((large, small) if large_wins else (small, large))
    for winner, loser in sorted(contests, key=lambda pair: ranked[pair[0]].support):
        if winner not in gone:
            gone.add(loser)
    return [order[k] for k in range(len(ranked)) if k not in gone]
