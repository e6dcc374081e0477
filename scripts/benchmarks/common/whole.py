"""A prediction as users make it: the command, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from geomrcnn.inference.ahead import side_by_side
from geomrcnn.inference.options import Options
from geomrcnn.inference.survey import FAINT, Survey, open_survey
from geomrcnn.raster.tile import Tile
from geomrcnn.raster.tile_reader import TileReader
from geomrcnn.runtime import load_detector
from geomrcnn.runtime.detector import heard_above
from geomrcnn.runtime.openvino import OpenVinoDetector

SAMPLE, UNSEEN = 32, 2
"""Tiles that the network's own time is taken from, and how many each stream is shown before."""


@dataclass(frozen=True)
class Whole:
    """What a prediction took.

    Attributes:
        tiles: Tiles that the model saw.
        detections: Objects in all of them.
        objects: Features.
        megapixels: Of the raster at the model's ground sample distance.
        km2: Its area.
        seconds: From opening the raster to the finished file, by the clock.
        first: Seconds from the start of the process to the first tile that is done.
        peak_mb: Largest resident memory of the process.
        network_ms: What the network alone takes for a tile, with nothing beside it.
        device: What ran the model.
    """

    tiles: int
    detections: int
    objects: int
    megapixels: float
    km2: float
    seconds: float
    first: float
    peak_mb: float
    network_ms: float
    device: str

    @property
    def efficiency(self) -> float:
        """The time of the whole over the network's own time."""
        return 1000 * self.seconds / (self.tiles * self.network_ms)


def run_whole(raster: Path | str, model: str, precision: str, tile: int) -> Whole:
    """Predict with the command; before and after, time the network by itself on some of the tiles.

    A machine's speed may drift meanwhile.
    """
    detector = load_detector(model, runtime="openvino", precision=precision, tile=tile)
    assert isinstance(detector, OpenVinoDetector)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_survey(raster, detector, Options(tile=tile)) as survey,
    ):
        before = network_alone(survey, detector)
        events, first, peak = run_command(
            [
                "predict", str(raster), "--out", f"{folder}/out.gpkg", "--model", model,
                "--precision", precision, "--tile", str(tile), "--runtime", "openvino",
            ]
        )  # fmt: skip
        after = network_alone(survey, detector)
        pixels = survey.source.width * survey.source.height
        done, last = events[-1], events[-2]
        return Whole(
            tiles=done["processed"],
            detections=last["objects"],
            objects=done["objects"],
            megapixels=pixels / 1e6,
            km2=pixels * survey.gsd**2 / 1e6,
            seconds=done["seconds"],
            first=first,
            peak_mb=peak,
            network_ms=(before + after) / 2,
            device=done["device"],
        )


def run_command(arguments: Sequence[str]) -> tuple[list[dict[str, Any]], float, float]:
    """Run `geomrcnn` with progress told as JSON.

    Returns:
        What it told, the seconds until the first tile was done, and its peak memory in megabytes.
    """
    began, first, peak, events = time.perf_counter(), 0.0, 0.0, []
    command = [sys.executable, "-m", "geomrcnn", *arguments, "--progress", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            events.append(json.loads(line))
            peak = peak_so_far(process.pid) or peak
            if events[-1]["event"] == "progress" and not first:
                first = time.perf_counter() - began
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"geomrcnn {' '.join(arguments)} failed")
    return events, first, peak or megabytes(usage.ru_maxrss)


def peak_so_far(pid: int) -> float:
    """Peak memory of a process that runs, in megabytes; 0 where the system does not tell.

    What it tells of one that has ended may be the peak of the process that started it.
    """
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peaks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]  # in KiB
    return 1024 * peaks[0] / 1e6 if peaks else 0.0


def megabytes(peak: int) -> float:
    """A peak of resident memory as the system counts it."""
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, others kilobytes
    return peak * unit / 1e6


def network_alone(survey: Survey, detector: OpenVinoDetector) -> float:
    """Milliseconds to a tile if the network does nothing else than look, at several side by side.

    The mean over some tiles that are spread evenly.
    """
    cells = [cell for cell in survey.grid if survey.wanted[cell.row, cell.column]]
    places = np.unique(np.linspace(0, len(cells) - 1, SAMPLE).astype(int))
    reader = TileReader(survey.source)
    read = (reader.read(cells[place]) for place in places)
    tiles = [tile for tile in read if tile.valid.any()]
    heard = heard_above(detector, FAINT * survey.min_score)

    def look(tiles: Sequence[Tile]) -> None:
        for _ in side_by_side(lambda tile: heard.detect([tile]), tiles, detector.streams):
            pass

    look((tiles * UNSEEN)[: UNSEEN * detector.streams])
    began = time.perf_counter()
    look(tiles)
    return 1000 * (time.perf_counter() - began) / len(tiles)
