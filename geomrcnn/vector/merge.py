"""Seams: which detections of neighbouring tiles are one object, and what its outline is.

Tiles overlap, so near their edges every object is seen more than once, cut off in some tiles and
complete in others. Overlap of two boxes says little there: a field cut in half overlaps its
neighbour's box as much as its own other half. What two tiles must agree on is the strip both of
them saw. The rules, in order:

1. Cede. A piece cut by the edge of its tile which does not reach the middle of the overlap lies
   wholly within the neighbour, who sees it from further inside. It is dropped.
2. Link. Two detections of one class from different tiles are one object if their outlines, clipped
   to the zone both tiles see, agree with an intersection over union of at least one half; or if
   one is cut by its tile's edge and lies within the other there, as an arm does of an object that
   is all of a piece only in the other tile. Objects are the connected components.
3. Settle. If some member is not cut by any tile edge, the one furthest from the edges of its tile
   is the object, and the mean of all that are not cut is its score. Otherwise the members' soft
   masks are combined and contoured. What scores too low goes.
4. Clean up. Of two objects that nearly coincide, the complete one, then the better one, stays:
   small objects whose two outlines jitter past rule 2, and what a tile saw twice. So it is with two
   from different tiles which lie mostly on one another, where one tile saw one object and its
   neighbour several; there, more tiles count for more than a better score.

The rows of tiles pass by from north to south. A group of detections that are linked, or lie on one
another, is settled as soon as no later row can see any of it; only such groups as reach into the
next row are in memory. Every step depends on the set of detections alone, never on their order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from geomrcnn.vector.agreement import Pairs, compare, no_pairs
from geomrcnn.vector.components import components
from geomrcnn.vector.contour import outline
from geomrcnn.vector.cuts import cedes
from geomrcnn.vector.instance import Instance, Traced
from geomrcnn.vector.settle import Whole, clean_up, settle

AGREEMENT = 0.5
"""Intersection over union, within the common zone, from which two outlines are one object."""


@dataclass
class Merger:
    """Settles the seams of a raster, one row of tiles after the other.

    Attributes:
        size: (width, height) of the raster in pixels: its own edges are no seams.
        overlap: Least overlap of neighbouring tiles, in pixels.
        agreement: Intersection over union, within the common zone, of one object seen twice.
        min_score: What scores less, when all have been heard that saw it, is no object.
    """

    size: tuple[float, float]
    overlap: float
    agreement: float = AGREEMENT
    min_score: float = 0.0
    _open: list[Traced] = field(default_factory=list)
    _pairs: Pairs = field(default_factory=no_pairs)

    def add(self, row: Iterable[Instance], below: float = math.inf) -> list[Whole]:
        """Take the detections of the next row of tiles.

        Args:
            row: In any order.
            below: Where the row after this one begins, in raster pixels.

        Returns:
            The objects that no later row can see, in the order of their best member's tile and
            index.
        """
        staying = [one for one in row if not cedes(one, self.size, self.overlap)]
        staying.sort(key=lambda one: (one.tile, one.index))
        traced = (Traced(one, outline(one.mask, one.box)) for one in staying)
        drawn = [one for one in traced if not one.outline.is_empty]
        new = compare([*self._open, *drawn], len(self._open), self.agreement)
        self._pairs = Pairs(*(np.concatenate(both) for both in zip(self._pairs, new, strict=True)))
        self._open += drawn
        wholes = self._close(below)
        return sorted(wholes, key=lambda whole: (whole.best.tile, whole.best.index))

    @property
    def open(self) -> int:
        """Number of detections that wait for the next row."""
        return len(self._open)

    def _close(self, below: float) -> list[Whole]:
        """Settle the groups that lie above a line, and forget them."""
        count = len(self._open)
        group = components(count, self._pairs.conflicts)
        part = components(count, self._pairs.links)
        reaches = np.array([one.outline.bounds[3] > below for one in self._open], bool)
        stays = np.isin(group, group[reaches])
        closing = sorted(np.flatnonzero(~stays), key=lambda k: (group[k], part[k]))
        wholes: list[Whole] = []
        for _, members in groupby(closing, key=lambda k: group[k]):
            objects = groupby(members, key=lambda k: part[k])
            settled = [settle([self._open[k] for k in one], self.size) for _, one in objects]
            wholes += clean_up(
                [one for one in settled if one.score >= self.min_score and not one.outline.is_empty]
            )
        number = np.cumsum(stays) - 1
        self._open = [one for one, stay in zip(self._open, stays, strict=True) if stay]
        self._pairs = Pairs(*(number[pairs[stays[pairs[:, 0]]]] for pairs in self._pairs))
        return wholes


def merge(
    instances: Sequence[Instance],
    *,
    size: tuple[float, float],
    overlap: float,
    agreement: float = AGREEMENT,
) -> list[Whole]:
    """Turn the detections of all tiles into objects, at once.

    Args:
        instances: Of any tiles, in any order.
        size: (width, height) of the raster in pixels: its own edges are no seams.
        overlap: Least overlap of neighbouring tiles, in pixels.
        agreement: See `Merger`.

    Returns:
        Objects in the order of their best member's tile and index.
    """
    return Merger(size, overlap, agreement).add(instances)
