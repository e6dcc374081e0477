"""What tiling costs: doubles, objects in pieces, and how far two runs with other tiles agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree

from geomrcnn.evaluation.matching import Comparison, Mask
from geomrcnn.raster.grid import TileGrid
from geomrcnn.vector.polygons import Polygonal

SAME = 0.5
"""Intersection over union from which two outlines are one object."""

PIECE = 0.2
"""Share of an object that a prediction must cover to be a piece of it ..."""

WITHIN = 0.5
"""... and share of the prediction that must lie in the object, or else it is something larger."""


class Objects(NamedTuple):
    """What was found, or is to be found, in pixels of a raster.

    Attributes:
        outlines: [N] valid polygons with an area.
        classes: [N] names.
        scores: [N] in [0, 1].
    """

    outlines: npt.NDArray[np.object_]
    classes: npt.NDArray[np.str_]
    scores: npt.NDArray[np.float64]


class Run(NamedTuple):
    """What one run found in a raster, and the tiles in which it looked."""

    objects: Objects
    grid: TileGrid


@dataclass(frozen=True)
class Agreement:
    """How far two runs found the same; partners overlap with an IoU of at least `SAME`.

    Attributes:
        precision: Share of the first run's objects that have a partner; None if it has none.
        recall: Share of the second run's objects that have a partner.
        f1: Harmonic mean of the two.
        mean_iou: Mean IoU of partners.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    mean_iou: float | None


@dataclass(frozen=True)
class Fates:
    """What became of some objects.

    Attributes:
        objects: How many there were.
        split: Share of them that came out in pieces: two or more predictions each cover at least
            `PIECE` of the object, and lie at least `WITHIN` in it. None if there were no objects.
        missed: Share of them that no prediction overlaps with an IoU of `SAME`.
    """

    objects: int
    split: float | None
    missed: float | None


@dataclass(frozen=True)
class SeamScores:
    """What two runs with different tiles tell of the seams.

    Attributes:
        objects: Number of objects in each run.
        duplicates: Pairs of objects of one class in one run with an IoU above `SAME`, to 1,000
            objects; None if there are no objects.
        agreement: How far the runs found the same.
        at_seams: What became, in either run, of objects that more than one of its tiles saw.
        elsewhere: The same of those that a single tile saw.
    """

    objects: tuple[int, int]
    duplicates: float | None
    agreement: Agreement
    at_seams: Fates
    elsewhere: Fates


def seam_scores(
    first: Run, second: Run, truth: Objects | None = None, area: Polygonal | None = None
) -> SeamScores:
    """All figures of two runs over one raster.

    Each run is held against the truth. Without one, each is held against the other, but only
    against what a single tile of the other saw: that owes nothing to merging.

    Args:
        first: In pixels of the raster.
        second: The same with another grid.
        truth: What there is to be found.
        area: Where the runs looked; objects that its border cuts count for nothing.
    """
    runs = (first, second)
    count = tuple(len(run.objects.outlines) for run in runs)
    doubles = sum(duplicates(run.objects) for run in runs)
    at_seams, elsewhere = [], []
    for run, other in (runs, runs[::-1]):
        objects = other.objects if truth is None else truth
        wanted = _inside(objects.outlines, area)
        if truth is None:
            wanted &= tiles_that_see(objects.outlines, other.grid) == 1
        several = tiles_that_see(objects.outlines, run.grid) > 1
        split, missed = split_and_missed(objects, run.objects)
        outcome = np.stack([split, missed], axis=1)
        at_seams.append(outcome[wanted & several])
        elsewhere.append(outcome[wanted & ~several])
    return SeamScores(
        objects=(count[0], count[1]),
        duplicates=1000 * doubles / sum(count) if sum(count) else None,
        agreement=agreement(first.objects, second.objects, area),
        at_seams=_fates(at_seams),
        elsewhere=_fates(elsewhere),
    )


def duplicates(objects: Objects) -> int:
    """Number of pairs of objects of one class with an IoU above `SAME`."""
    pairs, iou, _ = _overlaps(objects, objects)
    return int(((iou > SAME) & (pairs[:, 0] < pairs[:, 1])).sum())


