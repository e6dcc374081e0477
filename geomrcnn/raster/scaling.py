"""Bringing the values of a raster to those that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

Method = Literal["minmax", "percentile", "statistics", "as-trained"]
"""How values are adapted. The first three stretch each band so that its darkest value becomes the
black of the training data and its brightest their white. Darkest and brightest are the extremes of
the valid pixels ("minmax"), their 2nd and 98th percentile ("percentile"), or two standard
deviations either side of the mean ("statistics"). "as-trained" says that the values mean what they
meant in training, and only the data type is another."""

METHODS: tuple[Method, ...] = get_args(Method)

PERCENTILES = (2.0, 98.0)
DEVIATIONS = 2.0


class Range(NamedTuple):
    """Two values a band: of what is black and of what is white."""

    black: tuple[float, ...]
    white: tuple[float, ...]


@dataclass(frozen=True)
class Scaling:
    """A straight line for each band: gain × value + offset.

    Attributes:
        gain: Per band.
        offset: Per band.
        dtype: NumPy dtype name of the results; integers are rounded, and cut off at their limits.
    """

    gain: tuple[float, ...]
    offset: tuple[float, ...]
    dtype: str

    def apply(self, pixels: np.ndarray, valid: npt.NDArray[np.bool_]) -> np.ndarray:
        """Scale pixels [height, width, bands]; those that are not valid [height, width] are 0."""
        exact = pixels.dtype.itemsize <= 2 or pixels.dtype == np.float32
        working = np.float32 if exact else np.float64
        values = pixels * np.array(self.gain, working) + np.array(self.offset, working)
        wanted = np.dtype(self.dtype)
        if wanted.kind in "iu":
            limits = np.iinfo(wanted)
            values = np.clip(np.rint(values), limits.min, limits.max)
        return np.where(valid[..., None], values, 0).astype(wanted)


def unchanged(bands: int, dtype: str) -> Scaling:
    """The scaling that leaves values as they are, as another dtype."""
    return Scaling((1.0,) * bands, (0.0,) * bands, dtype)


def stretched(found: Range, wanted: Range, dtype: str) -> Scaling:
    """The scaling that brings one range to another; a band without contrast becomes mid-grey."""
    low, high = np.array(found.black), np.array(found.white)
    black, white = np.array(wanted.black), np.array(wanted.white)
    flat = ~(high > low)
    gain = np.where(flat, 0.0, (white - black) / np.where(flat, 1.0, high - low))
    offset = np.where(flat, (black + white) / 2, black - gain * low)
    return Scaling(tuple(map(float, gain)), tuple(map(float, offset)), dtype)


def range_of(
    method: Literal["minmax", "percentile", "statistics"],
    values: np.ndarray,
    moments: Sequence[tuple[float, float]] | None = None,
) -> Range | None:
    """What is dark and bright in a raster.

    Args:
        method: As `Method` tells.
        values: [N, bands] valid pixels.
        moments: Mean and standard deviation of each band, if a file's tags tell them.

    Returns:
        The range of each band; None if nothing is known.
    """
    if method == "statistics" and moments is not None:
        mean, std = (np.array(side) for side in zip(*moments, strict=True))
    elif not len(values):
        return None
    elif method == "statistics":
        mean, std = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
    elif method == "minmax":
        return _range(values.min(axis=0), values.max(axis=0))
    else:
        return _range(*np.percentile(values, PERCENTILES, axis=0))
    return _range(mean - DEVIATIONS * std, mean + DEVIATIONS * std)


def _range(low: np.ndarray, high: np.ndarray) -> Range:
    return Range(tuple(map(float, low)), tuple(map(float, high)))
