"""Curves and thresholds of hand-made verdicts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geomrcnn.evaluation.curves import (
    Threshold,
    average_precision,
    best_threshold,
    precision_recall,
    reached_at,
)
from geomrcnn.evaluation.matching import Verdicts


def verdicts(scores: list[float], right: list[int], truths: int) -> Verdicts:
    return Verdicts(np.array(scores, np.float64), np.array(right, bool), truths)


HAND_MADE = verdicts([0.9, 0.8, 0.6, 0.6, 0.2], [1, 0, 1, 1, 0], 4)


def test_average_precision_where_something_is_missing() -> None:
    assert average_precision(verdicts([], [], 5)) == 0
    assert math.isnan(average_precision(verdicts([0.9], [0], 0)))


def test_average_precision_by_hand() -> None:
    """Precision 1 up to recall 0.25, then 3/4 up to 0.75: 26 and 50 of 101 points."""
    assert average_precision(HAND_MADE) == pytest.approx((26 + 50 * 3 / 4) / 101)


def test_a_threshold_never_parts_equal_scores() -> None:
    curve = precision_recall(HAND_MADE)
    assert curve.scores.tolist() == [0.9, 0.8, 0.6, 0.2]
    assert curve.precision.tolist() == [1, 1 / 2, 3 / 4, 3 / 5]
    assert curve.recall.tolist() == [1 / 4, 1 / 4, 3 / 4, 3 / 4]
    assert curve.f1 == pytest.approx([2 / 5, 2 / 6, 6 / 8, 6 / 9])


def test_the_best_threshold_keeps_what_it_was_chosen_for() -> None:
    best = best_threshold(HAND_MADE)
    assert best == pytest.approx(Threshold(0.4, 3 / 4, 3 / 4, 3 / 4))
    assert reached_at(HAND_MADE, 0.4) == best


def test_a_threshold_below_everything_and_no_threshold() -> None:
    assert best_threshold(verdicts([0.7, 0.3], [1, 1], 2)) == Threshold(0.3, 1, 1, 1)
    assert best_threshold(verdicts([], [], 2)) is None
    assert best_threshold(verdicts([0.5], [0], 0)) is None


def test_what_is_reached_when_nothing_is_left() -> None:
    assert reached_at(HAND_MADE, 0.95) == Threshold(0.95, 0, 0, 0)
    assert math.isnan(reached_at(verdicts([0.5], [0], 0), 0.1).recall)
