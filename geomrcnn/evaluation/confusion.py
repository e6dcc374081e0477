"""Which class is taken for which, and where each image stands."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geomrcnn.evaluation.evaluation import Evaluation
from geomrcnn.evaluation.matching import Comparison

BACKGROUND = "background"


class ImageScore(NamedTuple):
    """One image at some least score and IoU 0.5.

    Attributes:
        image: Its number.
        name: Its name.
        right: Detections that found an object.
        wrong: Detections that found none.
        missed: Objects that no detection found.
        f1: 2 right / (2 right + wrong + missed); 1 where there was nothing to find, nor found.
    """

    image: int
    name: str
    right: int
    wrong: int
    missed: int
    f1: float


def confusion_matrix(evaluation: Evaluation, min_score: float) -> npt.NDArray[np.intp]:
    """[true class, predicted class] counts at IoU 0.5; the last row and column are background.

    The diagonal is what COCO's rules call right. What they leave of detections and objects is then
    matched whatever the class; the rest is background taken for an object, and objects taken for
    background. Crowds, and what lies on them, count nowhere.
    """
    background = len(evaluation.classes)
    same = evaluation.matches
    kept = evaluation.comparison.scores >= min_score
    left = kept & same.counted & ~same.right
    missed = evaluation.missed(min_score)
    other = _between(evaluation.any_class, left, missed).match(0.5).truth_of

    predicted = evaluation.detected.class_id - 1
    true = evaluation.labelled.class_id - 1
    matrix = np.zeros((background + 1, background + 1), np.intp)
    right = np.flatnonzero(kept & same.right)
    mistaken = np.flatnonzero(left & (other >= 0))
    np.add.at(matrix, (true[same.truth_of[right]], predicted[right]), 1)
    np.add.at(matrix, (true[other[mistaken]], predicted[mistaken]), 1)
    np.add.at(matrix[background], predicted[left & (other < 0)], 1)
    missed[other[mistaken]] = False
    np.add.at(matrix[:, background], true[missed], 1)
    return matrix


def image_scores(evaluation: Evaluation, min_score: float) -> tuple[ImageScore, ...]:
    """How each image fares."""
    count = len(evaluation.names)
    kept = (evaluation.comparison.scores >= min_score) & evaluation.matches.counted
    right = kept & evaluation.matches.right
    hits, wrong, missed = (
        np.bincount(images, minlength=count).tolist()
        for images in (
            evaluation.detected.image[right],
            evaluation.detected.image[kept & ~right],
            evaluation.labelled.image[evaluation.missed(min_score)],
        )
    )
    return tuple(
        ImageScore(k, name, *row, 2 * row[0] / (2 * row[0] + row[1] + row[2]) if any(row) else 1.0)
        for k, (name, row) in enumerate(
            zip(evaluation.names, zip(hits, wrong, missed, strict=True), strict=True)
        )
    )


def _between(comparison: Comparison, detections: np.ndarray, truths: np.ndarray) -> Comparison:
    """The comparison with only the pairs between these detections [N] and true objects [M]."""
    kept = detections[comparison.pairs[:, 0]] & truths[comparison.pairs[:, 1]]
    return Comparison(
        comparison.scores,
        comparison.idle,
        comparison.ignored,
        comparison.crowd,
        comparison.pairs[kept],
        comparison.iou[kept],
    )
