"""Where validity meets masks: exact shares for any fraction of pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomrcnn.inference.findings import keep
from geomrcnn.inference.validity import all_valid, coverage, integral
from geomrcnn.raster.grid import Cell
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime.detector import Detections
from geomrcnn.vector.instance import Box, Instance


def share(valid: np.ndarray, x1: float, y1: float, x2: float, y2: float) -> float:
    """Valid area within a rectangle, by intersecting it with every pixel, over its own area."""
    height, width = valid.shape
    inside = 0.0
    for i in range(height):
        for j in range(width):
            across = min(x2, j + 1) - max(x1, j)
            down = min(y2, i + 1) - max(y1, i)
            inside += valid[i, j] * max(across, 0) * max(down, 0)
    return inside / ((x2 - x1) * (y2 - y1))


@given(
    st.floats(-2, 8), st.floats(-2, 6), st.floats(0.3, 9), st.floats(0.3, 9),
    st.integers(0, 2**31),
)  # fmt: skip
def test_coverage_is_exact(x: float, y: float, width: float, height: float, seed: int) -> None:
    valid = np.random.default_rng(seed).random((7, 9)) < 0.6
    found = coverage(integral(valid), Box(x, y, x + width, y + height), (3, 2))
    for i in range(3):
        for j in range(2):
            cell = (x + width * j / 2, y + height * i / 3,
                    x + width * (j + 1) / 2, y + height * (i + 1) / 3)  # fmt: skip
            assert found[i, j] == pytest.approx(share(valid, *cell), abs=1e-6)


@given(
    st.floats(-1, 8), st.floats(-1, 6), st.floats(0.3, 3), st.floats(0.3, 3),
    st.integers(0, 2**31),
)  # fmt: skip
def test_boxes_on_valid_pixels_alone_are_told(
    x: float, y: float, width: float, height: float, seed: int
) -> None:
    valid = np.random.default_rng(seed).random((7, 9)) < 0.9
    beyond = np.pad(valid, 10)
    down, across = (
        slice(10 + math.floor(low), 10 + math.ceil(high))
        for low, high in ((y, y + height), (x, x + width))
    )
    (told,) = all_valid(integral(valid), np.array([[x, y, x + width, y + height]]))
    assert told == beyond[down, across].all()


def tile(valid: np.ndarray) -> Tile:
    height, width = valid.shape
    window = Window(1000, 2000, width, height)
    return Tile(2, 1, window, np.zeros((height, width, 3), np.uint8), valid)


def place(found: Detections, seen: Tile, min_score: float) -> list[Instance]:
    """What is kept of a tile's detections, on the raster."""
    cell = Cell(seen.row, seen.column, seen.window)
    return list(keep(found, seen, min_score).on(cell))


def detections(*boxes: tuple[float, ...]) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32),
        np.linspace(0.9, 0.3, count, dtype=np.float32),
        np.arange(1, count + 1, dtype=np.int32),
        np.ones((count, 4, 4), np.float32),
    )


def test_instances_lie_on_the_raster() -> None:
    (one, two) = place(detections((1, 2, 5, 8), (0, 0, 9.5, 4)), tile(np.ones((10, 10), bool)), 0.0)
    assert one.box == Box(1001, 2002, 1005, 2008)
    assert one.window == Box(1000, 2000, 1010, 2010)
    assert (one.tile, one.index, one.class_id) == ((2, 1), 0, 1)
    assert (two.tile, two.index, two.class_id) == ((2, 1), 1, 2)
    assert one.mask.min() == 1


def test_low_scores_and_empty_boxes_are_left_out() -> None:
    found = place(
        detections((1, 1, 4, 4), (2, 2, 2, 5), (3, 3, 6, 6)), tile(np.ones((10, 10), bool)), 0.5
    )
    assert [(one.class_id, one.index) for one in found] == [(1, 0)]


def test_masks_are_zero_on_nodata_and_mostly_nodata_goes() -> None:
    valid = np.ones((10, 10), bool)
    valid[:, 6:] = False
    found = place(detections((2, 2, 10, 10), (5, 2, 9, 6), (0, 0, 8, 8)), tile(valid), 0.0)
    assert [(one.class_id, one.index) for one in found] == [(1, 0), (3, 1)]
    assert found[0].mask[0].tolist() == [1, 1, 0, 0]
    assert found[1].mask[0].tolist() == [1, 1, 1, 0]


def test_masks_are_kept_to_a_half_of_a_255th() -> None:
    soft = np.random.default_rng(0).random((1, 28, 28), np.float32)
    one = Detections(np.array([[0, 0, 9, 9]], np.float32), np.ones(1), np.ones(1, np.int32), soft)
    (placed,) = place(one, tile(np.ones((10, 10), bool)), 0.0)
    assert placed.mask.dtype == np.float32
    np.testing.assert_allclose(placed.mask, soft[0], atol=0.5 / 255 + 1e-6)
