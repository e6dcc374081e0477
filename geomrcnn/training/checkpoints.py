"""Checkpoints of a run: weights, optimizer and step, so that a run goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import tensorflow as tf

from geomrcnn.errors import DataError, ModelError
from geomrcnn.network.weights.own import weight_name

KEPT = 2
LAST, BEST = "last", "best"
"""Folders of a run: the newest checkpoints with all that it takes to go on, the best weights."""
_AVERAGES = "averages"


class Checkpoints:
    """The newest checkpoints in a folder. Each is written whole before it counts."""

    def __init__(
        self, folder: Path, state: Mapping[str, tf.Module | keras.Model], kept: int = KEPT
    ) -> None:
        """Look at `folder`, which need not exist yet; nothing is restored.

        Args:
            folder: Where they are.
            state: All that is kept, by name: "model", perhaps "averages", and more.
            kept: How many checkpoints.
        """
        self._step = tf.Variable(0, dtype=tf.int64, name="step")
        parts = {
            name: _by_name(part) if isinstance(part, keras.Model) else part
            for name, part in state.items()
        }
        self._state = tf.train.Checkpoint(**parts, step=self._step)
        self._manager = tf.train.CheckpointManager(self._state, str(folder), max_to_keep=kept)

    def restore(self) -> int:
        """Take up the newest checkpoint; the number of steps done, 0 when there is none.

        Raises:
            ModelError: the checkpoint is of another network or damaged.
        """
        newest = self._manager.latest_checkpoint
        if newest is None:
            return 0
        _restore(self._state, newest)
        return int(self._step.numpy())

    def save(self, step: int) -> None:
        """Write the state after `step` steps."""
        self._step.assign(step)
        self._manager.save(checkpoint_number=step)


def load_trained(folder: Path, model: keras.Model, which: str = "") -> None:
    """Give a network the weights of a run, averaged where it has both.

    Args:
        folder: The run directory.
        model: The network of that run.
        which: `LAST`, `BEST`, or the best if any were found and else the last.

    Raises:
        DataError: there is no such checkpoint.
        ModelError: it is of another network or damaged.
    """
    wanted = (which,) if which else (BEST, LAST)
    found = (tf.train.latest_checkpoint(str(folder / place)) for place in wanted)
    newest = next(filter(None, found), None)
    if newest is None:
        raise DataError(f"{folder}: has no checkpoint yet")
    kept = tf.train.load_checkpoint(newest)
    _restore(tf.train.Checkpoint(model=_by_name(model)), newest)
    averaged = {
        weight_name(weight): weight.value
        for weight in model.weights
        if kept.has_tensor(_key_of_average(weight_name(weight)))
    }
    if averaged:
        values = tf.train.Checkpoint(values=averaged)
        _restore(tf.train.Checkpoint(**{_AVERAGES: values}), newest)


def _by_name(model: keras.Model) -> tf.train.Checkpoint:
    """Every weight by its name, for TensorFlow does not look into Keras' lists of layers."""
    return tf.train.Checkpoint(
        weights={weight_name(weight): weight.value for weight in model.weights}
    )


def _key_of_average(name: str) -> str:
    # TensorFlow writes a slash in a name as ".S".
    return f"{_AVERAGES}/values/{name.replace('/', '.S')}/.ATTRIBUTES/VARIABLE_VALUE"


def _restore(state: tf.train.Checkpoint, path: str) -> None:
    try:
        state.restore(path).assert_existing_objects_matched().expect_partial()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise ModelError(
            f"{path}: is of another network or an older version, or damaged"
        ) from error
