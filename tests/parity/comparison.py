"""Comparing arrays: one row of the table for each stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

RELATIVE = 1e-3
PIXELS = 0.1
TIE = 1e-4
"""Scores that differ by less may change places."""


@dataclass(frozen=True)
class Row:
    """What came out for one stage; errors are the greatest, NaN where shapes differ."""

    stage: str
    count: int
    absolute: float
    relative: float
    tolerance: str
    ok: bool


def compare(stage: str, ours: np.ndarray, theirs: np.ndarray) -> Row:
    """Compare real numbers, by error relative to each number or to the stage's own scale.

    The scale is the root mean square, so that numbers near zero are not held to more digits than
    the sums they come from can have.
    """
    absolute, relative = _errors(ours, theirs)
    return Row(stage, theirs.size, absolute, relative, f"{RELATIVE:g} rel", relative <= RELATIVE)


def compare_boxes(stage: str, ours: np.ndarray, theirs: np.ndarray) -> Row:
    """Compare boxes in pixels."""
    absolute, relative = _errors(ours, theirs)
    return Row(stage, theirs.size, absolute, relative, f"{PIXELS:g} px", absolute <= PIXELS)


def compare_equal(stage: str, ours: np.ndarray, theirs: np.ndarray) -> Row:
    """Compare whole numbers."""
    absolute, relative = _errors(ours, theirs)
    return Row(stage, theirs.size, absolute, relative, "equal", absolute == 0)


def compare_rounded(stage: str, ours: np.ndarray, theirs: np.ndarray) -> Row:
    """Compare boxes in pixels, theirs rounded and ours not."""
    absolute, relative = _errors(ours, theirs)
    limit = 0.5 + PIXELS
    return Row(stage, theirs.size, absolute, relative, f"{limit:g} px", absolute <= limit)


def compare_pixels(stage: str, ours: np.ndarray, theirs: np.ndarray) -> Row:
    """Compare bits; the errors are the number that differ, and its share in those set.

    A pixel or two whose probability is one half may always differ.
    """
    if ours.shape != theirs.shape:
        return Row(stage, theirs.size, np.nan, np.nan, f"{RELATIVE:g} of set", False)
    wrong = int((ours != theirs).sum())
    share = wrong / max(int(theirs.sum()), 1)
    ok = share <= RELATIVE or wrong <= 2
    return Row(stage, theirs.size, wrong, share, f"{RELATIVE:g} of set", ok)


def _errors(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape:
        return np.nan, np.nan
    if not theirs.size:
        return 0.0, 0.0
    error = np.abs(ours - theirs)
    scale = np.maximum(np.abs(theirs), np.sqrt(np.mean(theirs**2)))
    return float(error.max()), float((error / np.maximum(scale, 1e-12)).max())


def pair(
    ours: np.ndarray,
    theirs: np.ndarray,
    our_classes: np.ndarray | None = None,
    their_classes: np.ndarray | None = None,
) -> np.ndarray:
    """For each of their boxes [N, 4] the index of ours [M, 4] that is it, each used once.

    Where there are classes they must agree. Fewer than N are given if there are fewer of ours.
    """
    cost = np.minimum(np.abs(theirs[:, None] - ours[None]).max(axis=2), 1.0)
    if our_classes is not None and their_classes is not None:
        cost = np.where(their_classes[:, None] == our_classes[None], cost, 2.0)
    # Of boxes that are all the same, each its own place.
    cost += 1e-9 * np.abs(np.arange(len(theirs))[:, None] - np.arange(len(ours))[None])
    return np.asarray(linear_sum_assignment(cost)[1])


def compare_order(stage: str, index: np.ndarray, scores: np.ndarray) -> Row:
    """Whether only ties have changed places.

    `scores` are theirs, falling; `index` is what `pair` gave. The error is the greatest difference
    between two scores that came in the other order.
    """
    worst = 0.0
    for place, mine in enumerate(index):
        swapped = scores[place + 1 :][: len(index) - place - 1][index[place + 1 :] < mine]
        worst = max(worst, float(np.abs(scores[place] - swapped).max(initial=0.0)))
    return Row(stage, len(index), worst, worst, f"{TIE:g} abs", worst < TIE)
