"""Mask head (He et al. 2017): a small soft mask of each RoI, one for every class."""

from __future__ import annotations

import keras
import tensorflow as tf

from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.norms import NormMaker, apply


class MaskHead(keras.layers.Layer):  # type: ignore[misc]
    """3×3 convolutions, one doubling of the grid, and a 1×1 convolution a class."""

    def __init__(self, config: MaskRCNNConfig, name: str = "mask_head") -> None:
        """Make `mask_convolutions` 3×3 layers of `pyramid_channels` and the classes' output."""
        super().__init__(name=name)
        channels = config.pyramid_channels
        self.convolutions = [
            keras.layers.Conv2D(
                channels, 3, padding="same", kernel_initializer="he_normal", name=f"convolution{i}"
            )
            for i in range(1, config.mask_convolutions + 1)
        ]
        self.norms = NormMaker.of(config.head_norm, config).after(self.convolutions, channels)
        self.doubling = keras.layers.Conv2DTranspose(
            channels,
            2,
            strides=2,
            activation="relu",
            kernel_initializer="he_normal",
            name="doubling",
        )
        self.logits = keras.layers.Conv2D(
            config.classes,
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            name="logits",
        )

    def call(self, pooled: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Features [R, m / 2, m / 2, C] -> mask logits of every class, [R, m, m, classes]."""
        # One row more, dropped at the end: TensorFlow's 1×1 convolution fails on an empty batch.
        x = tf.pad(pooled, [[0, 1], [0, 0], [0, 0], [0, 0]])
        x = apply(self.convolutions, self.norms, x, training=training)
        return tf.cast(self.logits(self.doubling(x)), tf.float32)[:-1]


def of_class(logits: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    """[R, ...], of logits [R, ..., C] those of each RoI's class, [R] int32 in 1..C."""
    if logits.shape[-1] == 1:
        return logits[..., 0]
    return tf.gather(logits, classes - 1, axis=len(logits.shape) - 1, batch_dims=1)
