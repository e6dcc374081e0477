"""Scores of a network while it is trained: which weights are best, and when to stop."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from geomrcnn.bundle.card import ModelCard
from geomrcnn.data.dataset import Dataset
from geomrcnn.errors import DataError
from geomrcnn.evaluation.evaluation import Evaluation, evaluate_dataset
from geomrcnn.evaluation.gallery import draw
from geomrcnn.evaluation.summary import working_score
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.runtime.keras import KerasDetector
from geomrcnn.training.table import Table

SCORES_FILE = "validation.csv"
MEASURE = "mask AP"
"""What the best weights are best at."""


class Validation:
    """Scores a network on a dataset after each checkpoint, and remembers in validation.csv.

    Attributes:
        dataset: The labelled images.
        evaluation: What came of the last measurement; None before the first.
    """

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
        self.dataset, self._card = dataset, card
        self.evaluation: Evaluation | None = None
        self._table = Table(folder / SCORES_FILE, start)

    def measure(self, model: MaskRCNN) -> dict[str, float]:
        """Score the network as it is now."""
        self.evaluation = self.evaluate(model)
        return self.evaluation.coco.overall

    def is_best(self, scores: dict[str, float]) -> bool:
        """Whether no scores before were as good."""
        before = (_comparable(row[MEASURE]) for row in self._table.rows)
        return all(_comparable(scores[MEASURE]) > value for value in before)

    def remember(self, step: int, scores: dict[str, float]) -> None:
        """Put the scores after `step` steps into the table."""
        self._table.add({"step": step, **scores})

    def evaluate(self, model: MaskRCNN) -> Evaluation:
        """All that can be said about a network, without remembering it."""
        return evaluate_dataset(KerasDetector(model, self._card), self.dataset)

    def pictures(self, count: int = 4) -> dict[str, np.ndarray]:
        """Some images, the same each time, with what was last found in them; [H, W, 3] uint8."""
        if self.evaluation is None:
            return {}
        chosen = np.unique(np.linspace(0, len(self.dataset) - 1, count).astype(int)).tolist()
        least = working_score(self.evaluation)
        return {
            self.dataset.name(image): draw(self.evaluation, self.dataset, image, least)
            for image in chosen
        }

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
