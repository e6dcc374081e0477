"""Mask head (He et al. 2017): a small soft mask of each RoI, that of one class."""

from __future__ import annotations

import keras
import tensorflow as tf

from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.norms import NormMaker, apply


class MaskHead(keras.layers.Layer):  # type: ignore[misc]
    """3×3 convolutions, one doubling of the grid, and a 1×1 convolution for each class."""

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

    def build(self, pooled_shape: tuple[int | None, ...]) -> None:
        """Make the weights of the classes, which `of_class` picks from."""
        self.logits.build((*pooled_shape[:-1], self.doubling.filters))

    def call(self, pooled: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Features [R, m / 2, m / 2, C] -> those of the cells of masks, [R, m, m, C]."""
        return self.doubling(apply(self.convolutions, self.norms, pooled, training=training))

    def of_class(self, cells: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        """Mask logits, [R, m, m] float32, of one class of each RoI.

        Args:
            cells: [R, m, m, C] of `call`.
            classes: [R] int32, 1 and up.
        """
        kernels = tf.gather(tf.transpose(self.logits.kernel[0, 0]), classes - 1)
        biases = tf.gather(self.logits.bias, classes - 1)
        # No matrix product: runtimes would reorder the cells for one.
        products = tf.cast(cells, tf.float32) * kernels[:, None, None, :]
        return tf.reduce_sum(products, axis=-1) + biases[:, None, None]
