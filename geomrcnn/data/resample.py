"""Cut, scale and shift an image in one exact step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Frame(NamedTuple):
    """A rectangle in continuous pixel coordinates; it may reach beyond the image."""

    x: float
    y: float
    width: float
    height: float


def resample(image: np.ndarray, frame: Frame, height: int, width: int) -> np.ndarray:
    """What `frame` shows of the image, on a grid of height × width pixels.

    Every output pixel is the mean of the image over a window centred on the pixel's centre and
    as wide as the coarser of the two pixels. Going coarser, that is the area average; going
    finer, linear interpolation; at the same resolution, the image itself. Centres are half-pixel
    exact: polygons moved by `(xy - frame origin) * output size / frame size` stay on the objects.

    Args:
        image: [H, W, bands].
        frame: What to show, in pixels of `image`.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        [height, width, bands] in the image's dtype, integers rounded. Pixels whose centre lies
        beyond the image are 0.
    """
    row, row_share = _taps(frame.y, frame.height, height, image.shape[0])
    column, column_share = _taps(frame.x, frame.width, width, image.shape[1])
    left = int(column.min())
    strip = image[:, left : int(column.max()) + 1]
    rows = sum(strip[i] * share[:, None, None] for i, share in zip(row, row_share, strict=True))
    pairs = zip(column - left, column_share, strict=True)
    out = sum(rows[:, i] * share[:, None] for i, share in pairs)
    if np.issubdtype(image.dtype, np.integer):
        out = np.rint(out)
    return np.ascontiguousarray(out, dtype=image.dtype)


def _taps(
    start: float, length: float, size: int, extent: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Which pixels of an axis make up each output pixel, and their shares.

    Args:
        start: Where the frame starts on the axis.
        length: How long the frame is.
        size: Output pixels.
        extent: Input pixels on the axis.

    Returns:
        Indices [T, size], clamped to the axis, and shares [T, size] that sum to 1 (0 beyond it).
    """
    step = length / size
    centres = start + (np.arange(size) + 0.5) * step
    reach = max(step, 1.0) / 2
    taps = np.arange(int(np.ceil(2 * reach)) + 1)[:, None]
    pixels = np.floor(centres - reach).astype(np.int64) + taps
    overlap = np.minimum(pixels + 1, centres + reach) - np.maximum(pixels, centres - reach)
    shares = np.maximum(overlap, 0) / (2 * reach)
    shares[:, (centres < 0) | (centres >= extent)] = 0
    return np.clip(pixels, 0, extent - 1), shares.astype(np.float32)
