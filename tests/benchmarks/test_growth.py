"""How the cost of a prediction grows."""

from __future__ import annotations

import numpy as np

from geomrcnn.raster.tile import Tile, Window
from scripts.benchmarks.growth import TILE, main
from scripts.benchmarks.pipeline import parcels


def test_the_most_objects_in_a_tile_are_more_than_1500() -> None:
    (counts,) = (option.default for option in main.params if option.name == "counts")
    blank = np.empty((0, 0, 3), np.uint8)
    tile = Tile(0, 0, Window(256, 256, TILE, TILE), blank, blank[..., 0])
    (found,) = parcels(1536, TILE, max(counts)).detect([tile])
    assert len(found.scores) > 1500
