"""Box head (Fast R-CNN, Girshick 2015): the class of an RoI and its box, refined per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf


class BoxPredictions(NamedTuple):
    """logits [R, 1 + classes], background first; deltas [R, classes, 4]; both float32."""

    logits: tf.Tensor
    deltas: tf.Tensor


class BoxHead(keras.layers.Layer):  # type: ignore[misc]
    """Fully connected layers on the pooled features, then two linear ones."""

    def __init__(self, classes: int, units: Sequence[int], name: str = "box_head") -> None:
        """Start the two outputs small: no box moves and no class is favoured at first."""
        super().__init__(name=name)
        self.classes = classes
        self.hidden = [
            keras.layers.Dense(
                n, activation="relu", kernel_initializer="he_uniform", name=f"hidden{i}"
            )
            for i, n in enumerate(units, 1)
        ]
        self.logits = keras.layers.Dense(
            1 + classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            name="logits",
        )
        self.deltas = keras.layers.Dense(
            4 * classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            name="deltas",
        )

    def call(self, pooled: tf.Tensor) -> BoxPredictions:
        """[R, p, p, C] -> predictions."""
        _, height, width, channels = pooled.shape
        x = tf.reshape(pooled, [-1, height * width * channels])
        for layer in self.hidden:
            x = layer(x)
        deltas = tf.reshape(self.deltas(x), [-1, self.classes, 4])
        return BoxPredictions(tf.cast(self.logits(x), tf.float32), tf.cast(deltas, tf.float32))
