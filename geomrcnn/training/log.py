"""What a run tells while it trains: TensorBoard events, a CSV file and lines on the screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from geomrcnn.training.table import Table

LOSSES_FILE = "losses.csv"
TENSORBOARD = "tensorboard"
TOLD = ("mask AP", "mask AP50", "box AP")
"""Scores that are shown on the screen; all are in the files."""


OnStep = Callable[[int, int, Mapping[str, float]], None]
"""Takes a step that is done, the number of all, and its losses and times as `TrainingLog` does."""


class NoLog:
    """Writes nothing: for processes beside the one that does."""

    def step(self, step: int, values: dict[str, float]) -> None:
        """Do nothing."""


class RunLog:
    """Averages the steps between two reports and writes them everywhere."""

    def __init__(
        self,
        folder: Path,
        steps: int,
        *,
        start: int = 0,
        every: int = 20,
        say: Callable[[str], None] = print,
        on_step: OnStep | None = None,
    ) -> None:
        """Write to `folder`/tensorboard and `folder`/losses.csv.

        Args:
            folder: The run's directory.
            steps: Steps of the run, for the share done.
            start: Steps done before; what table and curves say of later ones is dropped, for they
                are about to be done again.
            every: Steps to a report.
            say: Prints a line.
            on_step: Hears of each step, and then no report is said in lines.
        """
        _begin_session(start, folder / TENSORBOARD)
        self._writer = tf.summary.create_file_writer(str(folder / TENSORBOARD))
        self._table = Table(folder / LOSSES_FILE, start)
        self._steps, self._every, self.say, self._on_step = steps, every, say, on_step
        self._waiting: list[dict[str, float]] = []

    def step(self, step: int, values: dict[str, float]) -> None:
        """Take in a step; report when enough have come."""
        if self._on_step is not None:
            self._on_step(step, self._steps, values)
        self._waiting.append(values)
        if step % self._every == 0 or step == self._steps:
            self.report(step)

    def report(self, step: int) -> None:
        """Write the mean of the steps since the last report, up to `step`, if there are any."""
        if not self._waiting:
            return
        mean = {
            name: sum(waiting[name] for waiting in self._waiting) / len(self._waiting)
            for name in self._waiting[0]
        }
        self._waiting = []
        self.scalars(step, {f"train/{name}": value for name, value in mean.items()})
        self._table.add({"step": step, **mean})
        if self._on_step is None:
            self._say(step, mean)

    def _say(self, step: int, mean: Mapping[str, float]) -> None:
        left = (self._steps - step) * mean["seconds"] / 60
        parts = " ".join(
            f"{name} {mean[name]:.3f}"
            for name in ("total", "rpn_class", "rpn_box", "box_class", "box", "mask")
        )
        waited = mean["waiting"] / mean["seconds"]
        self.say(
            f"step {step}/{self._steps}  {parts}  rate {mean['learning_rate']:.2g}  "
            f"{mean['seconds']:.2f} s/step, {waited:.0%} waiting for data  {left:.0f} min left"
        )

    def scores(self, step: int, scores: dict[str, float], note: str = "") -> None:
        """Write validation scores, `TOLD` among them."""
        self.scalars(step, {f"validation/{name}": value for name, value in scores.items()})
        told = "  ".join(f"{name} {scores[name]:.3f}" for name in TOLD)
        self.say(f"step {step}  validation  {told}{note}")

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Write values to TensorBoard."""
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writer.flush()

    def histograms(self, step: int, values: Mapping[str, Any]) -> None:
        """Write the distribution of each array to TensorBoard."""
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.histogram(name, value)
        self._writer.flush()

    def images(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        """Write pictures [H, W, 3] uint8 to TensorBoard."""
        with self._writer.as_default(step=step):
            for name, image in images.items():
                tf.summary.image(f"examples/{name}", image[None])
        self._writer.flush()


def _begin_session(start: int, folder: Path) -> None:
    """Tell TensorBoard that steps after `start` come now: where a session has begun before, it
    forgets what it knows of these."""
    begins = SessionLog(status=SessionLog.START)
    writer = EventFileWriter(str(folder))
    writer.add_event(Event(wall_time=time.time(), step=start + 1, session_log=begins))
    writer.close()
