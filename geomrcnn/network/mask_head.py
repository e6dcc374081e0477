"""Mask head (He et al. 2017): a small soft mask of each RoI, one for every class."""

from __future__ import annotations

import keras
import tensorflow as tf


class MaskHead(keras.layers.Layer):  # type: ignore[misc]
    """3×3 convolutions, one doubling of the grid, and a 1×1 convolution a class."""

    def __init__(
        self, classes: int, channels: int, convolutions: int, name: str = "mask_head"
    ) -> None:
        """Make `convolutions` 3×3 layers of `channels` and the output for `classes`."""
        super().__init__(name=name)
        self.convolutions = [
            keras.layers.Conv2D(
                channels,
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"convolution{i}",
            )
            for i in range(1, convolutions + 1)
        ]
        self.doubling = keras.layers.Conv2DTranspose(
            channels,
            2,
            strides=2,
            activation="relu",
            kernel_initializer="he_normal",
            name="doubling",
        )
        self.logits = keras.layers.Conv2D(
            classes,
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            name="logits",
        )

    def call(self, pooled: tf.Tensor, class_ids: tf.Tensor) -> tf.Tensor:
        """Mask logits of the given classes.

        Args:
            pooled: [R, m / 2, m / 2, C].
            class_ids: [R] int32, 1..classes.

        Returns:
            [R, m, m] float32.
        """
        # One row more, dropped at the end: TensorFlow's 1×1 convolution fails on an empty batch.
        x = tf.pad(pooled, [[0, 1], [0, 0], [0, 0], [0, 0]])
        for layer in self.convolutions:
            x = layer(x)
        logits = tf.cast(self.logits(self.doubling(x)), tf.float32)[:-1]
        if logits.shape[-1] == 1:
            return logits[..., 0]
        return tf.gather(logits, class_ids - 1, axis=3, batch_dims=1)
