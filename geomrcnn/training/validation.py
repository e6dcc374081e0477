"""Scores of a network while it is trained: which weights are best, and when to stop."""

from __future__ import annotations

import math
from pathlib import Path

from geomrcnn.bundle.card import ModelCard
from geomrcnn.data.dataset import Dataset
from geomrcnn.errors import DataError
from geomrcnn.evaluation.evaluation import evaluate_dataset
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.runtime.keras import KerasDetector
from geomrcnn.training.table import Table

MEASURE = "mask AP"
"""What the best weights are best at."""


class Validation:
    """Scores a network on a dataset after each checkpoint, and remembers in validation.csv."""

    def __init__(self, dataset: Dataset, card: ModelCard, folder: Path, start: int) -> None:
        """Take up what is known of the first `start` steps of the run in `folder`.

        Args:
            dataset: At the GSD of the model.
            card: Of the model.
            folder: The run directory.
            start: Steps done before.

        Raises:
            DataError: the images are of another kind than the model's.
        """
        pixels = dataset.pixel_type(0)
        if (pixels.dtype, len(pixels.bands)) != (card.dtype, len(card.bands)):
            raise DataError(
                f"{dataset.name(0)}: {pixels}, but the network is trained on "
                f"{len(card.bands)} bands of {card.dtype}: validate on imagery of the same kind"
            )
        self._dataset, self._card = dataset, card
        self._table = Table(folder / "validation.csv", start)

    def measure(self, model: MaskRCNN, step: int) -> dict[str, float]:
        """Score the network after `step` steps."""
        scores = evaluate_dataset(KerasDetector(model, self._card), self._dataset).coco.overall
        self._table.add({"step": step, **scores})
        return scores

    def knows(self, step: int) -> bool:
        """Whether the network was scored after `step` steps."""
        return any(row["step"] == step for row in self._table.rows)

    @property
    def stale(self) -> int:
        """How many times the network was scored since it was best; 0 where the last was best."""
        values = [_comparable(row[MEASURE]) for row in self._table.rows]
        return len(values) - 1 - values.index(max(values)) if values else 0


def _comparable(value: float) -> float:
    """AP is not a number where no label counts."""
    return -1.0 if math.isnan(value) else value
