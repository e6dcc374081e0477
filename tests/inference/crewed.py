"""Detectors for crews, and a run with one: python -m tests.inference.crewed RASTER OUT SECONDS N.

Workers import this by its name, so nothing in it is a test.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from geomrcnn.cli.ending import wind_up_when_terminated
from geomrcnn.cli.main import run
from geomrcnn.errors import ModelError
from geomrcnn.inference.cluster import local_crew
from geomrcnn.inference.options import Options
from geomrcnn.inference.predict import predict_to_file
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections
from tests.inference.patient import Patient


@dataclass(frozen=True)
class Slow:
    """An oracle that thinks before each tile."""

    seconds: float = 0.0

    def load(self, threads: int | None = None) -> Patient:
        return Patient(self.seconds)


class Doomed(Patient):
    """Takes its process with it after three tiles, unless a file says that it is enough."""

    def __init__(self, grave: Path, enough: int) -> None:
        super().__init__(0.0)
        self.grave, self.enough = grave, enough

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        found = super().detect(tiles)
        if len(self.seen) >= 3 and self._is_next():
            with self.grave.open("ab") as file:
                file.write(b"+")
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    def _is_next(self) -> bool:
        """Take a place in the grave, if one is left: two may want the same one at once."""
        for number in range(self.enough):
            with suppress(FileExistsError):
                self.grave.with_name(f"{self.grave.name}-{number}").touch(exist_ok=False)
                return True
        return False


@dataclass(frozen=True)
class Mortal:
    """A worker of which as many die as `enough` says."""

    grave: Path
    enough: int

    def load(self, threads: int | None = None) -> Doomed:
        return Doomed(self.grave, self.enough)


@dataclass(frozen=True)
class Broken:
    """A model that cannot be loaded."""

    def load(self, threads: int | None = None) -> Patient:
        raise ModelError("fields.zip: holds no graph")


@click.command()
@click.argument("raster")
@click.argument("out")
@click.argument("seconds", type=float)
@click.argument("workers", type=int)
def main(raster: str, out: str, seconds: float, workers: int) -> None:
    """Print the number of tiles after each."""
    with local_crew(workers, Slow(seconds), Patient.digest) as crew:
        predict_to_file(
            raster, out, Patient(0.0), Options(), crew=crew,
            on_progress=lambda now: print(now.done, flush=True),
        )  # fmt: skip


if __name__ == "__main__":
    # A shell that runs the tests in the background has it ignored, for all its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wind_up_when_terminated()
    sys.exit(run(main))
