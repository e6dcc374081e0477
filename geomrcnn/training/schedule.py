"""The learning rate over a run."""

from __future__ import annotations

import math

import keras
import tensorflow as tf


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Linear from zero to `peak`, then half a cosine to zero (SGDR, Loshchilov & Hutter 2017)."""

    def __init__(self, peak: float, warmup_steps: int, steps: int) -> None:
        """`warmup_steps` of the `steps` in all are spent rising."""
        super().__init__()
        self.peak, self.warmup_steps, self.steps = peak, warmup_steps, steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Learning rate of the step with this number, from 0."""
        step = tf.cast(step, tf.float32)
        rising = (step + 1) / max(self.warmup_steps, 1)
        done = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        falling = 0.5 * (1 + tf.cos(math.pi * tf.clip_by_value(done, 0.0, 1.0)))
        return self.peak * tf.where(step < self.warmup_steps, rising, falling)

    def get_config(self) -> dict[str, float]:
        """What `__init__` was given."""
        return {"peak": self.peak, "warmup_steps": self.warmup_steps, "steps": self.steps}
