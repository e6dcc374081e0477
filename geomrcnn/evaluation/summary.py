"""Every figure of an evaluation, as plain values."""

from __future__ import annotations

import dataclasses
from typing import Any

from geomrcnn.evaluation.calibration import calibration_error, reliability
from geomrcnn.evaluation.confusion import BACKGROUND, confusion_matrix, image_scores
from geomrcnn.evaluation.curves import best_threshold, reached_at
from geomrcnn.evaluation.evaluation import Evaluation


def working_score(evaluation: Evaluation) -> float:
    """The least score with the best F1; 0 if there is none."""
    best = best_threshold(evaluation.verdicts())
    return best.min_score if best else 0.0


def summarise(evaluation: Evaluation, min_score: float) -> dict[str, Any]:
    """Every figure of an evaluation.

    Args:
        evaluation: The evaluation.
        min_score: From where on detections count in what needs a threshold.
    """
    verdicts = evaluation.verdicts()
    best = best_threshold(verdicts)
    return {
        "images": len(evaluation.names),
        "objects": verdicts.truths,
        "crowds": int(evaluation.comparison.crowd.sum()),
        "detections": len(evaluation.comparison.scores),
        "gsd": evaluation.gsd,
        "scores": evaluation.coco.overall,
        "by_size": evaluation.coco.by_size,
        "by_class": evaluation.coco.by_class,
        "at_min_score": reached_at(verdicts, min_score)._asdict(),
        "best_threshold": best and best._asdict(),
        "calibration_error": calibration_error(verdicts),
        "reliability": [dataclasses.asdict(one) for one in reliability(verdicts)],
        "confusion": {
            "classes": [*evaluation.classes, BACKGROUND],
            "true_by_predicted": confusion_matrix(evaluation, min_score).tolist(),
        },
        "by_image": [one._asdict() for one in image_scores(evaluation, min_score)],
    }
