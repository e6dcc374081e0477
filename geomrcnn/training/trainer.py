"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import keras
import tensorflow as tf

from geomrcnn.errors import DataError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.losses import Losses
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.targets import GroundTruth
from geomrcnn.training.checkpoints import Checkpoints
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.schedule import WarmupCosine

Batches = Iterable[tuple[tf.Tensor, GroundTruth]]


class TrainingLog(Protocol):
    """Told of every step."""

    def step(self, step: int, values: dict[str, float]) -> None:
        """Losses, learning rate and seconds of the step just done; `step` counts from 1."""


class Trainer:
    """Trains a network by SGD; stops, resumes and repeats exactly.

    Every draw is a function of the seed and the number of the step, so a run broken off and
    resumed sees the same tiles, anchors and RoIs as one that was not.
    """

    def __init__(self, model: MaskRCNN, config: TrainingConfig, folder: Path) -> None:
        """Prepare the optimizer; checkpoints go to `folder`/checkpoints."""
        self.model, self.config = model, config
        self._schedule = WarmupCosine(config.learning_rate, config.warmup_steps, config.steps)
        self._optimizer = keras.optimizers.SGD(
            self._schedule,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            global_clipnorm=config.clip_norm,
        )
        self._optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self._checkpoints = Checkpoints(folder / "checkpoints", model, self._optimizer)
        self._step = tf.function(self._update, input_signature=_signature(config, model.config))

    def resume(self) -> int:
        """Take up the newest checkpoint; the number of steps done, 0 when there is none."""
        return self._checkpoints.restore()

    def fit(
        self,
        batches: Callable[[int], Batches],
        log: TrainingLog,
        *,
        start: int = 0,
        on_checkpoint: Callable[[int], None] = lambda step: None,
    ) -> None:
        """Train from step `start` to the last.

        Args:
            batches: Given a step, the batches from that step on, as
                `geomrcnn.data.pipeline.training_batches` makes them.
            log: Told of every step.
            start: Steps done before, as `resume` says.
            on_checkpoint: Called with the number of steps done after each checkpoint.

        Raises:
            DataError: the loss is no longer a finite number.
        """
        steps = range(start, self.config.steps)
        before = time.perf_counter()
        for step, (images, truth) in zip(steps, batches(start), strict=False):
            seed = tf.constant([self.config.seed, step], tf.int32)
            losses = self._step(images, GroundTruth(*truth), seed)
            now = time.perf_counter()
            log.step(step + 1, self._values(losses, step, now - before))
            before = now
            done = step + 1
            if done % self.config.checkpoint_steps == 0 or done == self.config.steps:
                self._checkpoints.save(done)
                on_checkpoint(done)
                before = time.perf_counter()

    def _update(self, images: tf.Tensor, truth: GroundTruth, seed: tf.Tensor) -> Losses:
        with tf.GradientTape() as tape:
            losses = self.model.losses_of(images, truth, seed)
            total = losses.total
        variables = self.model.trainable_variables
        self._optimizer.apply_gradients(
            zip(tape.gradient(total, variables), variables, strict=True)
        )
        return losses

    def _values(self, losses: Losses, step: int, seconds: float) -> dict[str, float]:
        values = {name: float(value) for name, value in losses._asdict().items()}
        values = {"total": sum(values.values()), **values}
        if not math.isfinite(values["total"]):
            raise DataError(
                f"the loss is no longer finite at step {step + 1}: lower the learning rate, "
                f"now {self.config.learning_rate:g}, and resume"
            )
        rate = float(self._schedule(step))
        return {**values, "learning_rate": rate, "seconds": seconds}


def _signature(training: TrainingConfig, network: MaskRCNNConfig) -> tuple[object, ...]:
    """Shapes of a step's input: the number of objects alone differs from batch to batch."""
    batch, tile = training.batch, training.tile
    return (
        tf.TensorSpec([batch, tile, tile, network.bands], tf.float32),
        GroundTruth(
            boxes=tf.TensorSpec([batch, None, 4], tf.float32),
            classes=tf.TensorSpec([batch, None], tf.int32),
            masks=tf.TensorSpec([batch, None, None, None], tf.uint8),
        ),
        tf.TensorSpec([2], tf.int32),
    )