def agreement(ours: Objects, theirs: Objects, area: Polygonal | None = None) -> Agreement:
    """How far two runs found the same; partners are found as detections find true objects.

    Args:
        ours: What one run found.
        theirs: What the other found.
        area: An object that its border cuts need not have a partner.
    """
    order = np.argsort(-ours.scores, kind="stable")
    ours = Objects(ours.outlines[order], ours.classes[order], ours.scores[order])
    pairs, iou, _ = _overlaps(ours, theirs)
    compared = Comparison(
        scores=ours.scores,
        idle=~_inside(ours.outlines, area),
        ignored=~_inside(theirs.outlines, area),
        crowd=np.zeros(len(theirs.outlines), bool),
        pairs=pairs,
        iou=iou,
    )
    matches = compared.match(SAME)
    verdicts = compared.verdicts(matches)
    partners = int(verdicts.right.sum())
    found, wanted = len(verdicts.right), verdicts.truths
    one, other = pairs.T
    of_partners = iou[matches.right[one] & (matches.truth_of[one] == other)]
    return Agreement(
        precision=partners / found if found else None,
        recall=partners / wanted if wanted else None,
        f1=2 * partners / (found + wanted) if found + wanted else None,
        mean_iou=float(of_partners.mean()) if partners else None,
    )


def split_and_missed(objects: Objects, found: Objects) -> tuple[Mask, Mask]:
    """Which objects came out in pieces, and which did not come out; see `Fates`.

    Args:
        objects: [N] that there are.
        found: Predictions.

    Returns:
        [N] whether each is split, and [N] whether it is missed. An object may be both.
    """
    pairs, iou, shared = _overlaps(objects, found)
    whole, piece = shapely.area(objects.outlines), shapely.area(found.outlines)
    one, other = pairs.T
    is_piece = (shared >= PIECE * whole[one]) & (shared >= WITHIN * piece[other])
    missed = np.ones(len(whole), bool)
    missed[one[iou >= SAME]] = False
    return np.bincount(one[is_piece], minlength=len(whole)) > 1, missed


def tiles_that_see(outlines: npt.NDArray[np.object_], grid: TileGrid) -> npt.NDArray[np.intp]:
    """[N] how many tiles of a grid see some of each outline's bounding box."""
    bounds = shapely.bounds(outlines).reshape(-1, 4)

    def along(starts: Sequence[int], low: np.ndarray, high: np.ndarray) -> npt.NDArray[np.intp]:
        begins = np.array(starts)
        return np.searchsorted(begins, high) - np.searchsorted(begins + grid.tile, low, "right")

    return along(grid.column_starts, bounds[:, 0], bounds[:, 2]) * along(
        grid.row_starts, bounds[:, 1], bounds[:, 3]
    )


def _overlaps(
    ours: Objects, theirs: Objects
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Pairs of one class that meet: [P, 2] indices, [P] their IoU and [P] their common area."""
    first, second = STRtree(theirs.outlines).query(ours.outlines, predicate="intersects")
    same = ours.classes[first] == theirs.classes[second]
    first, second = first[same], second[same]
    one, other = ours.outlines[first], theirs.outlines[second]
    shared = shapely.area(shapely.intersection(one, other))
    iou = shared / (shapely.area(one) + shapely.area(other) - shared)
    return np.stack([first, second], axis=1), iou, shared


def _inside(outlines: npt.NDArray[np.object_], area: Polygonal | None) -> Mask:
    if area is None:
        return np.ones(len(outlines), bool)
    return np.asarray(shapely.covers(area, outlines), bool)


def _fates(outcomes: Sequence[np.ndarray]) -> Fates:
    """Of [N, (split, missed)] for each run, the shares over all."""
    every = np.concatenate(outcomes)
    if not len(every):
        return Fates(0, None, None)
    split, missed = every.mean(axis=0)
    return Fates(len(every), float(split), float(missed))
