"""Values brought from one range to another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomrcnn.raster.scaling import Method, Range, Scaling, range_of, stretched, unchanged

ALL = np.ones((1, 5), bool)


def shown(scaling: Scaling, values: list[float], dtype: str) -> list[float]:
    pixels = np.array(values, dtype).reshape(1, -1, 1)
    return scaling.apply(pixels, np.ones(pixels.shape[:2], bool)).ravel().tolist()


def test_ends_of_one_range_become_those_of_the_other() -> None:
    scaling = stretched(Range((200.0,), (3200.0,)), Range((0.0,), (255.0,)), "uint8")
    assert shown(scaling, [200, 1700, 3200], "uint16") == [0, 128, 255]


def test_values_beyond_are_cut_off_by_integers_and_kept_by_floats() -> None:
    there, here = Range((100.0,), (200.0,)), Range((0.0,), (255.0,))
    assert shown(stretched(there, here, "uint8"), [0, 150, 65535], "uint16") == [0, 128, 255]
    assert shown(stretched(there, here, "float32"), [0, 300], "uint16") == [-255, 510]


def test_each_band_has_its_own_line() -> None:
    scaling = stretched(Range((0, 1000), (10, 2000)), Range((0, 0), (255, 100)), "uint8")
    pixels = np.array([[[10, 1500]]], np.uint16)
    assert scaling.apply(pixels, ALL[:, :1]).tolist() == [[[255, 50]]]


def test_a_band_without_contrast_is_grey() -> None:
    scaling = stretched(Range((7.0,), (7.0,)), Range((0.0,), (255.0,)), "uint8")
    assert shown(scaling, [7], "int16") == [128]


def test_what_is_not_valid_stays_zero() -> None:
    scaling = Scaling((1.0,), (50.0,), "uint8")
    pixels, valid = np.zeros((1, 2, 1), np.int16), np.array([[True, False]])
    assert scaling.apply(pixels, valid).ravel().tolist() == [50, 0]


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31)])
def test_large_integers_lose_nothing(value: int) -> None:
    assert shown(unchanged(1, "int32"), [value], "int32") == [value]


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40),
    st.sampled_from(["minmax", "percentile", "statistics"]),
)
def test_order_is_kept_and_the_range_is_filled(values: list[float], method: Method) -> None:
    column = np.array(values)[:, None]
    found = range_of(method, column)  # type: ignore[arg-type]
    assert found is not None
    result = shown(stretched(found, Range((0.0,), (255.0,)), "uint8"), values, "float64")
    assert (np.diff(np.array(result)[np.argsort(values, kind="stable")]) >= 0).all()
    if method == "minmax" and np.ptp(values) > 1e-3:
        assert (min(result), max(result)) == (0, 255)


def test_methods_on_a_known_distribution() -> None:
    values = np.arange(101, dtype=np.float64)[:, None] * [1, 10]
    assert range_of("minmax", values) == Range((0, 0), (100, 1000))
    assert range_of("percentile", values) == Range((2, 20), (98, 980))
    mean, std = 50, np.arange(101).std()
    found = range_of("statistics", values)
    assert found is not None
    np.testing.assert_allclose(found.white, [mean + 2 * std, 10 * (mean + 2 * std)])


def test_tags_are_believed_before_pixels() -> None:
    found = range_of("statistics", np.empty((0, 1)), [(100.0, 10.0)])
    assert found == Range((80.0,), (120.0,))
    assert range_of("minmax", np.empty((0, 1)), [(100.0, 10.0)]) is None
