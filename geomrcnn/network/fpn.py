"""Feature pyramid (Lin et al. 2017): the same width of features at every scale."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from geomrcnn.network.norms import NO_NORM, NormMaker


class FeaturePyramid(keras.layers.Layer):  # type: ignore[misc]
    """C2..C5 in, P2..P6 out, all with `channels` channels.

    P6 is P5 with every second cell; it serves the region proposals only.
    """

    def __init__(self, channels: int, norm: NormMaker = NO_NORM, name: str = "fpn") -> None:
        """Make the lateral (1×1) and output (3×3) convolutions of P2..P5, each with a norm."""
        super().__init__(name=name)
        levels = range(2, 6)
        self.lateral = [keras.layers.Conv2D(channels, 1, name=f"lateral{n}") for n in levels]
        self.lateral_norms = norm.after(self.lateral, channels)
        self.output_convolutions = [
            keras.layers.Conv2D(channels, 3, padding="same", name=f"output{n}") for n in levels
        ]
        self.output_norms = norm.after(self.output_convolutions, channels)

    def call(self, features: Sequence[tf.Tensor], training: bool = False) -> list[tf.Tensor]:
        """[B, H/2^l, W/2^l, C_l] for l = 2..5 -> the same with `channels`, and l = 6."""
        merged = [layer(level) for layer, level in zip(self.lateral, features, strict=True)]
        merged = _normed(merged, self.lateral_norms, training)
        for finer, coarser in ((2, 3), (1, 2), (0, 1)):
            merged[finer] += _doubled(merged[coarser])
        levels = [layer(m) for layer, m in zip(self.output_convolutions, merged, strict=True)]
        levels = _normed(levels, self.output_norms, training)
        # A pool of one cell, not a strided slice: OpenVINO 2026.4 takes the slice for a tensor of
        # P5's size where the anchors ask for its shape.
        return [*levels, tf.nn.max_pool2d(levels[-1], 1, 2, "VALID")]


def _normed(
    levels: list[tf.Tensor], norms: Sequence[keras.layers.Layer], training: bool
) -> list[tf.Tensor]:
    if not norms:
        return levels
    return [norm(level, training=training) for norm, level in zip(norms, levels, strict=True)]


def _doubled(features: tf.Tensor) -> tf.Tensor:
    """Each cell repeated 2×2."""
    return tf.repeat(tf.repeat(features, 2, axis=1), 2, axis=2)
