"""Region proposal network (Ren et al. 2015): objectness and box deltas of every anchor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf


class AnchorPredictions(NamedTuple):
    """One level: objectness logits [B, N] and deltas [B, N, 4], float32, in anchor order."""

    logits: tf.Tensor
    deltas: tf.Tensor


class RegionProposalHead(keras.layers.Layer):  # type: ignore[misc]
    """3×3 convolutions and two 1×1 ones, shared by all levels."""

    def __init__(
        self, channels: int, anchors_per_cell: int, convolutions: int = 1, name: str = "rpn"
    ) -> None:
        """Weights start at 0.01 deviations, so that training starts from even odds."""
        super().__init__(name=name)
        small = keras.initializers.RandomNormal(stddev=0.01)
        self.shared = [
            keras.layers.Conv2D(
                channels, 3, padding="same", activation="relu", kernel_initializer=small, name=name
            )
            for name in ("shared", *(f"shared{n}" for n in range(2, convolutions + 1)))
        ]
        self.logits = keras.layers.Conv2D(
            anchors_per_cell, 1, kernel_initializer=small, name="logits"
        )
        self.deltas = keras.layers.Conv2D(
            4 * anchors_per_cell, 1, kernel_initializer=small, name="deltas"
        )

    def call(self, levels: Sequence[tf.Tensor]) -> list[AnchorPredictions]:
        """[B, H_l, W_l, C] for each level -> its predictions."""
        return [self._level(level) for level in levels]

    def _level(self, features: tf.Tensor) -> AnchorPredictions:
        hidden = features
        for convolution in self.shared:
            hidden = convolution(hidden)
        batch = tf.shape(features)[0]
        logits = tf.reshape(self.logits(hidden), [batch, -1])
        deltas = tf.reshape(self.deltas(hidden), [batch, -1, 4])
        return AnchorPredictions(tf.cast(logits, tf.float32), tf.cast(deltas, tf.float32))
