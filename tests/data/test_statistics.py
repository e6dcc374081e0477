"""What a data set's pixels are, how bright, and the scaling that follows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from geomrcnn.data.dataset import TRUE_COLOUR, ConcatDataset, PixelType, Sample, Subset
from geomrcnn.data.statistics import (
    BYTES,
    IMAGENET_MEAN,
    IMAGENET_STD,
    BandStatistics,
    common_pixel_type,
    fitted_scaling,
    is_true_colour,
    measure,
    value_range,
)
from geomrcnn.errors import DataError
from geomrcnn.network.weights.stem import spread

LITE = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)


class Images:
    """Images as given, [H, W, bands] each, with their validity and the names of their bands."""

    classes = ("thing",)

    def __init__(
        self, *images: np.ndarray, valid: np.ndarray | None = None, names: Sequence[str] = ()
    ) -> None:
        self.images, self.valid, self.names = images, valid, tuple(names)

    def __len__(self) -> int:
        return len(self.images)

    def sample(self, index: int) -> Sample:
        return Sample(self.images[index], (), self.valid)

    def pixel_type(self, index: int) -> PixelType:
        image = self.images[index]
        silent = tuple(f"band {n + 1}" for n in range(image.shape[2]))
        return PixelType(str(image.dtype), self.names or silent)

    def gsd(self, index: int) -> float | None:
        return None

    def name(self, index: int) -> str:
        return f"{index}.tif"


def normal(bands: int, dtype: str = "uint16", seed: int = 0) -> np.ndarray:
    """[200, 200, bands]; band k has a mean of 1000 (k + 1) and a deviation of 100."""
    rng = np.random.default_rng(seed)
    means = 1000 * np.arange(1, bands + 1)
    return (means + 100 * rng.standard_normal((200, 200, bands))).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_each_band_is_measured(dtype: str) -> None:
    statistics = measure(Images(normal(4, dtype), normal(4, dtype, seed=1)))
    np.testing.assert_allclose(statistics.mean, [1000, 2000, 3000, 4000], atol=3)
    np.testing.assert_allclose(statistics.std, 100, rtol=0.02)
    np.testing.assert_allclose(statistics.low, [690, 1690, 2690, 3690], atol=25)
    np.testing.assert_allclose(statistics.high, [1310, 2310, 3310, 4310], atol=25)


def test_only_valid_pixels_count_and_outliers_do_not_spoil_it() -> None:
    image, valid = normal(2), np.ones((200, 200), bool)
    valid[:, :90] = False
    image[~valid] = 0
    image[:2, 100:110] = 65535  # twenty pixels of glint
    statistics = measure(Images(image, valid=valid))
    np.testing.assert_allclose(statistics.mean, [1000, 2000], atol=6)
    np.testing.assert_allclose(statistics.std, 100, rtol=0.05)


def test_the_same_seed_looks_at_the_same_pixels() -> None:
    images = Images(*(normal(1, seed=k) for k in range(80)))
    assert measure(images, 3) == measure(images, 3)
    assert measure(images, 3) != measure(images, 4)


def test_nothing_valid_is_said_so() -> None:
    with pytest.raises(DataError, match="no valid pixel"):
        measure(Images(normal(1), valid=np.zeros((200, 200), bool)))


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 12])
def test_measured_bands_look_like_photographs_to_the_weights(bands: int) -> None:
    statistics = measure(Images(normal(bands)))
    mean, std = fitted_scaling(statistics, spread(LITE[0], bands), spread(LITE[1], bands))
    shown = (np.array(statistics.mean) - mean) / std
    np.testing.assert_allclose(shown, (np.array(spread(IMAGENET_MEAN, bands)) - 127) / 128)
    width = np.array(statistics.std) / std
    np.testing.assert_allclose(width, np.array(spread(IMAGENET_STD, bands)) / 128)


def test_photographs_measured_keep_their_scaling() -> None:
    statistics = BandStatistics(IMAGENET_MEAN, IMAGENET_STD, (0,) * 3, (255,) * 3)
    np.testing.assert_allclose(fitted_scaling(statistics, *LITE), LITE, atol=1e-9)


def test_a_band_that_never_changes_can_be_scaled() -> None:
    statistics = measure(Images(np.full((9, 9, 1), 7, np.uint16)))
    mean, std = fitted_scaling(statistics, (127.0,), (128.0,))
    assert std[0] > 0
    assert np.isfinite(mean[0])
    low, span = value_range("uint16", statistics).low_and_span()
    assert (low, span) == (7, 1)


def test_bytes_have_a_range_of_their_own() -> None:
    statistics = measure(Images(normal(2)))
    assert value_range("uint8", None) == value_range("uint8", statistics) == BYTES
    assert value_range("uint16", statistics) == (statistics.low, statistics.high)
    with pytest.raises(DataError, match="uint16"):
        value_range("uint16", None)


@pytest.mark.parametrize(
    ("dtype", "bands", "expected"),
    [
        ("uint8", ("red", "green", "blue"), True),
        ("uint8", ("band 1", "band 2", "band 3"), True),
        ("uint8", ("nir", "red", "green"), False),
        ("uint8", ("gray",), False),
        ("uint16", ("red", "green", "blue"), False),
    ],
)
def test_true_colour(dtype: str, bands: tuple[str, ...], expected: bool) -> None:
    assert is_true_colour(PixelType(dtype, bands)) is expected


BYTE = np.zeros((4, 4, 3), np.uint8)


def test_names_come_from_the_first_image_that_has_some() -> None:
    named = Images(BYTE, names=("red", "green", "blue"))
    assert common_pixel_type(ConcatDataset([Images(BYTE), named])) == TRUE_COLOUR
    assert common_pixel_type(Subset(Images(BYTE), [0])).bands == ("band 1", "band 2", "band 3")


def test_names_that_occur_twice_are_none() -> None:
    same = Images(BYTE, names=("light", "light", "light"))
    assert common_pixel_type(same).bands == ("band 1", "band 2", "band 3")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Images(BYTE[..., :1]), r"^0\.tif: 1 band of uint8 .*, but 0\.tif: 3 bands of uint8"),
        (Images(BYTE.astype(np.uint16)), "3 bands of uint16"),
        (Images(BYTE, names=("blue", "green", "red")), "blue, green, red"),
    ],
)
def test_images_of_another_kind_are_refused(other: Images, message: str) -> None:
    first = Images(BYTE, names=("red", "green", "blue"))
    with pytest.raises(DataError, match=message) as caught:
        common_pixel_type(ConcatDataset([first, other]))
    assert "\n" not in str(caught.value)


def test_no_image_at_all() -> None:
    with pytest.raises(DataError, match="no image"):
        common_pixel_type(Images())
