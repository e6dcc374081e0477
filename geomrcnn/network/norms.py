"""Normalisation after the layers of the pyramid and the heads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from geomrcnn.network.config import MaskRCNNConfig

GROUPS = 32
"""Of group norm (Wu and He 2018), or as many of them as divide the channels."""
EPSILON = 1e-5
"""Where the config leaves it to the backbone's weights."""


@dataclass(frozen=True)
class NormMaker:
    """Makes the norms of one part of a network; batch norms stand still unless `trainable`."""

    kind: str
    """One of `NORMS`."""
    epsilon: float = EPSILON
    trainable: bool = False

    @classmethod
    def of(cls, kind: str, config: MaskRCNNConfig) -> NormMaker:
        """A maker of norms of this kind, with the epsilon and the training of a config."""
        epsilon = config.batch_norm_epsilon
        return cls(kind, EPSILON if epsilon is None else epsilon, config.train_batch_norm)

    def after(
        self, layers: Sequence[keras.layers.Layer], channels: int | Sequence[int]
    ) -> list[keras.layers.Layer]:
        """A norm for each layer, called "<layer>_norm"; none where the kind is "none"."""
        if self.kind == "none":
            return []
        widths = [channels] * len(layers) if isinstance(channels, int) else channels
        return [self._make(f"{x.name}_norm", n) for x, n in zip(layers, widths, strict=True)]

    def _make(self, name: str, channels: int) -> keras.layers.Layer:
        if self.kind == "group":
            groups = math.gcd(GROUPS, channels)
            return keras.layers.GroupNormalization(groups, epsilon=self.epsilon, name=name)
        return keras.layers.BatchNormalization(
            epsilon=self.epsilon,
            synchronized=self.kind == "sync-batch",
            trainable=self.trainable,
            name=name,
        )


NO_NORM = NormMaker("none")


def apply(
    layers: Sequence[keras.layers.Layer],
    norms: Sequence[keras.layers.Layer],
    x: tf.Tensor,
    *,
    training: bool,
) -> tf.Tensor:
    """Layers in a row, each followed by its norm, if there are any, and a ReLU."""
    for number, layer in enumerate(layers):
        x = layer(x)
        if norms:
            x = norms[number](x, training=training)
        x = tf.nn.relu(x)
    return x
