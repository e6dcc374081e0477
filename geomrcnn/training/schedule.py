"""The learning rate over a run."""

from __future__ import annotations

import bisect
import itertools
import math

from geomrcnn.training.config import TrainingConfig

DROPS = (2 / 3, 8 / 9)
"""Shares of a run after which the schedule "step" divides the rate by 10 (detectron2's "1x")."""


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Learning rate of the step with this number, from 0.

    It rises along a line for `warmup_steps` (Goyal et al. 2017), then follows the schedule; what
    the stage of the step multiplies it by comes on top.
    """
    rate = config.learning_rate * _stage_rate(config, step)
    if step < config.warmup_steps:
        return rate * (step + 1) / config.warmup_steps
    if config.schedule == "cosine":
        left = max(config.steps - config.warmup_steps, 1)
        done = min((step - config.warmup_steps) / left, 1.0)
        return rate * 0.5 * (1 + math.cos(math.pi * done))  # SGDR, Loshchilov & Hutter 2017
    if config.schedule == "step":
        return rate * 0.1 ** sum(step >= drop * config.steps for drop in DROPS)
    return rate


def _stage_rate(config: TrainingConfig, step: int) -> float:
    if not config.stages:
        return 1.0
    ends = list(itertools.accumulate(stage.steps for stage in config.stages))
    return config.stages[min(bisect.bisect(ends, step), len(ends) - 1)].rate
