"""Checkpoints of a run: weights, optimizer and step, so that a run goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from geomrcnn.errors import ModelError

KEPT = 2


class Checkpoints:
    """The newest checkpoints in a folder. Each is written whole before it counts."""

    def __init__(
        self, folder: Path, model: keras.Model, optimizer: keras.optimizers.Optimizer
    ) -> None:
        """Look at `folder`, which need not exist yet; nothing is restored."""
        self._step = tf.Variable(0, dtype=tf.int64, name="step")
        optimizer.build(model.trainable_variables)
        state = tf.train.Checkpoint(model=model, optimizer=optimizer, step=self._step)
        self._state = state
        self._manager = tf.train.CheckpointManager(state, str(folder), max_to_keep=KEPT)

    def restore(self) -> int:
        """Take up the newest checkpoint; the number of steps done, 0 when there is none.

        Raises:
            ModelError: the checkpoint is of another network or damaged.
        """
        newest = self._manager.latest_checkpoint
        if newest is None:
            return 0
        try:
            self._state.restore(newest).assert_existing_objects_matched()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise ModelError(f"{newest}: does not fit this network or is damaged") from error
        return int(self._step.numpy())

    def save(self, step: int) -> None:
        """Write the state after `step` steps."""
        self._step.assign(step)
        self._manager.save(checkpoint_number=step)
