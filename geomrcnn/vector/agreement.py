"""What two tiles say of the same ground: which of their detections agree, and which conflict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree

from geomrcnn.vector.components import components, forest
from geomrcnn.vector.cuts import EDGE
from geomrcnn.vector.instance import Traced
from geomrcnn.vector.overlap import ROUNDING, most_shared

CONTAINED = 0.9
"""Share of a cut outline, within the common zone, that lies in the other one if it is its arm."""

ARM_WIDTH = 8.0
"""Least width of an arm, in pixels."""

CONFLICT = 0.25
"""Share of the smaller of two outlines within the other from which they may be one object twice."""


class Pairs(NamedTuple):
    """Pairs of detections, [P, 2] indices.

    Attributes:
        links: They are one object.
        conflicts: They lie on one another; whether both objects can stay is judged when all of
            both is known. Links are among them.
    """

    links: npt.NDArray[np.intp]
    conflicts: npt.NDArray[np.intp]


def no_pairs() -> Pairs:
    """What is known before anything was compared."""
    return Pairs(np.empty((0, 2), np.intp), np.empty((0, 2), np.intp))


def compare(seen: Sequence[Traced], first_new: int, agreement: float) -> Pairs:
    """Compare detections of one class where they touch; those of one tile are never linked.

    Two outlines of a hundred vertices take GEOS long, and where four tiles look, most pairs tell
    nothing new. So boxes are compared first, then the most promising pairs that could join all, and
    last those which could still join what these did not.

    Args:
        seen: Detections.
        first_new: Those before this one have been compared with one another.
        agreement: Intersection over union within the common zone from which two are one object.

    Returns:
        Pairs of indices into `seen`, of which at least one is new: as many as say what hangs
        together.
    """
    if len(seen) == first_new:
        return no_pairs()
    couples, most = _couples(seen, first_new, agreement)
    may_link, may_conflict = couples.linked(most), couples.conflicting(most)
    alike = np.zeros(len(most))
    np.divide(most, couples.areas.sum(axis=1) - most, out=alike, where=may_link)
    possible = np.flatnonzero(may_conflict)
    likely = possible[np.argsort(-alike[possible], kind="stable")]
    tree = likely[forest(len(seen), couples.pairs[likely])]
    known = couples.at(tree).compared()
    part, group = (components(len(seen), pairs)[couples.pairs] for pairs in known)
    telling = may_conflict & (group[:, 0] != group[:, 1]) | may_link & (part[:, 0] != part[:, 1])
    telling[tree] = False
    more = couples.at(np.flatnonzero(telling)).compared()
    return Pairs(*(np.concatenate(both) for both in zip(known, more, strict=True)))


class _Couples(NamedTuple):
    """Pairs of detections of one class, and what there is of them in the zone that both tiles see.

    Attributes:
        pairs: [P, 2] their indices.
        outlines: [P, 2] clipped to the zone.
        areas: [P, 2] of these.
        apart: [P] whether they are of different tiles.
        arms: [P, 2] whether one may be an arm of the other.
        conflict: [P] area that they have in common if they lie on one another.
        agreement: See `compare`.
    """

    pairs: npt.NDArray[np.intp]
    outlines: np.ndarray
    areas: npt.NDArray[np.float64]
    apart: npt.NDArray[np.bool_]
    arms: npt.NDArray[np.bool_]
    conflict: npt.NDArray[np.float64]
    agreement: float

    def at(self, places: npt.NDArray[np.intp]) -> _Couples:
        """Some of them."""
        return _Couples(
            self.pairs[places], self.outlines[places], self.areas[places], self.apart[places],
            self.arms[places], self.conflict[places], self.agreement,
        )  # fmt: skip

    def linked(self, shared: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """[P] whether they are one object if they share an area [P]; the more, the sooner."""
        agree = shared >= self.agreement * (self.areas.sum(axis=1) - shared)
        within = self.arms & (shared[:, None] >= CONTAINED * self.areas)
        return np.asarray(self.apart & (shared > 0) & (agree | within.any(axis=1)))

    def conflicting(self, shared: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """[P] whether they lie on one another; so do those that are linked."""
        return np.asarray((shared > self.conflict) | self.linked(shared))

    def compared(self) -> Pairs:
        """What their outlines tell."""
        shared = shapely.area(shapely.intersection(*self.outlines.T))
        return Pairs(self.pairs[self.linked(shared)], self.pairs[self.conflicting(shared)])


def _couples(
    seen: Sequence[Traced], first_new: int, agreement: float
) -> tuple[_Couples, npt.NDArray[np.float64]]:
    """Pairs that may lie on one another, one of them new, and the areas they share at most."""
    shapes = np.array([one.outline for one in seen], dtype=object)
    first, second = _candidates(seen, shapes, first_new)
    area = shapely.area(shapes)
    # Beyond the common zone the two cannot meet: what they share lies within it.
    conflict = CONFLICT * np.minimum(area[first], area[second])
    tile = np.array([one.instance.tile for one in seen]).reshape(-1, 2)
    apart = (tile[first] != tile[second]).any(axis=1)
    most = most_shared(shapes, first, second)
    kept = (most > 0) & (apart | (most > conflict))
    first, second, conflict, apart, most = (
        values[kept] for values in (first, second, conflict, apart, most)
    )
    windows = np.array([one.instance.window for one in seen]).reshape(-1, 4)
    ours, theirs = windows[first], windows[second]
    zones = shapely.box(
        *np.maximum(ours[:, :2], theirs[:, :2]).T, *np.minimum(ours[:, 2:], theirs[:, 2:]).T
    )
    one, other = _clipped(shapes[first], zones), _clipped(shapes[second], zones)
    areas = np.stack([shapely.area(one), shapely.area(other)], axis=1)
    arms = np.stack([_is_arm(one, ours, theirs), _is_arm(other, theirs, ours)], axis=1)
    couples = _Couples(
        np.stack([first, second], axis=1), np.stack([one, other], axis=1), areas, apart, arms,
        conflict, agreement,
    )  # fmt: skip
    return couples, np.minimum(most, (1 + ROUNDING) * areas.min(axis=1))


def _candidates(
    seen: Sequence[Traced], shapes: np.ndarray, first_new: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pairs of outlines of one class with boxes that meet, the second one new."""
    new, any_one = STRtree(shapes).query(shapes[first_new:])
    second, first = np.asarray(new + first_new, np.intp), np.asarray(any_one, np.intp)
    kind = np.array([one.instance.class_id for one in seen])
    wanted = (first < second) & (kind[first] == kind[second])
    return first[wanted], second[wanted]


