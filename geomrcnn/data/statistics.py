"""How bright the bands of a data set are, and the scaling of pixels that follows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geomrcnn.bundle.bands import is_silent
from geomrcnn.data.dataset import TRUE_COLOUR, Dataset, PixelType
from geomrcnn.errors import DataError
from geomrcnn.network.weights.stem import spread

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Of red, green and blue over ImageNet, on the scale 0 to 255, as torchvision documents them."""

IMAGES = 64
PIXELS = 20_000
TAILS = (0.1, 99.9)
"""Percentiles beyond which values are taken for outliers: glints, dead pixels, undeclared fill."""


class ValueRange(NamedTuple):
    """From black to full brightness, one value a band, or a single one for all."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def low_and_span(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The low end and the width of the range; a band that never changes is 1 wide."""
        low, high = np.array(self.low, np.float32), np.array(self.high, np.float32)
        return low, np.where(high > low, high - low, np.float32(1))


BYTES = ValueRange((0.0,), (255.0,))


class BandStatistics(NamedTuple):
    """What was measured, per band, outliers cut off.

    Attributes:
        mean: Mean value.
        std: Standard deviation.
        low: Where the darkest thousandth ends.
        high: Where the brightest thousandth begins.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def is_true_colour(pixels: PixelType) -> bool:
    """Whether this is 8-bit RGB, which learnt weights know the scaling of."""
    nameless = PixelType("uint8", ("band 1", "band 2", "band 3"))
    return pixels in (TRUE_COLOUR, nameless)


def common_pixel_type(dataset: Dataset) -> PixelType:
    """What the pixels of all images are.

    Names are those of the first image that has some; names that occur twice are none.

    Raises:
        DataError: naming the first image that is unlike those before it, or an empty data set.
        RasterError: an image cannot be opened.
    """
    if not len(dataset):
        raise DataError("there is no image in the data set")
    common, model = dataset.pixel_type(0), dataset.name(0)
    for index in range(1, len(dataset)):
        other, name = dataset.pixel_type(index), dataset.name(index)
        silent = _nameless(common.bands) or _nameless(other.bands)
        turned = sorted(common.bands) == sorted(other.bands) and common.bands != other.bands
        unlike = (common.dtype, len(common.bands)) != (other.dtype, len(other.bands))
        if unlike or (turned and not silent):
            raise DataError(
                f"{name}: {other}, but {model}: {common}; all images of a data set must be of one "
                "kind: convert it or choose bands with --bands"
            )
        if _nameless(common.bands) and not _nameless(other.bands):
            common, model = other, name
    if len(set(common.bands)) < len(common.bands):
        return common._replace(bands=tuple(f"band {n + 1}" for n in range(len(common.bands))))
    return common


def measure(dataset: Dataset, seed: int = 0) -> BandStatistics:
    """Look at the valid pixels of some images, drawn by `seed`, as they are trained with.

    Images are read one after the other, and `PIXELS` of each are kept.

    Raises:
        DataError: there is no valid pixel, or an image cannot be had.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(dataset), min(len(dataset), IMAGES), replace=False)
    values = np.concatenate([_some_pixels(dataset, int(index), rng) for index in sorted(chosen)])
    if not len(values):
        raise DataError(
            f"{dataset.name(int(chosen[0]))} and others: there is no valid pixel in the images"
        )
    low, high = np.percentile(values, TAILS, axis=0)
    kept = np.clip(values, low, high)
    measured = kept.mean(axis=0), kept.std(axis=0), low, high
    return BandStatistics(*(tuple(float(f"{v:.6g}") for v in row) for row in measured))


def value_range(dtype: str, statistics: BandStatistics | None) -> ValueRange:
    """From black to full brightness; bytes have a range of their own.

    Raises:
        DataError: other than bytes need `statistics`.
    """
    if dtype == "uint8":
        return BYTES
    if statistics is None:
        raise DataError(f"the range of {dtype} values is unknown without statistics")
    return ValueRange(statistics.low, statistics.high)


def fitted_scaling(
    statistics: BandStatistics, mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Pixel mean and deviation that show measured imagery to weights learnt on photographs.

    Weights that were learnt with (pixel - mean) / std know inputs of a certain mean and deviation:
    those ImageNet has after that scaling. Each band is moved and stretched to the input of its
    colour, further bands (all, where there are fewer than three) to the mean of the three, as
    `inflate_stem` deals with their kernels.

    Args:
        statistics: Of the imagery.
        mean: What the weights were learnt with, one value a band as `spread` gives it.
        std: The same.

    Returns:
        pixel_mean and pixel_std of the network, one value a band.
    """
    bands = len(statistics.mean)
    centre = (np.array(spread(IMAGENET_MEAN, bands)) - mean) / std
    width = np.array(spread(IMAGENET_STD, bands)) / std
    pixel_std = np.where(np.array(statistics.std) > 0, statistics.std, 1.0) / width
    pixel_mean = np.array(statistics.mean) - centre * pixel_std
    return tuple(map(float, pixel_mean)), tuple(map(float, pixel_std))


def _nameless(bands: tuple[str, ...]) -> bool:
    return all(map(is_silent, bands))


def _some_pixels(dataset: Dataset, index: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """At most `PIXELS` valid ones of an image, [N, bands]."""
    sample = dataset.sample(index)
    image = sample.image.reshape(-1, sample.image.shape[2])
    pixels = image if sample.valid is None else image[sample.valid.ravel()]
    if len(pixels) > PIXELS:
        pixels = pixels[rng.integers(len(pixels), size=PIXELS)]
    return pixels.astype(np.float64)
