"""An exponential moving average of the weights (Polyak & Juditsky 1992), to evaluate and keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import keras
import tensorflow as tf

from geomrcnn.training.devices import update


class Averages(tf.Module):  # type: ignore[misc]
    """The averages of some variables, by name; part of a checkpoint."""

    def __init__(self, variables: Mapping[str, keras.Variable], decay: float) -> None:
        """Start from the variables as they are, under the scope of their strategy."""
        super().__init__()
        self._variables, self._decay = dict(variables), decay
        self.values = {
            name: tf.Variable(tf.convert_to_tensor(variable), trainable=False)
            for name, variable in variables.items()
        }

    def follow(self, step: tf.Tensor) -> None:
        """Take in the variables after a step, numbered from 0.

        Early on the average is short, or it would remember the random start for too long.
        """
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self._decay, (1 + step) / (10 + step))
        now = [variable.value for variable in self._variables.values()]
        update(list(self.values.values()), _blend, now, [decay] * len(now))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """For a while the variables are their averages."""
        kept = {name: variable.numpy() for name, variable in self._variables.items()}
        for name, variable in self._variables.items():
            variable.assign(self.values[name].numpy())
        try:
            yield
        finally:
            for name, variable in self._variables.items():
                variable.assign(kept[name])


def _blend(average: tf.Variable, value: tf.Tensor, decay: tf.Tensor) -> None:
    average.assign(decay * average + (1 - decay) * value)
