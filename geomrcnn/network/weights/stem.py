"""Fitting the first convolution, learnt on RGB, to imagery of any number of bands."""

from __future__ import annotations

import numpy as np


def inflate_stem(kernel: np.ndarray, bands: int) -> np.ndarray:
    """Turn a kernel [h, w, 3, out] for RGB into one [h, w, bands, out].

    The first three bands keep the kernels of red, green and blue and every further band gets their
    mean; with one or two bands there is no colour and each gets the mean. All are scaled by
    3 / bands, so that a pixel with the same value in every band gives the response that RGB grey
    of that value gave, and the statistics of the batch norm behind stay true. Three bands change
    nothing; one band is the sum over RGB.

    Raises:
        ValueError: if `kernel` is not for three bands or `bands` is less than 1.
    """
    if kernel.ndim != 4 or kernel.shape[2] != 3 or bands < 1:
        raise ValueError(f"cannot fit a kernel of shape {kernel.shape} to {bands} bands")
    colours = kernel if bands >= 3 else kernel[:, :, :0]
    grey = kernel.mean(axis=2, keepdims=True)
    others = np.repeat(grey, bands - colours.shape[2], axis=2)
    return np.concatenate([colours, others], axis=2) * np.float32(3 / bands)


def spread(rgb: tuple[float, ...], bands: int) -> tuple[float, ...]:
    """Give each of `bands` a pixel mean or deviation by the same rule: R, G, B, then their mean."""
    colours = rgb if bands >= len(rgb) else ()
    return (*colours, *[sum(rgb) / len(rgb)] * (bands - len(colours)))
