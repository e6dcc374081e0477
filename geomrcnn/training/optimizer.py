"""SGD with momentum and decoupled weight decay, for one device or many.

Keras' own optimizer clips gradients before it sums them over devices, so that the result would
depend on their number; here the gradients come summed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from geomrcnn.training.devices import update

_NOT_DECAYED = ("bias", "gamma", "beta")


class Optimizer(tf.Module):  # type: ignore[misc]
    """Moves weights against their gradients; its velocities are part of a checkpoint."""

    def __init__(
        self, variables: Mapping[str, keras.Variable], momentum: float, weight_decay: float
    ) -> None:
        """Start from rest, under the scope of the strategy that made the variables.

        Args:
            variables: All that may ever be moved, by name.
            momentum: Share of a step that is carried on to the next.
            weight_decay: Share of a kernel that is lost a step, times the learning rate
                (Loshchilov & Hutter 2019).
        """
        super().__init__()
        self._momentum, self._weight_decay = momentum, weight_decay
        self.velocities = {
            name: tf.Variable(tf.zeros(variable.shape), trainable=False)
            for name, variable in variables.items()
        }
        self._names = {id(variable): name for name, variable in variables.items()}

    def apply(
        self,
        variables: Sequence[keras.Variable],
        gradients: Sequence[tf.Tensor],
        rate: tf.Tensor,
        sound: tf.Tensor,
    ) -> None:
        """Move each variable, where all that follows stands on every device alike.

        Args:
            variables: Some of those given at first.
            gradients: Of each, summed over devices.
            rate: Learning rate, a scalar.
            sound: A bool; where it is False nothing moves.
        """
        update(
            [variable.value for variable in variables],
            self._move,
            [self.velocities[self._names[id(variable)]] for variable in variables],
            gradients,
            [
                0.0 if variable.name in _NOT_DECAYED else self._weight_decay
                for variable in variables
            ],
            [rate] * len(variables),
            [sound] * len(variables),
        )

    def _move(
        self,
        variable: tf.Variable,
        velocity: tf.Variable,
        gradient: tf.Tensor,
        decay: float,
        rate: tf.Tensor,
        sound: tf.Tensor,
    ) -> None:
        ahead = self._momentum * velocity - rate * gradient
        velocity.assign(tf.where(sound, ahead, velocity))
        variable.assign(tf.where(sound, variable * (1 - rate * decay) + ahead, variable))


def clip(gradients: Sequence[tf.Tensor], norm: tf.Tensor, limit: float) -> list[tf.Tensor]:
    """Gradients, which together are `norm` long, shortened alike to at most `limit`."""
    return [gradient * tf.minimum(1.0, limit / norm) for gradient in gradients]
