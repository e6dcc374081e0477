"""Mixed precision (Micikevicius et al. 2018): products in 16 bits, everything else in 32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from geomrcnn.training.devices import assign

_GROWTH_STEPS = 2000
_START, _SMALLEST, _GREATEST = 2.0**15, 1.0, 2.0**24


@contextmanager
def layers_in(precision: str) -> Iterator[None]:
    """Layers made inside compute in `precision`; their weights are float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class LossScale(tf.Module):  # type: ignore[misc]
    """What the loss is multiplied by, so that float16 can hold its gradients.

    It halves when a gradient overflows, and doubles after a long time without.
    """

    def __init__(self, precision: str) -> None:
        """Start high for float16; for other precisions it stays 1."""
        super().__init__()
        self.moves = precision == "float16"
        self.value = tf.Variable(_START if self.moves else 1.0, trainable=False)
        self.good_steps = tf.Variable(0, trainable=False)

    def follow(self, sound: tf.Tensor) -> None:
        """Take in whether the gradients of a step were all finite."""
        if self.moves:
            good = tf.where(sound, self.good_steps + 1, 0)
            full = good >= _GROWTH_STEPS
            factor = tf.where(sound, tf.where(full, 2.0, 1.0), 0.5)
            scale = tf.clip_by_value(self.value * factor, _SMALLEST, _GREATEST)
            assign([self.value, self.good_steps], [scale, tf.where(full, 0, good)])
