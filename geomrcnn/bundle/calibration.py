"""From a network's scores to probabilities: Platt scaling, and how well it holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geomrcnn.errors import ModelError


@dataclass(frozen=True)
class Calibration:
    """Platt scaling on the logit: a score s becomes sigmoid(slope × logit(s) + offset).

    The default changes nothing. Since the slope is positive, the order of scores stays.
    """

    slope: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what would turn the order of scores around.

        Raises:
            ModelError: the slope is not positive, or a number is not finite.
        """
        if not 0 < self.slope < math.inf:
            raise ModelError(f"calibration: 'slope' must be positive, not {self.slope}")
        if not math.isfinite(self.offset):
            raise ModelError(f"calibration: 'offset' must be finite, not {self.offset}")

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Calibrate scores of any shape in [0, 1], in their own type."""
        if self == IDENTITY:
            return scores
        from scipy.special import expit, logit  # 0.2 s, for which no graph should wait

        shifted = self.slope * logit(np.asarray(scores, np.float64)) + self.offset
        return np.asarray(expit(shifted), scores.dtype)

    def before(self, calibrated: float) -> float:
        """The score that becomes this one."""
        from scipy.special import expit, logit

        return float(expit((logit(calibrated) - self.offset) / self.slope))

    def after(self, first: Calibration) -> Calibration:
        """The calibration that applies `first`, and then this one."""
        return Calibration(self.slope * first.slope, self.slope * first.offset + self.offset)


IDENTITY = Calibration()
"""The scores as the network gives them."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The detections with scores from `low` up to `high`.

    Attributes:
        low: Least score.
        high: Score that no longer belongs, but for 1.
        count: Number of detections.
        score: Their mean score; 0 without detections.
        right: Share of them that are right; 0 without detections.
    """

    low: float
    high: float
    count: int
    score: float
    right: float
