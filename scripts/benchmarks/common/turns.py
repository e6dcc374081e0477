"""A prediction whose stages take turns in one thread, so that each can be timed by itself.

Reading, looking, merging and writing otherwise run side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from geomrcnn.bundle.card import ModelCard
from geomrcnn.inference import looking, survey
from geomrcnn.inference import predict as prediction
from geomrcnn.inference.journal import Journal
from geomrcnn.inference.options import Options, Report
from geomrcnn.inference.predict import predict_to_file
from geomrcnn.raster.tile import Tile
from geomrcnn.raster.tile_reader import TileReader
from geomrcnn.runtime import Detections, Detector, openvino
from geomrcnn.runtime.detector import heard_above
from geomrcnn.vector import merge, settle
from scripts.benchmarks.common.stopwatch import Spent, StopWatch
from tests.oracles.detector import OracleDetector

NETWORK, TRUTH, REST = "network", "(the detector that knows)", "all but the network"

STAGES: dict[str, Sequence[tuple[Any, str]]] = {
    "read": [(TileReader, "read")],
    "to the network": [(openvino, "to_image")],
    "from the network": [(openvino, "to_detections")],
    "keep what counts": [(looking, "keep")],
    "journal": [(Journal, "add")],
    "merge": [(merge.Merger, "add")],
    "contour": [(merge, "outline"), (settle, "outline")],
    "simplify": [(survey, "shape")],
    "to the map": [(survey, "to_features")],
    "write": [(prediction, "write_features")],
}
"""Where each stage is called. What one calls of another counts for the other; the last is around
all of them, so the rest is in it."""


class Witness:
    """Lets a model look at a tile, and reports what a detector saw that knows the truth.

    Without a model nobody looks; without a truth, what the model sees counts. The card is the
    model's in any case.
    """

    digest, description = "1", "a model and a detector that knows, in turns"

    def __init__(
        self,
        card: ModelCard,
        model: Detector | None,
        truth: OracleDetector | None,
        watch: StopWatch,
    ) -> None:
        self.card = card
        self._model, self._truth, self._watch = model, truth, watch

    def above(self, score: float) -> Witness:
        """The same, with a model that leaves out what scores less."""
        model = self._model and heard_above(self._model, score)
        return Witness(self.card, model, self._truth, self._watch)

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        """What is in each tile."""
        found: list[Detections] = []
        if self._model is not None:
            with self._watch.stage(NETWORK):
                found = self._model.detect(tiles)
        if self._truth is not None:
            with self._watch.stage(TRUTH):
                found = self._truth.detect(tiles)
        return found


@contextmanager
def timed(watch: StopWatch) -> Iterator[None]:
    """Count meanwhile what every stage takes, and let them take turns."""
    with mock.patch.object(looking, "ahead", lambda stage, *_: stage()):
        patches = [
            mock.patch.object(owner, name, watch.around(stage, getattr(owner, name)))
            for stage, places in STAGES.items()
            for owner, name in places
        ]
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()


def take_turns(
    raster: Path | str, out: Path, detector: Witness, watch: StopWatch, tile: int
) -> Report:
    """Predict in one thread, with every stage timed."""
    with timed(watch):
        return predict_to_file(raster, out, detector, Options(tile=tile))


def milliseconds(watch: StopWatch, tiles: int, threads: int = 1) -> dict[str, dict[str, float]]:
    """By stage what a tile takes by the clock ("wall") and of processors ("cpu").

    The network comes first, where there is one, and the sum of all else last.

    Args:
        watch: What the stages took.
        tiles: How many tiles that was.
        threads: In which the network computes, by which its processor time is divided: what the
            clock would say if it had them all to itself. All else has one.
    """
    rows = {}
    for name in (NETWORK, *STAGES):
        spent = watch.spent.get(name, Spent())
        cpu = spent.process / threads if name == NETWORK else spent.thread
        rows[name] = {"wall": 1000 * spent.wall / tiles, "cpu": 1000 * cpu / tiles}
    rows[REST] = {
        unit: sum(row[unit] for name, row in rows.items() if name != NETWORK)
        for unit in ("wall", "cpu")
    }
    return rows
