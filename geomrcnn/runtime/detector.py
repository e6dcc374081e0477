"""What every runtime offers: tiles in, detections out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from geomrcnn.bundle.card import ModelCard
from geomrcnn.raster.tile import Tile


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects found in one tile, by falling score.

    Attributes:
        boxes: [N, (x1, y1, x2, y2)] float32, continuous pixels of the tile.
        scores: [N] float32 in [0, 1].
        classes: [N] int32, 1..C (0 is background and never reported).
        masks: [N, m, m] float32 probabilities; the grid's cells divide the box evenly.
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.scores)


class Model(Protocol):
    """What is known of a network without running it."""

    @property
    def card(self) -> ModelCard:
        """The model's card."""

    @property
    def digest(self) -> str:
        """What changes when the model does."""

    @property
    def description(self) -> str:
        """Where it runs, for people: "OpenVINO CPU fp32"."""


class Detector(Model, Protocol):
    """Anything that finds objects in tiles: a network, or an oracle in a test.

    One that can look at several tiles side by side says at how many by an attribute `streams`; its
    `detect` is called from as many threads. One that saves work by leaving out what scores too low
    has a method `above(score)`, which returns a detector that may do so.
    """

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        """Detections of each tile, in order."""


def streams_of(detector: Detector) -> int:
    """Tiles that a detector can look at side by side."""
    return int(getattr(detector, "streams", 1))


def heard_above(detector: Detector, score: float) -> Detector:
    """A detector that need not tell of what scores less, though it may."""
    above = getattr(detector, "above", None)
    return detector if above is None else cast(Detector, above(score))
