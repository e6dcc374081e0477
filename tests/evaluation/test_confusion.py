"""Confusion, and what each image comes to, on a scene small enough to count by eye."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.evaluation.confusion import confusion_matrix, image_scores
from geomrcnn.evaluation.evaluation import Evaluation, evaluate_detections
from geomrcnn.evaluation.plain import to_json
from geomrcnn.evaluation.summary import summarise, working_score
from geomrcnn.runtime.detector import Detections

CLASSES = ("field", "pond")
PLACES = [(x, 10, x + 20, 30) for x in (5, 35, 65, 95)]


def found(*objects: tuple[int, int, float]) -> Detections:
    """(place, class, score), best first."""
    return Detections(
        boxes=np.array([PLACES[place] for place, *_ in objects], np.float32).reshape(-1, 4),
        scores=np.array([score for *_, score in objects], np.float32),
        classes=np.array([kind for _, kind, _ in objects], np.int32),
        masks=np.ones((len(objects), 4, 4), np.float32),
    )


def labelled(*objects: tuple[int, int, bool]) -> Sample:
    """(place, class, crowd)."""
    instances = tuple(Instance(shapely.box(*PLACES[p]), kind, crowd) for p, kind, crowd in objects)
    return Sample(np.empty((40, 120, 0)), instances)


@pytest.fixture
def evaluation() -> Evaluation:
    """First image: a field found, a pond found as a field, a double, a crowd. Second: one missed,
    one found where nothing is. Third: nothing."""
    truth = [
        labelled((0, 1, False), (1, 2, False), (2, 1, True)),
        labelled((0, 2, False)),
        labelled(),
    ]
    seen = [
        found((0, 1, 0.9), (1, 1, 0.8), (2, 1, 0.7), (0, 1, 0.3)),
        found((3, 2, 0.6)),
        found(),
    ]
    return evaluate_detections(truth, seen, CLASSES, ["a", "b", "c"], 0.5)


def test_confusion_by_hand(evaluation: Evaluation) -> None:
    assert confusion_matrix(evaluation, 0.5).tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    # The double of the field is then found as well, where only background is left.
    assert confusion_matrix(evaluation, 0.1).tolist() == [[1, 0, 0], [1, 0, 1], [1, 1, 0]]
    assert confusion_matrix(evaluation, 0.95).tolist() == [[0, 0, 1], [0, 0, 2], [0, 0, 0]]


def test_rows_add_up_to_the_objects(evaluation: Evaluation) -> None:
    for least in (0.0, 0.65, 1.0):
        assert confusion_matrix(evaluation, least)[:2].sum(axis=1).tolist() == [1, 2]


def test_images_by_hand(evaluation: Evaluation) -> None:
    a, b, c = image_scores(evaluation, 0.5)
    assert a[1:] == ("a", 1, 1, 1, 0.5)
    assert b[1:] == ("b", 0, 1, 1, 0.0)
    assert c[1:] == ("c", 0, 0, 0, 1.0)


def test_a_crowd_of_one_class_excuses_no_other() -> None:
    truth, seen = [labelled((0, 1, True))], [found((0, 2, 0.9), (0, 1, 0.8))]
    evaluation = evaluate_detections(truth, seen, CLASSES, ["a"])
    assert confusion_matrix(evaluation, 0.0).tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert evaluation.verdicts().right.tolist() == [False]


def test_the_summary_is_json_even_where_there_are_no_figures(evaluation: Evaluation) -> None:
    summary = summarise(evaluation, 0.5)
    assert (summary["images"], summary["objects"], summary["crowds"]) == (3, 3, 1)
    assert summary["at_min_score"] == pytest.approx(
        {"min_score": 0.5, "precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3}
    )
    assert math.isnan(summary["by_size"]["large"]["mask AP"])
    assert '"mask AP": null' in to_json(summary)
    assert working_score(evaluation) == pytest.approx(0.85)
    nothing = evaluate_detections([labelled()], [found()], CLASSES, ["a"])
    assert summarise(nothing, 0.5)["best_threshold"] is None
    assert working_score(nothing) == 0
