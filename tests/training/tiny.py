"""A small network and batches for it, each image a function of its place in the sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.targets import GroundTruth
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.devices import Place
from geomrcnn.training.precision import layers_in
from geomrcnn.training.trainer import Batches, Trainer

TILE = 64


def network(**changes: Any) -> MaskRCNN:
    """An EfficientNet-Lite0 Mask R-CNN with narrow heads; the same weights each time."""
    keras.utils.set_random_seed(7)
    settings = {
        "pyramid_channels": 16,
        "box_units": (16,),
        "mask_convolutions": 1,
        "mask_size": 14,
        "train_rois": 16,
        "train_proposals": 50,
        "train_proposals_before_nms": 100,
        "classes": 2,
    }
    return MaskRCNN(MaskRCNNConfig.preset("light", **{**settings, **changes}))


def image(position: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels, boxes and classes; one image in five is empty."""
    rng = np.random.default_rng(position)
    count = position % 5
    corner = rng.uniform(0, 40, [count, 2])
    boxes = np.concatenate([corner, corner + rng.uniform(6, 40, [count, 2])], axis=1)
    pixels = rng.uniform(0, 255, [TILE, TILE, 3]).astype(np.float32)
    return pixels, boxes.astype(np.float32), rng.integers(1, 3, count).astype(np.int32)


def batches(
    config: TrainingConfig, rows: range, spoilt: int | None = None
) -> Callable[[int], Batches]:
    """Batches from a step on; the image at position `spoilt` is not a number."""

    def made(start: int) -> Iterator[tuple[tf.Tensor, GroundTruth]]:
        for step in range(start, config.steps):
            images = [image(step * config.batch + row) for row in rows]
            room = max(1, *(len(boxes) for _, boxes, _ in images))
            pixels = np.stack([pixels for pixels, _, _ in images])
            boxes = np.zeros([len(rows), room, 4], np.float32)
            classes = np.zeros([len(rows), room], np.int32)
            for row, (_, its_boxes, its_classes) in enumerate(images):
                boxes[row, : len(its_boxes)] = its_boxes
                classes[row, : len(its_classes)] = its_classes
                if step * config.batch + rows[row] == spoilt:
                    pixels[row] = np.nan
            masks = np.ones([len(rows), room, 28, 28], np.uint8)
            truth = GroundTruth(*map(tf.constant, (boxes, classes, masks)))
            yield tf.constant(pixels), truth

    return made


class Rows:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def step(self, step: int, values: dict[str, float]) -> None:
        self.rows.append(
            {name: v for name, v in values.items() if name not in ("seconds", "waiting")}
        )


def make_trainer(
    folder: Path, config: TrainingConfig, place: Place | None = None, **changes: Any
) -> Trainer:
    """A trainer of a fresh `network`, changed so."""
    place = place or Place(tf.distribute.get_strategy())
    with place.strategy.scope(), layers_in(config.precision):
        model = network(**changes)
    return Trainer(model, config, folder, place)


def fit(trainer: Trainer, spoilt: int | None = None, **options: Any) -> list[dict[str, float]]:
    """What the log was told while training, from the newest checkpoint on."""
    log = Rows()
    start = trainer.resume()
    trainer.fit(batches(trainer.config, trainer.rows, spoilt), log, start=start, **options)
    return log.rows
