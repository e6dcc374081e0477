"""Choosing and loading the runtime of a model."""

from __future__ import annotations

import os

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.errors import MissingExtraError, ModelError
from geomrcnn.network.quiet import import_tensorflow
from geomrcnn.runtime.detector import Detector

RUNTIMES = ("auto", "openvino", "tensorflow")
PRECISIONS = ("auto", "fp32", "int8")

FAITHFUL = 0.95
"""Agreement with the float32 graph (`bundle.quantisation`) from which int8 runs unasked."""


def load_detector(
    model: str | os.PathLike[str] = "fields",
    *,
    runtime: str = "auto",
    precision: str = "auto",
    tile: int | None = None,
) -> Detector:
    """A detector from a bundle file or the name of a shipped model.

    Args:
        model: Path or name.
        runtime: "openvino", "tensorflow", or "auto", which is OpenVINO.
        precision: What the network computes in: "fp32", "int8", or "auto", which is int8 where
            OpenVINO runs a bundle that has it, near enough to fp32, on a processor made for it.
        tile: Side of the tiles to come, when other than the card's.

    Raises:
        ModelError: no such model, runtime or precision, or the model lacks that precision.
        MissingExtraError: TensorFlow is asked for and not installed.
    """
    if runtime not in RUNTIMES:
        raise ModelError(f"no runtime '{runtime}': choose one of {', '.join(RUNTIMES)}")
    if precision not in PRECISIONS:
        raise ModelError(f"no precision '{precision}': choose one of {', '.join(PRECISIONS)}")
    bundle = Bundle.open(model)
    if runtime == "tensorflow":
        if precision == "int8":
            raise ModelError("int8 runs on OpenVINO only: choose another --runtime or --precision")
        try:
            import_tensorflow()
            from geomrcnn.runtime.keras import KerasDetector
        except ModuleNotFoundError as error:
            raise MissingExtraError("train", "the tensorflow runtime") from error
        return KerasDetector.from_bundle(bundle)
    from geomrcnn.runtime.openvino import OpenVinoDetector

    if precision == "auto":
        precision = _best_precision(bundle)
    return OpenVinoDetector(bundle, tile or bundle.card.tile, precision)


def _best_precision(bundle: Bundle) -> str:
    """Of those that the bundle has a graph for."""
    if len(bundle.precisions) == 1:
        return bundle.precisions[0]
    made = bundle.card.quantisation
    if made is None or made.agreement < FAITHFUL:
        return "fp32"
    from geomrcnn.runtime.int8 import int8_pays

    return "int8" if int8_pays() else "fp32"
