"""Convolutions and an EfficientNet-Lite in plain NumPy, on PyTorch's own layout and names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

EPSILON = 1e-3


def pad_same(image: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Pad [C, H, W] as TensorFlow's "same" does: the odd one goes below and right."""
    total = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in image.shape[1:]]
    return np.pad(image, [(0, 0)] + [(t // 2, t - t // 2) for t in total])


def convolve(image: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """Convolve [C, H, W] with [out, in, h, w]; with in = 1 < C, every channel by itself."""
    size = kernel.shape[-1]
    padded = pad_same(image, size, stride)
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    if kernel.shape[1] == 1:
        return np.asarray(np.einsum("cyxhw,chw->cyx", windows, kernel[:, 0]))
    return np.asarray(np.einsum("cyxhw,ochw->oyx", windows, kernel, optimize=True))


def normalise(image: np.ndarray, tensors: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Apply the batch norm `name` with its stored statistics to [C, H, W]."""
    mean, variance, gamma, beta = (
        tensors[f"{name}.{part}"][:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return np.asarray((image - mean) / np.sqrt(variance + EPSILON) * gamma + beta)


def efficientnet_lite(
    image: np.ndarray, tensors: Mapping[str, np.ndarray], strides: Mapping[int, int]
) -> list[np.ndarray]:
    """Run all blocks on [C, H, W]; block i strides by `strides.get(i, 1)`. Returns every output."""

    def step(x: np.ndarray, conv: str, norm: str, stride: int = 1) -> np.ndarray:
        return normalise(convolve(x, tensors[f"{conv}.weight"], stride), tensors, norm)

    x = np.clip(step(image, "_conv_stem", "_bn0", 2), 0, 6)
    outputs: list[np.ndarray] = []
    while f"_blocks.{len(outputs)}._project_conv.weight" in tensors:
        name = f"_blocks.{len(outputs)}"
        before = x
        if f"{name}._expand_conv.weight" in tensors:
            x = np.clip(step(x, f"{name}._expand_conv", f"{name}._bn0"), 0, 6)
        stride = strides.get(len(outputs), 1)
        x = np.clip(step(x, f"{name}._depthwise_conv", f"{name}._bn1", stride), 0, 6)
        x = step(x, f"{name}._project_conv", f"{name}._bn2")
        if x.shape == before.shape:
            x = x + before
        outputs.append(x)
    return outputs
