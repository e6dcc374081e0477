"""Resampling along the raster's own rows and columns, with nodata left out.

A new pixel is the mean over a box around its centre, as large as the new pixel but at least one
old pixel wide. For larger pixels that is the average of what they cover; for smaller ones it is
bilinear interpolation, as the box covers 1 - |distance| of the old pixels to either side.

GDAL's warper does the same but for rasters with two kinds of mask at once, or NaN beside a mask:
there it lets values that are not data into the mean. It also resamples bands nobody asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Axis:
    """One side of a raster and its new pixels.

    Attributes:
        size: Number of old pixels.
        scale: Old pixels to a new one.
        start: Where the first new pixel begins, in old ones.
    """

    size: int
    scale: float
    start: float = 0.0

    @property
    def cells(self) -> int:
        """Number of new pixels; the last lies in the raster by half at least."""
        return max(1, math.floor((self.size - self.start) / self.scale + 0.5))

    def reach(self, start: int, stop: int) -> tuple[int, int]:
        """First old pixel, and one past the last, that new pixels [start, stop) depend on."""
        first, _ = self._box(start)
        _, last = self._box(stop - 1)
        return max(0, math.floor(first)), min(self.size, math.ceil(last))

    def weights(self, start: int, stop: int) -> sparse.csr_array:
        """How much of each old pixel of `reach` lies in the box of each new one, [new, old].

        A row does not depend on the other rows asked for, so neither do results on windows.
        """
        lower, upper = self._box(np.arange(start, stop)[:, None])
        first, last = self.reach(start, stop)
        # A box may be far larger than the raster, where the GSD is.
        taps = np.arange(min(math.ceil(max(self.scale, 1.0)), last - first) + 1)
        old = np.floor(np.maximum(lower, first)).astype(int) + taps
        share = np.clip(np.minimum(upper, old + 1) - np.maximum(lower, old), 0.0, None)
        new, tap = np.nonzero((share > _ROUNDING) & (old >= first) & (old < last))
        entries = share[new, tap], (new, old[new, tap] - first)
        return sparse.csr_array(entries, shape=(stop - start, last - first), dtype=np.float64)

    def _box(self, new: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Where the box of a new pixel begins and ends, in old pixels."""
        centre = self.start + (np.asarray(new) + 0.5) * self.scale
        radius = max(self.scale, 1.0) / 2
        return centre - radius, centre + radius


def resample(
    pixels: np.ndarray,
    valid: npt.NDArray[np.bool_],
    rows: sparse.csr_array,
    columns: sparse.csr_array,
) -> tuple[np.ndarray, npt.NDArray[np.bool_]]:
    """Mean of the valid pixels in each new pixel's box.

    Args:
        pixels: [h, w, bands]; 0 where not valid.
        valid: [h, w].
        rows: Weights [H, h] of an `Axis`.
        columns: Weights [W, w] of an `Axis`.

    Returns:
        Pixels [H, W, bands] of the same dtype, integers rounded, 0 where not valid; validity
        [H, W]: at least half of the box, as far as it lies in the raster, is valid.
    """
    exact = pixels.dtype.itemsize <= 2 or pixels.dtype == np.float32
    working = np.dtype(np.float32 if exact else np.float64)
    down, across = rows.astype(working), columns.astype(working)
    weight = _sums(valid, down, across)
    within = np.outer(rows.sum(axis=1), columns.sum(axis=1))
    enough = weight >= (0.5 - _ROUNDING) * within
    weight[~enough] = 1
    means = np.zeros((*enough.shape, pixels.shape[2]), pixels.dtype)
    for band in range(pixels.shape[2]):  # plane by plane: much less is moved in memory
        mean = _sums(pixels[..., band], down, across) / weight
        if pixels.dtype.kind in "iu":
            mean = np.rint(mean)
        np.copyto(means[..., band], mean, where=enough, casting="unsafe")
    return means, enough


def _sums(plane: np.ndarray, rows: sparse.csr_array, columns: sparse.csr_array) -> np.ndarray:
    """Weigh both axes of [h, w]: [H, W] of the dtype of the weights."""
    weighed = rows @ plane.astype(rows.dtype)
    turned = columns @ np.ascontiguousarray(weighed.T)
    return np.ascontiguousarray(turned.T)
