"""Objects longer than a tile: seen whole by a second look with larger pixels.

Merging puts such an object together from what its tiles saw; where their views do not meet, it
stays in pieces. A coarse view has it whole, with a coarse outline, so it is taken only where it
explains at least two pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from affine import Affine
from shapely import STRtree

from geomrcnn.inference.georeference import to_map
from geomrcnn.vector.polygons import Polygonal
from geomrcnn.vector.settle import Whole

FACTOR = 4
"""How much larger the pixels of the second look are."""

EXPLAINED = 0.8
"""Share of a piece that lies within the coarse outline which explains it."""

COVERED = 0.5
"""Share of a coarse outline that its pieces cover, at least."""

TAKEN = 0.1
"""Share of a coarse outline that complete objects cover, at most."""


@dataclass
class CoarseView:
    """An object of the second look, and what the first look saw of it.

    Attributes:
        outline: In pixels of the first look.
        class_id: 1..C.
        pieces: Objects of the first look that it explains and that no tile saw complete.
        taken: Area of its outline that complete objects cover.
    """

    outline: Polygonal
    class_id: int
    pieces: list[Whole] = field(default_factory=list)
    taken: float = 0.0

    @property
    def explains(self) -> bool:
        """Whether it stands for its pieces."""
        area = self.outline.area
        if len(self.pieces) < 2 or self.taken > TAKEN * area:
            return False
        united = shapely.union_all([piece.outline for piece in self.pieces])
        return bool(shapely.intersection(united, self.outline).area >= COVERED * area)

    def settled(self) -> list[Whole]:
        """One object in place of the pieces, or else the pieces."""
        if not self.explains:
            return self.pieces
        best = min(self.pieces, key=lambda piece: piece.rank)
        members = sum(piece.members for piece in self.pieces)
        tiles = frozenset[tuple[int, int]]().union(*(piece.tiles for piece in self.pieces))
        return [Whole(best.best, best.score, self.outline, False, members, tiles)]


def coarse_views(
    wholes: Iterable[Whole], to_fine: Affine, longer_than: float
) -> Iterator[CoarseView]:
    """What of a second look is too long for one tile of the first.

    Args:
        wholes: Objects of the second look, in its pixels.
        to_fine: From those to pixels of the first look.
        longer_than: Side of a tile, in pixels of the first look.
    """
    for whole in wholes:
        (outline,) = to_map([whole.outline], to_fine)
        left, top, right, bottom = outline.bounds
        if max(right - left, bottom - top) > longer_than:
            yield CoarseView(outline, whole.best.class_id)


class Explainer:
    """Holds the pieces of long objects back until all of each has been seen."""

    def __init__(self, views: Sequence[CoarseView], tile: float) -> None:
        """Take what the second look found; `tile` is the side of a tile of the first, in pixels."""
        self._tree = STRtree([view.outline for view in views])
        # Pieces may end below the outline that explains them, by less than a tile.
        self._open = {k: (view, view.outline.bounds[3] + tile) for k, view in enumerate(views)}
        self._views = views

    def add(self, wholes: Sequence[Whole], below: float) -> list[Whole]:
        """Take objects of the first look that are settled.

        Args:
            wholes: In pixels.
            below: Where the next row of tiles begins; infinity after the last.

        Returns:
            Those that need no explanation, and what became of pieces all of which are known.
        """
        passing = [
            whole for whole, held in zip(wholes, self._held(wholes), strict=True) if not held
        ]
        for k in [k for k, (_, bottom) in self._open.items() if bottom <= below]:
            view, _ = self._open.pop(k)
            passing += view.settled()
        return sorted(passing, key=lambda whole: (whole.best.tile, whole.best.index))

    def _held(self, wholes: Sequence[Whole]) -> list[bool]:
        """Which objects are pieces of a long one; each is added to what explains it best."""
        held = [False] * len(wholes)
        if not wholes:
            return held
        outlines = np.array([whole.outline for whole in wholes], dtype=object)
        places, numbers = self._tree.query(outlines, predicate="intersects")
        views = np.array([self._views[k].outline for k in numbers], dtype=object)
        shared = shapely.area(shapely.intersection(outlines[places], views))
        most: dict[int, tuple[float, int]] = {}
        for place, number, area in zip(
            places.tolist(), numbers.tolist(), shared.tolist(), strict=True
        ):
            whole, view = wholes[place], self._views[number]
            if number not in self._open or whole.best.class_id != view.class_id:
                continue
            if whole.complete:
                view.taken += area
            elif area >= EXPLAINED * whole.outline.area:
                most[place] = max(most.get(place, (0.0, 0)), (area, -number))
        for place, (_, number) in most.items():
            self._views[-number].pieces.append(wholes[place])
            held[place] = True
        return held
