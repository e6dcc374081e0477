"""Properties of the grid of tiles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from geomrcnn.raster.grid import TileGrid, tiles
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.rasters import write_raster

sizes = st.integers(1, 5000)


@st.composite
def grids(draw: st.DrawFn) -> TileGrid:
    tile = draw(st.integers(1, 600))
    overlap = draw(st.integers(0, tile - 1))
    width, height = draw(sizes), draw(sizes)
    assume((width + height) / (tile - overlap) < 2000)
    return TileGrid(width, height, tile, overlap)


@given(grids())
def test_starts_cover_everything_with_the_overlap_and_no_tile_too_many(grid: TileGrid) -> None:
    for starts, size in ((grid.column_starts, grid.width), (grid.row_starts, grid.height)):
        steps = np.diff(starts)
        assert starts[0] == 0
        if size <= grid.tile:
            assert starts == (0,)
            continue
        assert starts[-1] + grid.tile == size
        assert steps.max() <= grid.tile - grid.overlap
        assert steps.max() - steps.min() <= 1
        # One tile less would have to leave a wider step somewhere.
        assert (len(starts) - 2) * (grid.tile - grid.overlap) < size - grid.tile


@given(grids())
def test_halfway_the_middles_of_overlaps_are_half_a_step_away(grid: TileGrid) -> None:
    assume(grid.tile > 1)  # a tile of one pixel has no half
    halfway = replace(grid, halfway=True)
    for usual, starts, size in (
        (grid.column_starts, halfway.column_starts, grid.width),
        (grid.row_starts, halfway.row_starts, grid.height),
    ):
        assert starts[0] <= 0
        assert starts[-1] + grid.tile >= size
        assert (np.diff(starts) <= grid.tile - grid.overlap).all()
        assert all(start + grid.tile > 0 and start < size for start in starts)
        if len(usual) > 1:
            between = (np.array(usual[1:]) + usual[:-1]) / 2
            np.testing.assert_allclose(starts[1:-1], between, atol=1)


def test_halfway_a_small_raster_has_as_many_windows_as_it_takes() -> None:
    assert TileGrid(300, 320, 512, 128, halfway=True).column_starts == (-192,)
    assert TileGrid(321, 320, 512, 128, halfway=True).column_starts == (-192, 192)


@given(grids(), st.integers(1, 64))
def test_with_a_stride_tiles_begin_at_its_multiples(grid: TileGrid, stride: int) -> None:
    step = grid.tile - grid.overlap
    aligned = replace(grid, stride=stride)
    whole = stride if step >= stride else step
    for starts, size in ((aligned.column_starts, grid.width), (aligned.row_starts, grid.height)):
        assert not (np.array(starts) % whole).any()
        assert set(np.diff(starts)) <= {step - step % whole}
        before, after = -starts[0], starts[-1] + grid.tile - size
        assert 0 <= before <= after <= before + 2 * whole
        # One tile less would leave some of the raster out.
        assert len(starts) == 1 or before + after < step - step % whole


@given(grids(), st.integers(1, 64))
def test_halfway_is_half_a_step_with_a_stride_too(grid: TileGrid, stride: int) -> None:
    step = grid.tile - grid.overlap
    assume(step > 1)
    aligned = replace(grid, stride=stride)
    halfway = replace(aligned, halfway=True)
    for usual, starts, size in (
        (aligned.column_starts, halfway.column_starts, grid.width),
        (aligned.row_starts, halfway.row_starts, grid.height),
    ):
        whole = min(stride, step)
        moved = usual[0] - starts[0]
        assert 0 < moved <= step / 2
        assert moved % whole == 0 or step < 2 * whole
        assert moved > step / 2 - whole - 1 or step < 2 * whole
        assert starts[0] <= 0
        assert starts[-1] + grid.tile >= size
        assert all(start + grid.tile > 0 and start < size for start in starts)


def test_a_stride_shares_what_is_covered_too_much() -> None:
    assert TileGrid(1626, 2157, 1024, 256, stride=64).column_starts == (-64, 704)
    assert TileGrid(1626, 2157, 1024, 256, stride=64).row_starts == (-192, 576, 1344)
    assert TileGrid(1000, 300, 512, 128, stride=64).row_starts == (-64,)


@given(grids())
def test_iteration_is_row_by_row(grid: TileGrid) -> None:
    assume(len(grid) < 3000)
    cells = list(grid)
    assert len(cells) == len(grid) == grid.rows * grid.columns
    assert [(c.row, c.column) for c in cells] == list(np.ndindex(grid.rows, grid.columns))
    for row, column, window in cells:
        side = grid.tile
        assert window == (grid.column_starts[column], grid.row_starts[row], side, side)


def test_an_even_fit_and_a_spread_one() -> None:
    assert TileGrid(1000, 100, 400, 100).column_starts == (0, 300, 600)
    assert TileGrid(1001, 100, 400, 100).column_starts == (0, 200, 400, 601)


def test_a_raster_smaller_than_a_tile_gets_one_whole_window() -> None:
    assert [cell.window for cell in TileGrid(7, 300, 512, 64)] == [Window(0, 0, 512, 512)]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0, 5, 4, 1), "no tiles"),
        ((5, -1, 4, 1), "no tiles"),
        ((5, 5, 0, 0), "tile must be"),
        ((5, 5, 4, 4), "overlap must be from 0 to 3, not 4"),
        ((5, 5, 4, -1), "overlap"),
    ],
)
def test_nonsense_is_refused(numbers: tuple[int, int, int, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TileGrid(*numbers)


@pytest.mark.parametrize("halfway", [False, True])
def test_tiles_put_together_are_the_raster(halfway: bool, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (3, 50, 71), np.uint8)
    path = write_raster(tmp_path / "a.tif", pixels)
    with open_raster(path) as source:
        grid = TileGrid(source.width, source.height, 32, 5, halfway)
        # With room for tiles that reach beyond the raster.
        canvas = np.zeros((50 + 64, 71 + 64, 3), np.uint8)
        valid = np.zeros(canvas.shape[:2], bool)
        for tile in tiles(source, grid):
            left, top, width, height = tile.window
            assert tile.pixels.shape == (height, width, 3)
            assert tile.valid.all() or halfway
            place = slice(top + 32, top + 32 + height), slice(left + 32, left + 32 + width)
            canvas[place], valid[place] = tile.pixels, tile.valid
        inside = slice(32, 32 + 50), slice(32, 32 + 71)
        np.testing.assert_array_equal(canvas[inside], np.moveaxis(pixels, 0, -1))
        assert valid[inside].all()
        assert valid.sum() == 50 * 71

        some = [cell for cell in grid if cell.row == 1]
        read = [(tile.row, tile.column) for tile in tiles(source, some)]
        assert read == [(1, column) for column in range(4 if halfway else 3)]
