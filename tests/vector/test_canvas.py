"""Pasting and combining soft masks."""

from __future__ import annotations

import numpy as np
import pytest

from geomrcnn.vector.canvas import Grid, combine, grid_around, paste
from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Box, Instance


def part(box: Box, window: Box, column: int, mask: np.ndarray, index: int = 0) -> Instance:
    return Instance(box, 0.9, 1, mask, (0, column), window, index)


def slow_paste(mask: np.ndarray, box: Box, x: float, y: float) -> float:
    """One sample: bilinear between cell centres, in a mask with zeros all around."""
    padded = np.pad(mask, 1)
    u = np.clip((x - box.x1) / box.width * mask.shape[1] + 0.5, 0, padded.shape[1] - 1.001)
    v = np.clip((y - box.y1) / box.height * mask.shape[0] + 0.5, 0, padded.shape[0] - 1.001)
    j, i = int(u), int(v)
    upper = padded[i, j] * (1 - u + j) + padded[i, j + 1] * (u - j)
    lower = padded[i + 1, j] * (1 - u + j) + padded[i + 1, j + 1] * (u - j)
    return float(upper * (1 - v + i) + lower * (v - i))


@pytest.mark.parametrize("box", [Box(2.3, 1.1, 9.8, 17.4), Box(-5, 3, 40, 5.5), Box(3, 3, 4, 4)])
def test_paste_samples_bilinearly_at_pixel_centres(box: Box) -> None:
    mask = np.random.default_rng(0).random((7, 5))
    x, y = np.arange(20) + 0.5, np.arange(25) + 0.5
    expected = [[slow_paste(mask, box, a, b) for a in x] for b in y]
    np.testing.assert_allclose(paste(mask, box, x, y), expected, atol=0.002)


def test_a_mask_at_whole_pixels_is_pasted_unchanged() -> None:
    mask = np.random.default_rng(0).random((6, 4))
    pasted = paste(mask, Box(3, 2, 7, 8), np.arange(10) + 0.5, np.arange(10) + 0.5)
    np.testing.assert_allclose(pasted[2:8, 3:7], mask)
    assert pasted.sum() == pytest.approx(mask.sum())


def test_one_tile_alone_is_pasted() -> None:
    member = part(Box(10, 12, 50, 60), Box(0, 0, 100, 100), 0, np.ones((28, 28)))
    grid = grid_around([member.box])
    assert grid == Grid(9, 11, 1, 42, 50)
    np.testing.assert_allclose(combine([member], grid), paste(member.mask, member.box,
                                                              *grid.centres()))  # fmt: skip
    assert outline(combine([member], grid), grid.box).area == pytest.approx(40 * 48, rel=0.01)


def test_two_halves_make_one_object_without_a_seam() -> None:
    left = part(Box(20, 30, 100, 70), Box(0, 0, 100, 100), 0, np.ones((28, 28)))
    right = part(Box(60, 30, 140, 70), Box(60, 0, 160, 100), 1, np.ones((28, 28)))
    grid = grid_around([left.box, right.box])
    whole = outline(combine([left, right], grid), grid.box)
    assert whole.geom_type == "Polygon"
    assert whole.bounds == pytest.approx((20, 30, 140, 70), abs=0.05)
    assert whole.area == pytest.approx(120 * 40, rel=0.01)


def test_tiles_are_trusted_by_the_distance_to_their_edge() -> None:
    sure = part(Box(0, 0, 100, 100), Box(0, 0, 100, 100), 0, np.ones((4, 4)))
    doubting = part(Box(60, 0, 160, 100), Box(60, 0, 160, 100), 1, np.zeros((4, 4)))
    row = combine([sure, doubting], Grid(0, 50, 1, 160, 1))[0]
    assert row[30] == pytest.approx(1.0)
    assert row[79] == pytest.approx(0.5, abs=0.02)  # the middle of the overlap
    assert (np.diff(row[61:99]) <= 1e-9).all()
    assert row[120] == 0


def test_within_one_tile_the_highest_probability_counts() -> None:
    window = Box(0, 0, 100, 100)
    two = [part(Box(10, 10, 50, 50), window, 0, np.full((4, 4), p), k)
           for k, p in enumerate((0.3, 0.8))]  # fmt: skip
    assert combine(two, Grid(20, 20, 1, 5, 5)) == pytest.approx(0.8)


def test_a_long_object_gets_larger_cells() -> None:
    grid = grid_around([Box(0.5, 0, 5000, 30), Box(4000, 10, 9000.2, 40)], longest_side=1000)
    assert grid.cell == 10
    assert grid.width <= 1002
    assert grid.box.x1 <= -9.5
    assert grid.box.x2 >= 9010
