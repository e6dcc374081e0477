"""Calibration: on scores of known honesty, in the card, and through a runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from shapely.geometry import box

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.bundle.calibration import IDENTITY, Calibration
from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.errors import DataError, ModelError
from geomrcnn.evaluation.calibration import (
    calibrated,
    calibration_error,
    fit_calibration,
    reliability,
)
from geomrcnn.evaluation.evaluation import Evaluation, evaluate_detections, whole_image
from geomrcnn.evaluation.matching import Verdicts
from geomrcnn.runtime import load_detector
from tests.oracles.bundle import write_constant_bundle


def dishonest(slope: float, offset: float, count: int = 4000) -> Verdicts:
    """Detections that are right as often as a true calibration of their scores says."""
    rng = np.random.default_rng(1)
    scores = np.sort(rng.uniform(0.05, 0.999, count))[::-1]
    right = rng.random(count) < expit(slope * logit(scores) + offset)
    return Verdicts(scores, right, count)


@pytest.mark.parametrize(("slope", "offset"), [(0.5, -1.0), (1.0, 0.0), (2.0, 0.7)])
def test_the_true_calibration_is_found(slope: float, offset: float) -> None:
    fit = fit_calibration(dishonest(slope, offset))
    assert fit.calibration.slope == pytest.approx(slope, rel=0.1)
    assert fit.calibration.offset == pytest.approx(offset, abs=0.1)
    assert fit.error_after < 0.03
    assert (slope == 1) == (fit.error_before < 0.03)


def test_the_fit_is_the_optimum() -> None:
    """No line near it has a lower cross entropy with Platt's targets."""
    verdicts = dishonest(0.7, 0.2, 300)
    hits, misses = verdicts.right.sum(), (~verdicts.right).sum()
    target = np.where(verdicts.right, (hits + 1) / (hits + 2), 1 / (misses + 2))

    def entropy(slope: float, offset: float) -> float:
        z = slope * logit(verdicts.scores) + offset
        return float((np.logaddexp(0, z) - target * z).mean())

    fit = fit_calibration(verdicts).calibration
    least = entropy(fit.slope, fit.offset)
    for step in (0.01, -0.01):
        assert entropy(fit.slope + step, fit.offset) > least
        assert entropy(fit.slope, fit.offset + step) > least


def test_scores_that_part_right_from_wrong_have_a_finite_fit() -> None:
    verdicts = Verdicts(np.array([0.95, 0.9, 0.2, 0.1]), np.array([1, 1, 0, 0], bool), 2)
    assert 0.1 < fit_calibration(verdicts).calibration.slope < 5


def test_what_cannot_be_calibrated_is_refused() -> None:
    nothing = Verdicts(np.zeros(0), np.zeros(0, bool), 3)
    with pytest.raises(DataError, match="nothing was found"):
        fit_calibration(nothing)
    scores = np.array([0.9, 0.8, 0.2, 0.1])
    with pytest.raises(DataError, match="scores of 4 detections, 2 of them right, cannot be"):
        fit_calibration(Verdicts(scores, np.array([0, 0, 1, 1], bool), 3))


def test_reliability_by_hand() -> None:
    scores = np.array([1.0, 0.95, 0.9, 0.31, 0.0])
    bins = reliability(Verdicts(scores, np.array([1, 1, 0, 0, 0], bool), 2))
    assert [one.count for one in bins] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 3]
    assert bins[9].right == pytest.approx(2 / 3)
    assert bins[9].score == pytest.approx(0.95)
    error = calibration_error(Verdicts(scores, np.array([1, 1, 0, 0, 0], bool), 2))
    assert error == pytest.approx((3 * (0.95 - 2 / 3) + 0.31) / 5)


@given(st.floats(0.05, 20), st.floats(-20, 20), st.integers(0, 2**32 - 1))
def test_the_order_of_scores_stays(slope: float, offset: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.sort(np.append(rng.random(50), [0, 1])).astype(np.float32)
    probable = Calibration(slope, offset)(scores)
    assert probable.dtype == np.float32
    assert (np.diff(probable) >= 0).all()
    assert probable[0] == 0
    assert probable[-1] == 1


@given(st.floats(0.1, 5), st.floats(-5, 5), st.floats(0.1, 5), st.floats(-5, 5))
def test_one_calibration_after_another(a: float, b: float, c: float, d: float) -> None:
    scores = np.linspace(0.01, 0.99, 9)
    first, second = Calibration(a, b), Calibration(c, d)
    np.testing.assert_allclose(second.after(first)(scores), second(first(scores)), rtol=1e-5)


@given(st.floats(0.1, 5), st.floats(-5, 5), st.floats(0.01, 0.99))
def test_a_score_before_it_was_calibrated(slope: float, offset: float, score: float) -> None:
    line = Calibration(slope, offset)
    assert line.before(float(line(np.array([score]))[0])) == pytest.approx(score)
    assert (line.before(0.0), line.before(1.0)) == (0, 1)


def test_the_identity_changes_no_bit_and_a_falling_line_is_refused() -> None:
    scores = np.random.default_rng(0).random(100, np.float32)
    assert IDENTITY(scores) is scores
    with pytest.raises(ModelError, match="'slope' must be positive"):
        Calibration(-1.0, 0.0)


BOXES = [(40 * k, 10, 40 * k + 30, 40) for k in range(6)]
SCORES = [0.95, 0.9, 0.8, 0.6, 0.5, 0.3]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A model that finds six boxes, of which the first, second and fourth are right."""
    return write_constant_bundle(tmp_path / "six.zip", BOXES, SCORES, tile=256)


def evaluated(path: Path) -> Evaluation:
    sample = Sample(
        np.zeros((256, 256, 3), np.uint8),
        tuple(Instance(box(*BOXES[k]), 1) for k in (0, 1, 3)),
    )
    found = load_detector(path, tile=256).detect([whole_image(sample)])
    return evaluate_detections([sample], found, ("field",), ["only.tif"])


def test_a_calibrated_bundle_reports_probabilities(bundle: Path, tmp_path: Path) -> None:
    before = evaluated(bundle)
    opened = Bundle.open(bundle)
    card = calibrated(opened.card, before.verdicts())
    opened.write_with(card, tmp_path / "probable.zip")
    after = evaluated(tmp_path / "probable.zip")
    opened = Bundle.open(tmp_path / "probable.zip")
    assert opened.card == card
    assert opened.openvino() == Bundle.open(bundle).openvino()
    np.testing.assert_allclose(
        after.detections[0].scores, card.calibration(before.detections[0].scores), rtol=1e-6
    )
    assert [int(one.count) for one in card.reliability] == [
        one.count for one in reliability(after.verdicts())
    ]
    # The four best hold all three that are right; F1 = 6 / 7.
    kept = after.detections[0].scores >= card.min_score
    assert kept.tolist() == [True] * 4 + [False] * 2


def test_calibrating_twice_hardly_moves_a_score(bundle: Path) -> None:
    """A second fit finds the scores honest, up to the pull of Platt's targets."""
    for _ in range(2):
        once = evaluated(bundle).detections[0].scores
        opened = Bundle.open(bundle)
        opened.write_with(calibrated(opened.card, evaluated(bundle).verdicts()), bundle)
    np.testing.assert_allclose(evaluated(bundle).detections[0].scores, once, atol=0.02)
