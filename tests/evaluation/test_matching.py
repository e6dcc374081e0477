"""Our matching and average precision against pycocotools', on random data sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.evaluation.curves import average_precision
from geomrcnn.evaluation.evaluation import evaluate_detections
from geomrcnn.evaluation.matching import THRESHOLDS, Comparison
from geomrcnn.runtime.detector import Detections

CLASSES = ("field", "pond")
SIDE = 24

# Few places and sizes, so that boxes coincide, overlap by the same share, and miss each other.
corners = st.integers(0, 16)
sides = st.sampled_from([4, 6, 8])
boxes = st.tuples(corners, corners, sides, sides).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
labels = st.tuples(boxes, st.sampled_from([1, 1, 2]), st.sampled_from([False, False, True]))
found = st.tuples(boxes, st.sampled_from([1, 1, 2]), st.sampled_from([0.2, 0.5, 0.5, 0.9, 1.0]))
images = st.tuples(st.lists(labels, max_size=6), st.lists(found, max_size=8))


def as_sample(items: list[tuple[tuple[int, ...], int, bool]]) -> Sample:
    instances = tuple(Instance(shapely.box(*box), kind, crowd) for box, kind, crowd in items)
    return Sample(np.empty((SIDE, SIDE, 0)), instances)


def as_detections(items: list[tuple[tuple[int, ...], int, float]]) -> Detections:
    """In the order given, as a runtime has them: best first."""
    items = sorted(items, key=lambda item: -item[2])
    return Detections(
        boxes=np.array([box for box, _, _ in items], np.float32).reshape(-1, 4),
        scores=np.array([score for *_, score in items], np.float32),
        classes=np.array([kind for _, kind, _ in items], np.int32),
        masks=np.ones((len(items), 4, 4), np.float32),
    )


@settings(max_examples=60)
@given(st.lists(images, min_size=1, max_size=4))
def test_average_precision_is_that_of_pycocotools(
    scenes: list[
        tuple[list[tuple[tuple[int, ...], int, bool]], list[tuple[tuple[int, ...], int, float]]]
    ],
) -> None:
    """Empty predictions, empty truth, crowds and equal scores are all among the examples."""
    truth = [as_sample(known) for known, _ in scenes]
    detections = [as_detections(seen) for _, seen in scenes]
    ours = evaluate_detections(truth, detections, CLASSES, [""] * len(scenes))
    every = [ours.comparison.match(threshold) for threshold in THRESHOLDS]
    for class_id, name in enumerate(CLASSES, start=1):
        rows = ours.detected.class_id == class_id, ours.labelled.class_id == class_id
        verdicts = [ours.comparison.verdicts(matches, *rows) for matches in every]
        precisions = [average_precision(at) for at in verdicts]
        theirs = ours.coco.by_class[name]
        for figure, of_ours in {
            "mask AP": np.mean(precisions),
            "mask AP50": precisions[0],
            "mask AP75": precisions[5],
            "mask AR@1000": np.mean([at.right.sum() / max(at.truths, 1) for at in verdicts])
            if verdicts[0].truths
            else math.nan,
        }.items():
            assert of_ours == pytest.approx(theirs[figure], abs=1e-9, nan_ok=True), (name, figure)
    both = [figures["mask AP"] for figures in ours.coco.by_class.values()]
    counted = [figure for figure in both if not math.isnan(figure)]
    mean = np.mean(counted) if counted else math.nan
    assert ours.coco.overall["mask AP"] == pytest.approx(mean, abs=1e-9, nan_ok=True)


def comparison(
    pairs: list[tuple[int, int]],
    iou: list[float],
    ignored: tuple[bool, ...] = (False, False),
    crowd: tuple[bool, ...] = (False, False),
    idle: tuple[bool, ...] = (False, False),
) -> Comparison:
    return Comparison(
        np.array([0.9, 0.8]), np.array(idle), np.array(ignored), np.array(crowd),
        np.array(pairs, np.intp).reshape(-1, 2), np.array(iou),
    )  # fmt: skip


def test_the_best_score_chooses_first_and_takes_what_it_overlaps_most() -> None:
    both = comparison([(0, 0), (0, 1), (1, 0), (1, 1)], [0.6, 0.7, 0.55, 0.95])
    assert both.match(0.5).truth_of.tolist() == [1, 0]
    assert both.match(0.6).truth_of.tolist() == [1, -1]
    assert both.match(0.8).truth_of.tolist() == [-1, 1]


def test_of_equals_the_last_is_taken() -> None:
    assert comparison([(0, 0), (0, 1)], [0.7, 0.7]).match(0.5).truth_of[0] == 1


def test_an_ignored_object_is_second_choice_and_does_not_count() -> None:
    both = comparison([(0, 0), (0, 1), (1, 1)], [0.6, 0.9, 0.9], ignored=(False, True))
    matches = both.match(0.5)
    assert matches.truth_of.tolist() == [0, 1]
    assert matches.counted.tolist() == [True, False]
    assert both.verdicts(matches).truths == 1


@pytest.mark.parametrize("crowd", [False, True])
def test_only_a_crowd_is_found_twice(crowd: bool) -> None:
    both = comparison([(0, 0), (1, 0)], [0.9, 0.9], ignored=(True, False), crowd=(crowd, False))
    matches = both.match(0.5)
    assert matches.counted.tolist() == [False, not crowd]
    assert not matches.right.any()


def test_where_the_truth_is_unknown_only_what_finds_nothing_goes_unpunished() -> None:
    matches = comparison([(0, 0)], [0.9], idle=(True, True)).match(0.5)
    assert matches.counted.tolist() == [True, False]


def test_an_iou_a_hair_below_one_is_one() -> None:
    assert comparison([(0, 0)], [1 - 1e-12]).match(1.0).truth_of[0] == 0
