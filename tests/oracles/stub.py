"""A detector that costs nothing: the same objects in every tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections
from tests.oracles.detector import card, soft_mask
from tests.oracles.scenes import lone_buildings


class StubDetector:
    """Reports `objects` buildings in the middle of each tile of side `tile`."""

    description = "stub"
    digest = "1"

    def __init__(self, objects: int, tile: int = 512, overlap: int = 128) -> None:
        self.card = card(tile=tile, overlap=overlap)
        shapes = lone_buildings(tile)[:: max(1, (tile // 48) ** 2 // max(objects, 1))][:objects]
        self._found = Detections(
            np.array([shape.bounds for shape in shapes], np.float32).reshape(-1, 4),
            np.linspace(0.99, 0.6, len(shapes), dtype=np.float32),
            np.ones(len(shapes), np.int32),
            np.array([soft_mask(shape) for shape in shapes], np.float32).reshape(-1, 28, 28),
        )

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        return [self._found for _ in tiles]
