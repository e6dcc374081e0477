"""Box head (Fast R-CNN, Girshick 2015): the class of an RoI and its box, refined per class."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.norms import NormMaker, apply


class BoxPredictions(NamedTuple):
    """logits [R, 1 + classes], background first; deltas [R, classes, 4]; both float32."""

    logits: tf.Tensor
    deltas: tf.Tensor


class BoxHead(keras.layers.Layer):  # type: ignore[misc]
    """Convolutions, where the config has any, fully connected layers, then two linear ones."""

    def __init__(self, config: MaskRCNNConfig, name: str = "box_head") -> None:
        """Start the two outputs small: no box moves and no class is favoured at first."""
        super().__init__(name=name)
        self.classes = config.classes
        self.convolutions = [
            keras.layers.Conv2D(
                config.pyramid_channels,
                3,
                padding="same",
                kernel_initializer="he_normal",
                name=f"convolution{i}",
            )
            for i in range(1, config.box_convolutions + 1)
        ]
        self.convolution_norms = NormMaker.of(config.head_norm, config).after(
            self.convolutions, config.pyramid_channels
        )
        self.hidden = [
            keras.layers.Dense(n, kernel_initializer="he_uniform", name=f"hidden{i}")
            for i, n in enumerate(config.box_units, 1)
        ]
        self.hidden_norms = NormMaker.of(config.unit_norm, config).after(
            self.hidden, config.box_units
        )
        self.logits = keras.layers.Dense(
            1 + config.classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            name="logits",
        )
        self.deltas = keras.layers.Dense(
            4 * config.classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            name="deltas",
        )

    def call(self, pooled: tf.Tensor, training: bool = False) -> BoxPredictions:
        """[R, p, p, C] -> predictions."""
        x = apply(self.convolutions, self.convolution_norms, pooled, training=training)
        _, height, width, channels = x.shape
        x = tf.reshape(x, [-1, height * width * channels])
        x = apply(self.hidden, self.hidden_norms, x, training=training)
        deltas = tf.reshape(self.deltas(x), [-1, self.classes, 4])
        return BoxPredictions(tf.cast(self.logits(x), tf.float32), tf.cast(deltas, tf.float32))
