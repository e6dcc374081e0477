"""What a network sees in practice, taken from the images that it was trained on."""

from __future__ import annotations

import numpy as np

from geomrcnn.data.dataset import ConcatDataset
from geomrcnn.evaluation.evaluation import whole_image
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.resizing import frame_for
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime.batch import to_image


def typical_tiles(
    dataset: ConcatDataset, config: MaskRCNNConfig, tile: int, count: int
) -> list[np.ndarray]:
    """Tiles of training images, as the network takes them.

    Images come as often as training draws them, and of each a tile from another place.

    Args:
        dataset: What the network was trained on.
        config: Of the network.
        tile: Side of the tiles in pixels; smaller images are filled up.
        count: Number of tiles.

    Returns:
        `count` of [1, H, W, bands] float32 raw pixel values, all of one size.
    """
    side = max(frame_for(config, tile, tile).array)
    draws = (np.arange(count) + 0.5) / count
    indices = np.searchsorted(np.cumsum(dataset.weights), draws).clip(max=len(dataset) - 1)
    rng = np.random.default_rng(0)
    tiles = []
    for index in indices:
        piece = _cut(whole_image(dataset.sample(int(index))), tile, rng)
        height, width = piece.valid.shape
        frame = frame_for(config, height, width, side)
        tiles.append(to_image(piece, frame, config))
    return tiles


def _cut(image: Tile, side: int, rng: np.random.Generator) -> Tile:
    """A square from anywhere in an image; the whole image along the axes where it is smaller."""
    row, column = (int(rng.integers(max(n - side, 0) + 1)) for n in image.valid.shape)
    here = slice(row, row + side), slice(column, column + side)
    valid = image.valid[here]
    window = Window(column, row, valid.shape[1], valid.shape[0])
    return Tile(0, 0, window, image.pixels[here], valid)
