"""How far two lists of detections are the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomrcnn.export.agreement import agreement
from geomrcnn.runtime import Detections


def detections(seed: int, count: int, classes: int = 2) -> Detections:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 80, (count, 2))
    return Detections(
        np.hstack([corner, corner + rng.uniform(5, 40, (count, 2))]).astype(np.float32),
        np.sort(rng.uniform(0.05, 1, count).astype(np.float32))[::-1],
        rng.integers(1, classes + 1, count).astype(np.int32),
        rng.random((count, 28, 28), np.float32),
    )


def one(box=(10, 10, 30, 30), score=0.8, class_id=1, mask=1.0) -> Detections:
    return Detections(
        np.array([box], np.float32),
        np.array([score], np.float32),
        np.array([class_id], np.int32),
        np.full((1, 28, 28), mask, np.float32),
    )


seeds, counts = st.integers(0, 1000), st.integers(0, 8)


@given(seeds, counts, seeds, counts)
def test_it_is_symmetric_and_between_0_and_1(seed, count, other_seed, other_count):
    ours, theirs = detections(seed, count), detections(other_seed, other_count)
    value = agreement(ours, theirs)
    assert 0 <= value <= 1 + 1e-12
    assert value == pytest.approx(agreement(theirs, ours))


@given(seeds, counts)
def test_only_the_same_agrees_wholly_in_any_order(seed, count):
    ours = detections(seed, count)
    turned = Detections(*(getattr(ours, name)[::-1] for name in
                          ("boxes", "scores", "classes", "masks")))  # fmt: skip
    assert agreement(ours, turned) == pytest.approx(1)
    if count:
        assert agreement(ours, detections(seed + 1, count)) < 1


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        (one(box=(10, 10, 30, 20)), 0.5),
        (one(mask=0.25), 0.25),
        (one(score=0.4), 0.5),
        (one(box=(10, 10, 30, 20), mask=0.5, score=0.4), 0.125),
        (one(class_id=2), 0.0),
        (one(box=(50, 50, 60, 60)), 0.0),
        (detections(1, 0), 0.0),
    ],
)
def test_box_mask_and_score_count_as_ratios(other, wanted):
    assert agreement(one(), other) == pytest.approx(wanted, abs=1e-6)


def test_nothing_found_twice_is_the_same():
    assert agreement(detections(1, 0), detections(2, 0)) == 1


def test_sure_detections_weigh_more():
    sure, faint = one(score=0.9), one(box=(50, 50, 80, 80), score=0.1)
    both = Detections(*(np.concatenate([getattr(sure, name), getattr(faint, name)]) for name in
                        ("boxes", "scores", "classes", "masks")))  # fmt: skip
    assert agreement(both, sure) == pytest.approx(1.8 / 1.9, abs=1e-6)
    assert agreement(both, faint) == pytest.approx(0.2 / 1.1, abs=1e-6)
