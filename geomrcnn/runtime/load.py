"""Choosing and loading the runtime of a model."""

from __future__ import annotations

import os

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.errors import MissingExtraError, ModelError
from geomrcnn.network.quiet import import_tensorflow
from geomrcnn.runtime.detector import Detector

RUNTIMES = ("auto", "openvino", "tensorflow")


def load_detector(
    model: str | os.PathLike[str] = "fields", *, runtime: str = "auto", tile: int | None = None
) -> Detector:
    """A detector from a bundle file or the name of a shipped model.

    Args:
        model: Path or name.
        runtime: "openvino", "tensorflow", or "auto", which is OpenVINO.
        tile: Side of the tiles to come, when other than the card's.

    Raises:
        ModelError: no such model or runtime.
        MissingExtraError: TensorFlow is asked for and not installed.
    """
    if runtime not in RUNTIMES:
        raise ModelError(f"no runtime '{runtime}': choose one of {', '.join(RUNTIMES)}")
    bundle = Bundle.open(model)
    if runtime == "tensorflow":
        try:
            import_tensorflow()
            from geomrcnn.runtime.keras import KerasDetector
        except ModuleNotFoundError as error:
            raise MissingExtraError("train", "the tensorflow runtime") from error
        return KerasDetector.from_bundle(bundle)
    from geomrcnn.runtime.openvino import OpenVinoDetector

    return OpenVinoDetector(bundle, tile or bundle.card.tile)
