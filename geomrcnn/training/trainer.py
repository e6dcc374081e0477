"""The training loop."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import keras
import numpy as np
import tensorflow as tf

from geomrcnn.errors import DataError
from geomrcnn.network.losses import Losses
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.targets import GroundTruth
from geomrcnn.network.weights.own import weight_name
from geomrcnn.training.averaging import Averages
from geomrcnn.training.checkpoints import LAST, Checkpoints
from geomrcnn.training.config import TrainingConfig
from geomrcnn.training.devices import Place, assign, gathered, total
from geomrcnn.training.gradients import Batch, loss_gradients, signature
from geomrcnn.training.optimizer import Optimizer, clip
from geomrcnn.training.precision import LossScale
from geomrcnn.training.schedule import learning_rate
from geomrcnn.training.stages import Span, choose_layers, learnt, spans

Batches = Iterable[tuple[tf.Tensor, GroundTruth]]


class TrainingLog(Protocol):
    """Told of every step."""

    def step(self, step: int, values: dict[str, float]) -> None:
        """Losses, learning rate and seconds of the step just done; `step` counts from 1.

        "seconds" is the time of the step, "waiting" what of it went by without a batch.
        """


class Outcome(NamedTuple):
    """What came of a step.

    Attributes:
        losses: [B, 5] of every image of the batch, over all devices.
        sound: Whether all gradients were finite.
        gradients: Of each weight that learns, over the whole batch, before they are clipped.
    """

    losses: tf.Tensor
    sound: tf.Tensor
    gradients: list[tf.Tensor]


class Pause(NamedTuple):
    """The moment after a checkpoint.

    Attributes:
        step: Steps done.
        gradients: Of the last of them, by the names of the weights.
    """

    step: int
    gradients: dict[str, tf.Tensor]


class Trainer:
    """Trains a network by SGD; stops, resumes and repeats exactly.

    Every draw is a function of the seed and of an image's place in the sequence of all, so a run
    broken off and resumed sees the same tiles, anchors and RoIs as one that was not, and so does
    one that is spread over other devices.
    """

    def __init__(
        self, model: MaskRCNN, config: TrainingConfig, folder: Path, place: Place | None = None
    ) -> None:
        """Prepare the optimizer; checkpoints go to a folder in `folder`.

        Args:
            model: Made under the scope of the strategy of `place`.
            config: How to train.
            folder: The run directory.
            place: The devices; by default TensorFlow's first.

        Raises:
            DataError: the batch does not fit the devices, or a stage the network.
        """
        self.model, self.config = model, config
        self.place = place or Place(tf.distribute.get_strategy())
        self.rows = self.place.rows(config.batch)
        _check_parts(model, config, self.place)
        with self.place.strategy.scope():
            variables = learnt(model, config)
            self._optimizer = Optimizer(variables, config.momentum, config.weight_decay)
            self._scale = LossScale(config.precision)
            self._averages = Averages(variables, config.average) if config.average else None
        state = {"model": model, "optimizer": self._optimizer, "scale": self._scale}
        if self._averages is not None:
            state["averages"] = self._averages
        self._checkpoints = Checkpoints(folder / LAST, state)

    def resume(self) -> int:
        """Take up the newest checkpoint; the number of steps done, 0 when there is none."""
        return self._checkpoints.restore()

    def fit(
        self,
        batches: Callable[[int], Batches],
        log: TrainingLog,
        *,
        start: int = 0,
        on_checkpoint: Callable[[Pause], bool] = lambda pause: True,
        name_of: Callable[[int], str] = lambda position: f"tile {position}",
    ) -> None:
        """Train from step `start` to the last, or until there is no use in going on.

        Args:
            batches: Given a step, the batches from that step on, as
                `geomrcnn.data.pipeline.training_batches` makes them, but of each only `rows`.
            log: Told of every step.
            start: Steps done before, as `resume` says.
            on_checkpoint: Called after each checkpoint, while the network has the weights that are
                to be evaluated; says whether to go on.
            name_of: What to call the tile at a position in the sequence of all tiles.

        Raises:
            DataError: a loss or gradient is no longer a finite number. The last checkpoint, and
                no later state, is kept.
        """
        source = _timed(batches(start))
        for span in spans(self.config, start):
            if not self._fit(span, source, log, on_checkpoint, name_of):
                break

    @contextlib.contextmanager
    def evaluated_weights(self) -> Iterator[None]:
        """For a while the network has the weights that are evaluated: the averages, if any."""
        with self._averages.in_place() if self._averages else contextlib.nullcontext():
            yield

    def _fit(
        self,
        span: Span,
        batches: Iterator[tuple[float, tf.Tensor, GroundTruth]],
        log: TrainingLog,
        on_checkpoint: Callable[[Pause], bool],
        name_of: Callable[[int], str],
    ) -> bool:
        """Train for a span; whether to go on after it."""
        choose_layers(self.model, span.layers)
        run_step = self._traced()
        before = time.perf_counter()
        names = [weight_name(weight) for weight in self.model.trainable_variables]
        for step, (waited, images, truth) in zip(
            range(span.start, span.end), batches, strict=False
        ):
            rate = learning_rate(self.config, step)
            batch = Batch(images, GroundTruth(*truth), self._seeds(step))
            outcome = run_step(batch, tf.constant(rate), tf.constant(step))
            losses = outcome.losses.numpy()
            self._check(step, losses, bool(outcome.sound), name_of)
            now = time.perf_counter()
            times = {"seconds": now - before, "waiting": waited}
            log.step(step + 1, {**_values(losses), "learning_rate": rate, **times})
            before = now
            done = step + 1
            if done % self.config.checkpoint_steps == 0 or done == self.config.steps:
                if self.place.is_chief:
                    self._checkpoints.save(done)
                pause = Pause(done, dict(zip(names, outcome.gradients, strict=True)))
                with self.evaluated_weights():
                    if not on_checkpoint(pause):
                        return False
                before = time.perf_counter()
        return True

    def _traced(self) -> Callable[[Batch, tf.Tensor, tf.Tensor], Outcome]:
        """A step on all devices, for the layers that learn now."""
        strategy = self.place.strategy
        shapes = signature(len(self.rows), self.config.tile, self.model.config.bands)
        scalars = tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int32)

        @tf.function(input_signature=(shapes, *scalars), autograph=False)  # type: ignore[untyped-decorator]
        def run_step(batch: Batch, rate: tf.Tensor, step: tf.Tensor) -> Outcome:
            outcome = strategy.run(self._on_device, (batch, rate, step))
            # Every device has the same.
            here: Outcome = tf.nest.map_structure(
                lambda part: strategy.experimental_local_results(part)[0], outcome
            )
            return here

        traced: Callable[[Batch, tf.Tensor, tf.Tensor], Outcome] = run_step
        return traced

    def _on_device(self, batch: Batch, rate: tf.Tensor, step: tf.Tensor) -> Outcome:
        config, variables = self.config, self.model.trainable_variables
        losses, gradients = loss_gradients(
            self.model, self._share(batch), self._scale.value / config.batch, config.accumulate
        )
        gradients = [gradient / self._scale.value for gradient in total(gradients)]
        norm = tf.linalg.global_norm(gradients)
        sound = tf.math.is_finite(norm)
        self._optimizer.apply(variables, clip(gradients, norm, config.clip_norm), rate, sound)
        self._scale.follow(sound)
        if self._averages is not None:
            self._averages.follow(step)
        if self.place.strategy.num_replicas_in_sync > 1:
            _agree_on_statistics(self.model, self.place)
        return Outcome(gathered(losses), sound, gradients)

    def _share(self, batch: Batch) -> Batch:
        """What this device takes of the rows of its process."""
        if self.place.devices == 1:
            return batch
        size = len(self.rows) // self.place.devices
        number = tf.distribute.get_replica_context().replica_id_in_sync_group - self.place.first
        with tf.device("CPU:0"):
            return batch.cut(number * size, size)

    def _seeds(self, step: int) -> tf.Tensor:
        """[rows, 2], of each image by its place in the sequence of all."""
        return tf.constant(
            [[self.config.seed, step * self.config.batch + row] for row in self.rows], tf.int32
        )

    def _check(
        self, step: int, losses: np.ndarray, sound: bool, name_of: Callable[[int], str]
    ) -> None:
        """See that a step came out finite.

        Raises:
            DataError: naming the images where it did not.
        """
        finite = np.isfinite(losses).all(axis=1)
        if finite.all() and (sound or self._scale.moves):
            return
        blamed = [row for row in range(len(losses)) if not finite[row]] or range(len(losses))
        names = sorted({name_of(step * self.config.batch + row) for row in blamed})
        raise DataError(
            f"the loss is no longer finite at step {step + 1}, on {', '.join(names)}: see whether "
            f"image and labels are sound, or lower the learning rate, now "
            f"{self.config.learning_rate:g}, in a new run that starts from the last checkpoint "
            "of this one (--init)"
        )


def _timed(batches: Batches) -> Iterator[tuple[float, tf.Tensor, GroundTruth]]:
    """Each batch, after the seconds that one had to wait for it."""
    source = iter(batches)
    while True:
        before = time.perf_counter()
        try:
            images, truth = next(source)
        except StopIteration:
            return
        yield time.perf_counter() - before, images, truth


def _values(losses: np.ndarray) -> dict[str, float]:
    mean = [float(value) for value in losses.mean(axis=0)]
    return {"total": sum(mean), **dict(zip(Losses._fields, mean, strict=True))}


def _check_parts(model: MaskRCNN, config: TrainingConfig, place: Place) -> None:
    share = config.batch // place.strategy.num_replicas_in_sync
    if share % config.accumulate:
        raise DataError(
            f"training config: a device has {share} tiles of each batch, which cannot be worked "
            f"through in {config.accumulate} equal parts (accumulate)"
        )
    synchronised = any(layer.synchronized for layer in _batch_norms(model))
    if synchronised and config.accumulate > 1 and place.strategy.num_replicas_in_sync > 1:
        raise DataError("accumulate and the norm sync-batch do not go together on several devices")


def _agree_on_statistics(model: MaskRCNN, place: Place) -> None:
    """Batch norms that learn saw another share of the batch on each device: take the mean."""
    statistics = [
        variable
        for layer in _batch_norms(model)
        if layer.trainable and not layer.synchronized
        for variable in (layer.moving_mean, layer.moving_variance)
    ]
    if statistics:
        sums = total([tf.convert_to_tensor(variable) for variable in statistics])
        means = [value / place.strategy.num_replicas_in_sync for value in sums]
        assign([variable.value for variable in statistics], means)


def _batch_norms(model: MaskRCNN) -> Sequence[keras.layers.BatchNormalization]:
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
