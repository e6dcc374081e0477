"""Which detection is which object: COCO's rules, for masks on images and polygons on maps alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Intersection over union from which a detection is right; COCO averages over these."""

CERTAIN = 1 - 1e-10
"""What COCO takes in place of higher thresholds, since an IoU of 1 may be computed a bit less."""

Mask = npt.NDArray[np.bool_]


class Verdicts(NamedTuple):
    """What counts of a comparison at one threshold; all curves and figures come from it.

    Attributes:
        scores: [K] of the detections that count, falling.
        right: [K] whether each found an object.
        truths: Number of objects that were to be found.
    """

    scores: npt.NDArray[np.float64]
    right: Mask
    truths: int


class Matches(NamedTuple):
    """The detections of a comparison at one threshold.

    Attributes:
        truth_of: [N] row of the object each detection found, -1 for none.
        counted: [N] whether it counts, be it as right (`truth_of` is not -1) or as wrong.
    """

    truth_of: npt.NDArray[np.intp]
    counted: Mask

    @property
    def right(self) -> Mask:
        """[N] whether each detection counts as right."""
        return self.counted & (self.truth_of >= 0)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Detections and true objects, with everything but the threshold settled.

    Attributes:
        scores: [N] of the detections, falling.
        idle: [N] whether a detection that finds nothing goes unpunished, for it lies where the
            truth is not known.
        ignored: [M] whether a true object need not be found; to find it is neither right nor wrong.
        crowd: [M] whether any number of detections may find it; crowds are ignored.
        pairs: [P, (row of a detection, row of a true object)] that may match.
        iou: [P] their intersection over union; for crowds over the area of the detection.
    """

    scores: npt.NDArray[np.float64]
    idle: Mask
    ignored: Mask
    crowd: Mask
    pairs: npt.NDArray[np.intp]
    iou: npt.NDArray[np.float64]

    def match(self, threshold: float) -> Matches:
        """Let every detection choose an object that overlaps it enough, best scores first.

        It takes the free one that it overlaps most, and an ignored one only if there is no other;
        of equals the last, as pycocotools does.
        """
        order = self._preference
        order = order[self.iou[order] >= min(threshold, CERTAIN)]
        truth_of = np.full(len(self.scores), -1, np.intp)
        taken: set[int] = set()
        crowd = self.crowd.tolist()
        for detection, truth in self.pairs[order].tolist():
            if truth_of[detection] < 0 and (truth not in taken or crowd[truth]):
                truth_of[detection] = truth
                taken.add(truth)
        unpunished = self.idle.copy()
        found = truth_of >= 0
        unpunished[found] = self.ignored[truth_of[found]]
        return Matches(truth_of, ~unpunished)

    def verdicts(
        self, matches: Matches, detections: Mask | None = None, truths: Mask | None = None
    ) -> Verdicts:
        """What counts, of some detections [N] and true objects [M]; by default of all."""
        counted = matches.counted if detections is None else matches.counted & detections
        wanted = ~self.ignored if truths is None else ~self.ignored & truths
        return Verdicts(self.scores[counted], matches.right[counted], int(wanted.sum()))

    @cached_property
    def _preference(self) -> npt.NDArray[np.intp]:
        """Places of the pairs: detections by falling score, of each its choices, best first."""
        detection, truth = self.pairs.T
        return np.lexsort((-truth, -self.iou, self.ignored[truth], detection))
