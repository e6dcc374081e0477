"""Batch norms, folded into the convolutions before them."""

from __future__ import annotations

import keras
import numpy as np


def fold_batch_norms(backbone: keras.Model) -> None:
    """Move the scale of every batch norm into the convolution before it.

    The network computes the same. But OpenVINO folds them anyway, and only kernels that were
    folded before they are rounded to float16 are the same numbers in both runtimes.
    """
    layers = {layer.name: layer for layer in backbone.layers}
    for name, norm in layers.items():
        if isinstance(norm, keras.layers.BatchNormalization):
            _fold(layers[name.removesuffix("_bn")], norm)


def _fold(convolution: keras.layers.Layer, norm: keras.layers.BatchNormalization) -> None:
    gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in norm.weights)
    scale = gamma / np.sqrt(variance + norm.epsilon)
    kernel, *bias = convolution.weights
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    kernel.assign(np.asarray(kernel) * (scale[:, None] if depthwise else scale))
    shift = beta - mean * scale
    if bias:
        shift += np.asarray(bias[0]) * scale
        bias[0].assign(np.zeros_like(shift))
    one_less = np.float32(1) - np.float32(norm.epsilon)
    weights = (np.ones_like(beta), shift, np.zeros_like(beta), np.full_like(beta, one_less))
    norm.set_weights([value.astype(np.float32) for value in weights])
