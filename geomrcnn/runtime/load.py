"""Choosing and loading the runtime of a model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.errors import MissingExtraError, ModelError
from geomrcnn.network.quiet import import_tensorflow
from geomrcnn.runtime.detector import Detector

RUNTIMES = ("auto", "openvino", "tensorflow")
PRECISIONS = ("auto", "fp32", "int8")

FAITHFUL = 0.95
"""Agreement with the float32 graph (`bundle.quantisation`) from which int8 runs unasked."""


@dataclass(frozen=True)
class Recipe:
    """A model and how to run it, with nothing left to choose: other processes load the same by it.

    Attributes:
        model: Path of a bundle, absolute, or the name of a shipped one.
        runtime: "openvino" or "tensorflow".
        precision: "fp32" or "int8".
        tile: Side of the tiles to come; None is the card's.
    """

    model: str
    runtime: str
    precision: str
    tile: int | None = None

    def load(self, threads: int | None = None, streams: int | None = None) -> Detector:
        """The detector.

        Args:
            threads: In how many OpenVINO computes; None is as many as there are cores.
            streams: Tiles that OpenVINO looks at side by side, at most.

        Raises:
            ModelError: the model cannot be read or run.
            MissingExtraError: TensorFlow is asked for and not installed.
        """
        bundle = Bundle.open(self.model)
        if self.runtime == "tensorflow":
            try:
                import_tensorflow()
                from geomrcnn.runtime.keras import KerasDetector
            except ModuleNotFoundError as error:
                raise MissingExtraError("train", "the tensorflow runtime") from error
            return KerasDetector.from_bundle(bundle)
        from geomrcnn.runtime.openvino import STREAMS, OpenVinoDetector

        tile = self.tile or bundle.card.tile
        return OpenVinoDetector(bundle, tile, self.precision, threads, streams or STREAMS)


def load_detector(
    model: str | os.PathLike[str] = "fields",
    *,
    runtime: str = "auto",
    precision: str = "auto",
    tile: int | None = None,
    threads: int | None = None,
    streams: int | None = None,
) -> Detector:
    """A detector from a bundle file or the name of a shipped model.

    Args:
        model: Path or name.
        runtime: "openvino", "tensorflow", or "auto", which is OpenVINO.
        precision: What the network computes in: "fp32", "int8", or "auto", which is int8 where
            OpenVINO runs a bundle that has it, near enough to fp32, on a processor made for it.
        tile: Side of the tiles to come, when other than the card's.
        threads: In how many OpenVINO computes; None is as many as there are cores.
        streams: Tiles that OpenVINO looks at side by side, at most; 1 if they come one by one.

    Raises:
        ModelError: no such model, runtime or precision, or the model lacks that precision.
        MissingExtraError: TensorFlow is asked for and not installed.
    """
    return choose(model, runtime=runtime, precision=precision, tile=tile).load(threads, streams)


def choose(
    model: str | os.PathLike[str] = "fields",
    *,
    runtime: str = "auto",
    precision: str = "auto",
    tile: int | None = None,
) -> Recipe:
    """What `load_detector` loads when it is asked for this.

    Raises:
        ModelError: no such model, runtime or precision.
    """
    if runtime not in RUNTIMES:
        raise ModelError(f"no runtime '{runtime}': choose one of {', '.join(RUNTIMES)}")
    if precision not in PRECISIONS:
        raise ModelError(f"no precision '{precision}': choose one of {', '.join(PRECISIONS)}")
    bundle = Bundle.open(model)
    name = os.path.abspath(model) if Path(model) == bundle.path else os.fspath(model)
    if runtime == "tensorflow":
        if precision == "int8":
            raise ModelError("int8 runs on OpenVINO only: choose another --runtime or --precision")
        return Recipe(name, runtime, "fp32", tile)
    if precision == "auto":
        precision = _best_precision(bundle)
    return Recipe(name, "openvino", precision, tile)


def _best_precision(bundle: Bundle) -> str:
    """Of those that the bundle has a graph for."""
    if len(bundle.precisions) == 1:
        return bundle.precisions[0]
    made = bundle.card.quantisation
    if made is None or made.agreement < FAITHFUL:
        return "fp32"
    from geomrcnn.runtime.int8 import int8_pays

    return "int8" if int8_pays() else "fp32"
