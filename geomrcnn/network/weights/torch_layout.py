"""How PyTorch lays out and names what a layer holds, against Keras."""

from __future__ import annotations

import numpy as np

BATCH_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
"""PyTorch's names of a batch norm's vectors, to Keras' names."""


def conv_kernel(kernel: np.ndarray) -> np.ndarray:
    """Reorder a convolution's kernel [out, in, h, w] to [h, w, in, out]."""
    return kernel.transpose(2, 3, 1, 0)


def depthwise_kernel(kernel: np.ndarray) -> np.ndarray:
    """Reorder a depthwise convolution's kernel [channels, 1, h, w] to [h, w, channels, 1]."""
    return kernel.transpose(2, 3, 0, 1)
