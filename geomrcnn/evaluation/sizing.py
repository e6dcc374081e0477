"""A detector for images of any size."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.network.config import SIZE_DIVISOR
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime import Detections, Detector, load_detector

KEPT = 4
"""Graphs that stay compiled; more sizes than this seldom take turns."""


class SizingDetector:
    """A `Detector` that compiles its model for the size of each image, and keeps the last few."""

    def __init__(
        self, model: str | os.PathLike[str], runtime: str = "auto", precision: str = "auto"
    ) -> None:
        """Take a bundle file or the name of a shipped model; nothing is compiled yet.

        Raises:
            ModelError: there is no such model.
        """
        bundle = Bundle.open(model)
        self.card, self.digest = bundle.card, bundle.digest
        self._latest = bundle.card.tile
        self._for_side = functools.lru_cache(KEPT)(
            lambda side: load_detector(
                model, runtime=runtime, precision=precision, tile=side, streams=1
            )
        )

    @property
    def description(self) -> str:
        """Device and precision."""
        return self._detector(self._latest).description

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        """Detections of each tile, in order."""
        return [self._detector(max(tile.valid.shape)).detect([tile])[0] for tile in tiles]

    def _detector(self, side: int) -> Detector:
        self._latest = -(-side // SIZE_DIVISOR) * SIZE_DIVISOR
        return self._for_side(self._latest)
