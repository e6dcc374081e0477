"""The two layers all backbones are made of: a convolution, and a batch norm that stands still."""

from __future__ import annotations

import keras


def convolution(
    filters: int,
    size: int,
    name: str,
    *,
    stride: int = 1,
    bias: bool = False,
    padding: str = "same",
) -> keras.layers.Layer:
    """A `size` x `size` convolution; `padding` is TensorFlow's "same", or "valid"."""
    return keras.layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding=padding,
        use_bias=bias,
        kernel_initializer="he_normal",
        name=name,
    )


def batch_norm(name: str, epsilon: float, *, trainable: bool) -> keras.layers.Layer:
    """Batch normalisation; unless `trainable` it keeps its stored statistics, gamma and beta.

    Detectors train on a few images at a time, too few for statistics of their own, so those
    from ImageNet stay, even under `training=True`. Setting `trainable = True` on an enclosing
    model sets it on every layer inside and so wakes these too: freeze and thaw layer by layer.
    """
    return keras.layers.BatchNormalization(epsilon=epsilon, trainable=trainable, name=name)