def _clipped(shapes: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """Shapes within their zones, which are boxes; most lie there already."""
    inner, outer = shapely.bounds(shapes), shapely.bounds(zones)
    beyond = (inner[:, :2] < outer[:, :2]).any(1) | (inner[:, 2:] > outer[:, 2:]).any(1)
    clipped = shapes.copy()
    clipped[beyond] = shapely.intersection(shapes[beyond], zones[beyond])
    return clipped


def _is_arm(parts: np.ndarray, seen: np.ndarray, others: np.ndarray) -> npt.NDArray[np.bool_]:
    """Whether parts are cut by an edge of their own tile that lies within the other tile.

    Slivers are not: where outlines of neighbours overlap a little, one lies within the other.

    Args:
        parts: [P] outlines clipped to the zone of both tiles.
        seen: [P, (x1, y1, x2, y2)] windows of their own tiles.
        others: [P, (x1, y1, x2, y2)] windows of the other tiles.

    Returns:
        [P] bool.
    """
    bounds = shapely.bounds(parts)
    low = (seen[:, :2] > others[:, :2]) & (bounds[:, :2] - seen[:, :2] <= EDGE)
    high = (seen[:, 2:] < others[:, 2:]) & (seen[:, 2:] - bounds[:, 2:] <= EDGE)
    # The area of a strip over half its perimeter is its width, nearly.
    wide = shapely.area(parts) >= ARM_WIDTH * shapely.length(parts) / 2
    return np.asarray((low | high).any(axis=1) & wide)
