"""Precision, recall and what follows from them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geomrcnn.evaluation.matching import Verdicts

RECALLS = np.linspace(0, 1, 101)
"""Where COCO samples the precision-recall curve."""


class Curve(NamedTuple):
    """What is reached with every score that a threshold can be set at, falling.

    Attributes:
        scores: [K] the scores that occur, each once.
        precision: [K] share of the detections with at least that score that are right.
        recall: [K] share of the objects that they find.
        f1: [K] harmonic mean of the two.
    """

    scores: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    f1: npt.NDArray[np.float64]


class Threshold(NamedTuple):
    """A least score, and what is reached with it."""

    min_score: float
    precision: float
    recall: float
    f1: float


def average_precision(verdicts: Verdicts) -> float:
    """Area under the precision-recall curve, by COCO's 101 points; NaN without true objects.

    Like COCO's it goes through equal scores one by one, in the order given.
    """
    if not verdicts.truths:
        return math.nan
    hits = np.cumsum(verdicts.right)
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    reached = np.searchsorted(hits / verdicts.truths, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[reached].mean())


def precision_recall(verdicts: Verdicts) -> Curve:
    """The curve that a threshold on the score moves along; recall is NaN without true objects."""
    scores, right, truths = verdicts
    last = np.flatnonzero(np.diff(scores, append=-np.inf) < 0)
    hits, found = np.cumsum(right)[last], last + 1
    recall = hits / truths if truths else np.full(len(last), math.nan)
    return Curve(scores[last], hits / found, recall, 2 * hits / (found + truths))


def best_threshold(verdicts: Verdicts) -> Threshold | None:
    """The threshold with the highest F1, midway to the best score it leaves out.

    Of equals the highest. None if nothing was found, or nothing was to be found.
    """
    curve = precision_recall(verdicts)
    if not len(curve.scores) or not verdicts.truths:
        return None
    k = int(np.argmax(curve.f1))
    below = curve.scores[k + 1] if k + 1 < len(curve.scores) else curve.scores[k]
    middle = float(curve.scores[k] + below) / 2
    return Threshold(middle, *(float(side[k]) for side in curve[1:]))


def reached_at(verdicts: Verdicts, min_score: float) -> Threshold:
    """What is reached with a threshold; precision is 0 if nothing is left, recall NaN if no object
    was to be found."""
    kept = verdicts.right[verdicts.scores >= min_score]
    hits, truths = int(kept.sum()), verdicts.truths
    return Threshold(
        min_score,
        hits / max(len(kept), 1),
        hits / truths if truths else math.nan,
        2 * hits / max(len(kept) + truths, 1),
    )
