"""From detections that are one object to that object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geomrcnn.vector.canvas import combine, grid_around
from geomrcnn.vector.contour import outline
from geomrcnn.vector.cuts import clearance, is_cut
from geomrcnn.vector.instance import Instance, Traced
from geomrcnn.vector.polygons import Polygonal
from geomrcnn.vector.rivals import Claim, survivors


@dataclass(frozen=True, eq=False)
class Whole:
    """One object of the raster, after the seams are settled.

    Attributes:
        best: The member that stands for it: the clearest complete one, or the best.
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
    def claim(self) -> Claim:
        """What it has to say against others on its ground."""
        best = self.best
        return Claim(self.outline, best.class_id, self.complete, self.tiles, best.rank)

    @property
    def fragments(self) -> int:
        """Number of detections that its outline was put together from."""
        return 1 if self.complete else self.members


def settle(members: Sequence[Traced], size: tuple[float, float]) -> Whole:
    """One object from its members: the clearest complete view, or all of them combined.

    Of complete views that are equally clear of seams, the best scored one is taken. The best score
    of all would be that of whichever tile errs furthest upwards, and depend on where tiles lie.

    Args:
        members: Connected detections, at least one.
        size: (width, height) of the raster in pixels.
    """
    tiles = frozenset(instance.tile for instance, _ in members)
    complete = [member for member in members if not is_cut(member.instance, size)]
    if complete:
        best, shape = min(complete, key=lambda member: _clearest(member.instance, size))
        return Whole(best, shape, True, len(members), tiles)
    best, shape = min(members, key=lambda member: member.instance.rank)
    if len(members) > 1:
        grid = grid_around([instance.box for instance, _ in members])
        shape = outline(combine([instance for instance, _ in members], grid), grid.box)
    return Whole(best, shape, False, len(members), tiles)


def _clearest(instance: Instance, size: tuple[float, float]) -> tuple[object, ...]:
    return -clearance(instance, size), *instance.rank


def clean_up(wholes: Sequence[Whole]) -> list[Whole]:
    """Of objects of one class that cannot both be there, keep the better one."""
    return [wholes[k] for k in survivors([whole.claim for whole in wholes])]
