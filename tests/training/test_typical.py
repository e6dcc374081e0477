"""Tiles of training images to fit an int8 graph to."""

from __future__ import annotations

import numpy as np

from geomrcnn.data.dataset import TRUE_COLOUR, ConcatDataset, PixelType, Sample
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.training.typical import typical_tiles

CONFIG = MaskRCNNConfig.preset("light", pixel_mean=(7.0, 8.0, 9.0))


class Plain:
    """Images of one value each, all of one size."""

    classes = ("field",)

    def __init__(self, values: list[int], size: tuple[int, int]) -> None:
        self._values, self._size = values, size

    def __len__(self) -> int:
        return len(self._values)

    def sample(self, index: int) -> Sample:
        return Sample(np.full((*self._size, 3), self._values[index], np.uint8), ())

    def gsd(self, index: int) -> float | None:
        return None

    def pixel_type(self, index: int) -> PixelType:
        return TRUE_COLOUR

    def name(self, index: int) -> str:
        return str(index)


class Numbered(Plain):
    """Every pixel knows its row and column."""

    def sample(self, index: int) -> Sample:
        rows, columns = np.mgrid[: self._size[0], : self._size[1]]
        return Sample(np.stack([rows, columns, rows], -1).astype(np.uint8), ())


def test_images_come_as_often_as_training_draws_them():
    dataset = ConcatDataset([Plain([1, 2], (64, 64)), Plain([3], (64, 64))], shares=[1, 3])
    tiles = typical_tiles(dataset, CONFIG, 64, 8)
    assert {tile.shape for tile in tiles} == {(1, 64, 64, 3)}
    assert [int(tile[0, 0, 0, 0]) for tile in tiles] == [1, 2, 3, 3, 3, 3, 3, 3]


def test_tiles_of_large_images_are_from_many_places_and_whole():
    tiles = typical_tiles(ConcatDataset([Numbered([0], (200, 150))]), CONFIG, 64, 12)
    corners = {(int(tile[0, 0, 0, 0]), int(tile[0, 0, 0, 1])) for tile in tiles}
    assert len(corners) > 8
    for tile in tiles:
        np.testing.assert_array_equal(np.diff(tile[0, :, :, 0], axis=0), 1)
        np.testing.assert_array_equal(np.diff(tile[0, :, :, 1], axis=1), 1)
    again = typical_tiles(ConcatDataset([Numbered([0], (200, 150))]), CONFIG, 64, 12)
    np.testing.assert_array_equal(tiles, again)


def test_small_images_are_filled_up_with_the_mean_colour():
    (tile,) = typical_tiles(ConcatDataset([Plain([1], (40, 100))]), CONFIG, 64, 1)
    assert tile.shape == (1, 64, 64, 3)
    assert (tile[0, :40] == 1).all()
    assert tile[0, 50, 5].tolist() == [7, 8, 9]
