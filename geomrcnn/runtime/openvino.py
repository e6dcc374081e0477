"""Running a bundle's exported graph with OpenVINO; needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import openvino

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.errors import ModelError
from geomrcnn.network.resizing import frame_for
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.batch import to_detections, to_image
from geomrcnn.runtime.detector import Detections


class OpenVinoDetector:
    """A `Detector` around the graph in a bundle."""

    def __init__(self, bundle: Bundle, tile: int) -> None:
        """Compile the graph for square tiles of side `tile` pixels.

        Raises:
            ModelError: the graph cannot be read or compiled.
        """
        self.card = bundle.card
        self.digest = bundle.digest
        self._tile = tile
        self._config = bundle.config()
        self._side = max(frame_for(self._config, tile, tile).array)
        xml, weights = bundle.openvino()
        try:
            core = openvino.Core()
            model = core.read_model(xml, weights)
            model.reshape([1, self._side, self._side, len(bundle.card.bands)])
            # fp32: bfloat16, the plugin's own choice on some processors, moves outlines.
            self._model = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(f"{bundle.path}: OpenVINO cannot run its graph ({reason})") from error

    @property
    def description(self) -> str:
        """Device and precision."""
        return f"OpenVINO CPU {self.card.precision}"

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        """Detections of each tile, in order."""
        return [self._one(tile) for tile in tiles]

    def _one(self, tile: Tile) -> Detections:
        if max(tile.valid.shape) > self._tile:
            raise ValueError(f"a tile of {tile.valid.shape} for a graph of side {self._tile}")
        height, width = tile.valid.shape
        frame = frame_for(self._config, height, width, self._side)
        image = to_image(tile, frame, self._config)
        return to_detections(self._model(image), frame, self._config, self.card.calibration)
