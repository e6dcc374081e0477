"""From detections that are one object to that object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from geomrcnn.vector.canvas import combine, grid_around
from geomrcnn.vector.contour import outline
from geomrcnn.vector.cuts import clearance, is_cut
from geomrcnn.vector.instance import Instance, Traced
from geomrcnn.vector.polygons import Polygonal
from geomrcnn.vector.rivals import Claim, survivors

CLEAR = 128.0
"""From this far within its tile, in pixels, the outline of an object is seen as well as can be."""

SURE = 256.0
"""From this far, so is its score. A network that sees an object nearer to the edge lacks some of
what lies around it: scores of two views of one object differ by 0.1 (standard deviation) at 50
pixels from a seam, and by 0.03 at 150."""

TRUST = 4
"""A view that is twice as clear of seams counts two to the power of this as much."""


@dataclass(frozen=True, eq=False)
class Whole:
    """One object of the raster, after the seams are settled.

    Attributes:
        best: The member that stands for it: the clearest complete one, or the best.
        score: In [0, 1]: of complete views the mean, of the clear ones mostly; else that of `best`.
        outline: Valid polygons in raster pixels.
        complete: Whether `best` is not cut by a tile edge, so that the outline is its own.
        members: Number of detections that are this object.
        tiles: Those that saw it.
    """

    best: Instance
    score: float
    outline: Polygonal
    complete: bool
    members: int
    tiles: frozenset[tuple[int, int]]

    @property
    def rank(self) -> tuple[object, ...]:
        """Sort key, best first: complete objects, then as instances."""
        return not self.complete, *self._rank

    @property
    def claim(self) -> Claim:
        """What it has to say against others on its ground."""
        return Claim(self.outline, self.best.class_id, self.complete, self.tiles, self._rank)

    @property
    def _rank(self) -> tuple[object, ...]:
        return -self.score, self.best.tile, self.best.index

    @property
    def fragments(self) -> int:
        """Number of detections that its outline was put together from."""
        return 1 if self.complete else self.members


def settle(members: Sequence[Traced], size: tuple[float, float]) -> Whole:
    """One object from its members: the clearest complete view, or all of them combined.

    Of complete views that are equally clear of seams, the outline of the best scored one is taken.
    The best score of all would be that of whichever tile errs furthest upwards, and depend on where
    tiles lie.

    Args:
        members: Connected detections, at least one.
        size: (width, height) of the raster in pixels.
    """
    tiles = frozenset(instance.tile for instance, _ in members)
    complete = [member for member in members if not is_cut(member.instance, size)]
    if complete:
        best, shape = min(complete, key=lambda member: _clearest(member.instance, size))
        score = _score([instance for instance, _ in complete], size)
        return Whole(best, score, shape, True, len(members), tiles)
    best, shape = min(members, key=lambda member: member.instance.rank)
    if len(members) > 1:
        grid = grid_around([instance.box for instance, _ in members])
        shape = outline(combine([instance for instance, _ in members], grid), grid.box)
    return Whole(best, best.score, shape, False, len(members), tiles)


def _clearest(instance: Instance, size: tuple[float, float]) -> tuple[object, ...]:
    return -clearance(instance, size, CLEAR), *instance.rank


def _score(views: Sequence[Instance], size: tuple[float, float]) -> float:
    """Mean of the best scores of tiles, weighted by how clear of seams they see the object."""
    of_tile = {one.tile: one for one in sorted(views, key=lambda one: one.rank, reverse=True)}
    weights = {tile: clearance(one, size, SURE) ** TRUST for tile, one in of_tile.items()}
    weighted = math.fsum(of_tile[tile].score * weight for tile, weight in weights.items())
    return weighted / math.fsum(weights.values())


def clean_up(wholes: Sequence[Whole]) -> list[Whole]:
    """Of objects of one class that cannot both be there, keep the better one."""
    return [wholes[k] for k in survivors([whole.claim for whole in wholes])]
