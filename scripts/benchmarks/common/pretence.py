"""Looking at tiles without looking: what workers of a simulation do."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from geomrcnn.inference.findings import Findings, keep
from geomrcnn.inference.looking import Looked
from geomrcnn.inference.order import Order
from geomrcnn.raster.grid import Cell
from geomrcnn.raster.tile import Tile, Window
from tests.oracles.stub import StubDetector

TILE, OVERLAP = 512, 128


@dataclass(frozen=True)
class Pretence:
    """What is said to be in tiles, in the place of a recipe for a detector.

    Attributes:
        objects: In a tile that holds any.
        share: Of the tiles that do, spread at random, but always the same.
    """

    objects: int
    share: float

    @property
    def detector(self) -> StubDetector:
        """Who would find these objects in every tile."""
        return StubDetector(self.objects, TILE, OVERLAP)

    def load(self, threads: int | None = None) -> StubDetector:
        """Nobody loads it."""
        return self.detector

    def within(self, cell: Cell) -> Findings:
        """What is said to be in a tile."""
        number = zlib.crc32(b"%d %d" % (cell.row, cell.column))
        return _findings(self.objects if number < self.share * 2**32 else 0)


def carry_out(order: Order) -> list[Looked]:
    """Say what is in the tiles of an order, at once."""
    recipe = order.recipe
    assert isinstance(recipe, Pretence)
    return [Looked(cell, recipe.within(cell)) for cell in order.cells]


@lru_cache
def _findings(objects: int) -> Findings:
    """What is kept of the detections in a tile."""
    blank, valid = np.zeros((TILE, TILE, 3), np.uint8), np.ones((TILE, TILE), bool)
    tile = Tile(0, 0, Window(0, 0, TILE, TILE), blank, valid)
    (detections,) = StubDetector(objects, TILE, OVERLAP).detect([tile])
    return keep(detections, tile, 0.5)
