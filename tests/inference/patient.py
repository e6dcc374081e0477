"""A run that takes its time, to be killed: python -m tests.inference.patient RASTER OUT SECONDS."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import click

from geomrcnn.cli.ending import wind_up_when_terminated
from geomrcnn.cli.main import run
from geomrcnn.inference.options import Options
from geomrcnn.inference.predict import predict_to_file
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections
from tests.oracles.detector import OracleDetector
from tests.oracles.scenes import rotated_parcels

SIDE = 900


class Patient(OracleDetector):
    """An oracle that thinks before each tile."""

    def __init__(self, seconds: float) -> None:
        super().__init__(rotated_parcels(SIDE, 150), jitter=1.0, tile=192, overlap=64)
        self.seconds = seconds

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        time.sleep(self.seconds)
        return super().detect(tiles)


def look(raster: Path, out: Path, seconds: float, told: Connection) -> None:
    """The same in a process of multiprocessing: sends the number of tiles after each."""
    predict_to_file(
        raster, out, Patient(seconds), Options(), on_progress=lambda now: told.send(now.done)
    )


@click.command()
@click.argument("raster")
@click.argument("out")
@click.argument("seconds", type=float)
def main(raster: str, out: str, seconds: float) -> None:
    """Print the number of tiles after each, and what became of them at the end."""
    report = predict_to_file(
        raster, out, Patient(seconds), Options(),
        on_progress=lambda now: print(now.done, flush=True),
    )  # fmt: skip
    print(report.tiles, report.resumed, report.processed, report.objects)


if __name__ == "__main__":
    # A shell that runs the tests in the background has it ignored, for all its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wind_up_when_terminated()
    sys.exit(run(main))
