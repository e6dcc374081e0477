"""What a run tells while it trains: TensorBoard events, a CSV file and lines on the screen."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf


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
    ) -> None:
        """Write to `folder`/tensorboard and `folder`/losses.csv.

        Args:
            folder: The run's directory.
            steps: Steps of the run, for the share done.
            start: Steps done before; what the table says of later ones is dropped, for they are
                about to be done again.
            every: Steps to a report.
            say: Prints a line.
        """
        self._writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
        self._table = folder / "losses.csv"
        self._steps, self._every, self._say = steps, every, say
        self._waiting: list[dict[str, float]] = []
        self._forget_after(start)

    def step(self, step: int, values: dict[str, float]) -> None:
        """Take in a step; report when enough have come."""
        self._waiting.append(values)
        if step % self._every and step != self._steps:
            return
        mean = {
            name: sum(waiting[name] for waiting in self._waiting) / len(self._waiting)
            for name in values
        }
        self._waiting = []
        self.scalars(step, {f"train/{name}": value for name, value in mean.items()})
        self._append({"step": step, **mean})
        left = (self._steps - step) * mean["seconds"] / 60
        parts = " ".join(
            f"{name} {mean[name]:.3f}"
            for name in ("total", "rpn_class", "rpn_box", "box_class", "box", "mask")
        )
        self._say(
            f"step {step}/{self._steps}  {parts}  rate {mean['learning_rate']:.2g}  "
            f"{mean['seconds']:.2f} s/step  {left:.0f} min left"
        )

    def scores(self, step: int, scores: dict[str, float]) -> None:
        """Write validation scores."""
        self.scalars(step, {f"validation/{name}": value for name, value in scores.items()})
        self._say(
            f"step {step}  validation  "
            + "  ".join(f"{name} {value:.3f}" for name, value in scores.items())
        )

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Write values to TensorBoard."""
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writer.flush()

    def _forget_after(self, step: int) -> None:
        if not self._table.exists():
            return
        header, *rows = self._table.read_text().splitlines()
        kept = [row for row in rows if int(row.split(",")[0]) <= step]
        self._table.write_text("\n".join([header, *kept]) + "\n")

    def _append(self, row: dict[str, float]) -> None:
        fresh = not self._table.exists()
        with self._table.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
