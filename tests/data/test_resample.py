from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomrcnn.data.resample import Frame, resample

NOISE = np.random.default_rng(3).integers(0, 256, (40, 30, 3), dtype=np.uint8)


def ramp(height: int, width: int) -> np.ndarray:
    """[height, width, 2] float64: each pixel holds the coordinates (x, y) of its centre."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([x, y], axis=-1)


def test_the_whole_image_at_its_own_size_is_itself() -> None:
    np.testing.assert_array_equal(resample(NOISE, Frame(0, 0, 30, 40), 40, 30), NOISE)


def test_whole_pixels_are_cut_out_unchanged() -> None:
    np.testing.assert_array_equal(resample(NOISE, Frame(3, 5, 20, 11), 11, 20), NOISE[5:16, 3:23])


@pytest.mark.parametrize("factor", [2, 5])
def test_coarser_is_the_area_average(factor: int) -> None:
    shape = 40 // factor, factor, 30 // factor, factor, 3
    expected = NOISE.reshape(shape).mean((1, 3))
    small = resample(NOISE.astype(np.float64), Frame(0, 0, 30, 40), 40 // factor, 30 // factor)
    np.testing.assert_allclose(small, expected, atol=1e-4)


def test_coarser_by_a_fraction_weighs_by_overlap() -> None:
    line = np.array([[[10.0], [20.0], [60.0]]])
    # Output pixels 1.5 wide: (10 + 20 / 2) / 1.5 and (20 / 2 + 60) / 1.5.
    np.testing.assert_allclose(
        resample(line, Frame(0, 0, 3, 1), 1, 2).ravel(), [40 / 3, 140 / 3], rtol=1e-6
    )


@given(
    x=st.floats(5, 20), y=st.floats(5, 20), width=st.floats(2, 30), height=st.floats(2, 30),
    rows=st.integers(1, 60), columns=st.integers(1, 60),
)  # fmt: skip
def test_centres_are_half_pixel_exact(
    x: float, y: float, width: float, height: float, rows: int, columns: int
) -> None:
    """Of an image of its own coordinates, a view shows the coordinates of the view's pixels.

    The mean over a window of s > 1 pixels that cuts pixels at its ends is off by f (1 - f) / 2s
    at most, f the fraction it cuts off: pixels are flat, the ramp within them is not known.
    """
    view = resample(ramp(64, 64), Frame(x, y, width, height), rows, columns)
    steps = np.array([width / columns, height / rows])
    error = np.abs(view - (ramp(rows, columns) * steps + [x, y]))
    assert (error <= np.where(steps > 1, 0.125 / steps, 0) + 1e-3).all()


def test_beyond_the_image_is_zero_and_edges_are_not_dimmed() -> None:
    white = np.full((8, 8, 1), 200, np.uint8)
    view = resample(white, Frame(-2.25, 1.5, 12, 12), 24, 24)[..., 0]
    centres = (np.arange(24) + 0.5) / 2
    inside = (centres - 2.25 >= 0) & (centres - 2.25 < 8), (centres + 1.5 < 8)
    np.testing.assert_array_equal(view, 200 * np.outer(inside[1], inside[0]))


def test_wholly_beyond_is_zero() -> None:
    assert not resample(NOISE, Frame(100, -90, 10, 10), 16, 16).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_keeps_the_dtype_and_its_range(dtype: type[np.generic]) -> None:
    top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1.0
    image = np.full((9, 9, 2), top, dtype)
    view = resample(image, Frame(0.3, 0.4, 7.7, 7.1), 13, 5)
    assert view.dtype == dtype
    np.testing.assert_allclose(view.astype(np.float64), float(top), rtol=1e-6)
