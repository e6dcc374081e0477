"""Scores that mean what they say: fitted on validation images, kept in the model card."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from geomrcnn.bundle.calibration import Calibration, ReliabilityBin
from geomrcnn.bundle.card import ModelCard
from geomrcnn.errors import DataError
from geomrcnn.evaluation.curves import best_threshold
from geomrcnn.evaluation.matching import Verdicts

BINS = 10
"""Bins of equal width that reliability is shown in."""

EXTREME = 1e-7
"""Scores nearer to 0 or 1 than this, which float32 hardly tells from them, are taken for it."""


@dataclass(frozen=True)
class CalibrationFit:
    """A calibration, and what it mends on the detections it was fitted on.

    Attributes:
        calibration: The fit.
        error_before: Expected calibration error of the scores as they were.
        error_after: The same of the calibrated ones.
    """

    calibration: Calibration
    error_before: float
    error_after: float


def fit_calibration(verdicts: Verdicts) -> CalibrationFit:
    """Fit Platt scaling on the logit of the scores by maximum likelihood.

    Platt 1999, "Probabilistic outputs for support vector machines": the targets are pulled in from
    0 and 1 as if one more detection had been right and one wrong, so that there is a finite optimum
    where the scores tell all right detections from all wrong ones.

    Raises:
        DataError: nothing was found, or better scores are not right more often.
    """
    scores, right, _ = verdicts
    if not len(scores):
        raise DataError("nothing was found: there are no scores to calibrate")
    hits, misses = int(right.sum()), int((~right).sum())
    target = np.where(right, (hits + 1) / (hits + 2), 1 / (misses + 2))
    x = logit(np.clip(scores, EXTREME, 1 - EXTREME))

    def loss(line: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        """Mean cross entropy of (slope, offset), and its gradient."""
        z = line[0] * x + line[1]
        entropy = np.logaddexp(0, z) - target * z
        slip = expit(z) - target
        return float(entropy.mean()), np.array([(slip * x).mean(), slip.mean()])

    slope, offset = minimize(loss, np.array([1.0, 0.0]), jac=True, options={"gtol": 1e-8}).x
    if slope <= 0:
        raise DataError(
            f"the scores of {len(scores)} detections, {hits} of them right, cannot be calibrated: "
            "better scores are not right more often; train for longer, or validate on more images"
        )
    calibration = Calibration(float(slope), float(offset))
    calibrated = verdicts._replace(scores=calibration(scores))
    return CalibrationFit(calibration, calibration_error(verdicts), calibration_error(calibrated))


def reliability(verdicts: Verdicts, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """How often detections are right, by their score."""
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, verdicts.scores, side="right") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    score, right = (
        np.bincount(place, weights=values, minlength=bins) / np.maximum(count, 1)
        for values in (verdicts.scores, verdicts.right)
    )
    return tuple(
        ReliabilityBin(k / bins, (k + 1) / bins, int(count[k]), float(score[k]), float(right[k]))
        for k in range(bins)
    )


def calibration_error(verdicts: Verdicts) -> float:
    """Expected calibration error: how far scores are from shares of right ones, mean over all.

    Guo et al. 2017, "On calibration of modern neural networks", equation 3.
    """
    bins = reliability(verdicts)
    total = sum(one.count for one in bins)
    gaps = sum(one.count * abs(one.score - one.right) for one in bins)
    return gaps / total if total else 0.0


def calibrated(card: ModelCard, verdicts: Verdicts) -> ModelCard:
    """The card of a model whose scores are probabilities, and whose least score has the best F1.

    Everything but the fields `calibration`, `reliability` and `min_score` stays.

    Args:
        card: Of the model that was evaluated; it may be calibrated already.
        verdicts: On its detections in images that it was not trained on.

    Raises:
        DataError: as `fit_calibration`, or the images have no objects.
    """
    fit = fit_calibration(verdicts).calibration
    probable = verdicts._replace(scores=fit(verdicts.scores))
    best = best_threshold(probable)
    if best is None:
        raise DataError("no object to be found in any image: there is no best threshold")
    return replace(
        card,
        calibration=fit.after(card.calibration),
        reliability=reliability(probable),
        min_score=round(best.min_score, 4),
    )
