"""Learning rates by hand."""

from __future__ import annotations

import numpy as np
import pytest

from geomrcnn.training.config import Stage, TrainingConfig
from geomrcnn.training.schedule import learning_rate


def rates(steps: list[int], **changes) -> list[float]:
    settings = {"steps": 110, "warmup_steps": 10, "learning_rate": 0.1}
    config = TrainingConfig(**{**settings, **changes})
    return [learning_rate(config, step) for step in steps]


@pytest.mark.parametrize(
    ("schedule", "steps", "wanted"),
    [
        ("cosine", [0, 9, 10, 60, 110, 500], [0.01, 0.1, 0.1, 0.05, 0, 0]),
        ("step", [0, 10, 73, 74, 97, 98, 109], [0.01, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]),
        ("constant", [0, 4, 10, 109], [0.01, 0.05, 0.1, 0.1]),
    ],
)
def test_it_rises_and_falls(schedule, steps, wanted):
    np.testing.assert_allclose(rates(steps, schedule=schedule), wanted, rtol=1e-6, atol=1e-9)


def test_a_run_may_do_without_a_warm_up():
    assert rates([0], warmup_steps=0) == [0.1]


def test_a_stage_multiplies_it():
    stages = (Stage("heads", 50), Stage("all", 60, 0.1))
    found = rates([0, 49, 50, 109], schedule="constant", stages=stages, warmup_steps=0)
    np.testing.assert_allclose(found, [0.1, 0.1, 0.01, 0.01])
