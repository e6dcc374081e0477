"""Running a bundle's exported graph with OpenVINO; needs no TensorFlow."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from queue import SimpleQueue

import numpy as np
import openvino

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.errors import ModelError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.resizing import frame_for
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.batch import to_detections, to_image
from geomrcnn.runtime.detector import Detections
from geomrcnn.runtime.graph import make_quick
from geomrcnn.runtime.graph.least_score import ANY, ask_for_least_score
from geomrcnn.runtime.memory import available_memory, bytes_for_a_tile, streams_that_fit

STREAMS = 4
"""Tiles to look at side by side, at most, where memory is enough. Two were measured, on two
cores."""

MARGIN = 1e-3
"""Share of a least score that is asked for less, for what rounding and calibration leave open."""


# OpenVINO 2026.4 makes its table of types on first use, and threads that come at the same time wait
# for one another for ever: one holds the interpreter's lock, the other that of the table.
openvino.Type.f32.to_dtype()


class OpenVinoDetector:
    """A `Detector` around a graph in a bundle, which looks at several tiles side by side.

    A core that has a tile to itself waits for no other: on two cores, two tiles side by side take a
    tenth to a fifth less time than one after the other in both.
    """

    def __init__(
        self,
        bundle: Bundle,
        tile: int,
        precision: str = "fp32",
        threads: int | None = None,
        streams: int = STREAMS,
    ) -> None:
        """Compile the graph of a precision for square tiles of side `tile` pixels.

        Args:
            bundle: Where the graph is.
            tile: Side of the tiles.
            precision: Of the graph.
            threads: In how many to compute; None is as many as there are cores.
            streams: Tiles at once, which share the threads; at most one for each, and no more
                than there is memory for.

        Raises:
            ModelError: there is no such graph, or it cannot be read or compiled.
        """
        self.card = bundle.card
        self.digest = bundle.digest
        self._tile = tile
        self._config = bundle.config()
        self._side = max(frame_for(self._config, tile, tile).array)
        self._precision = precision
        self._least = ANY
        xml, weights = bundle.openvino(precision)
        try:
            core = openvino.Core()
            model = core.read_model(xml, weights)
            make_quick(model, [1, self._side, self._side, len(bundle.card.bands)])
            ask_for_least_score(model)
            # Of all that is not int8. The plugin's own choice on some processors is bfloat16, which
            # moves outlines.
            properties: dict[str, object] = {
                "INFERENCE_PRECISION_HINT": "f32",
                "NUM_STREAMS": _streams_for(self._config, self._side, streams, threads),
            }
            if threads is not None:
                # Several processes would all pin their threads to the first cores.
                properties |= {"INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
            self._model = core.compile_model(model, "CPU", properties)
            self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
            for _ in range(self.streams):
                self._idle.put(self._model.create_infer_request())
        # A message that quotes a damaged graph may be no text.
        except (RuntimeError, UnicodeDecodeError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(f"{bundle.path}: OpenVINO cannot run its graph ({reason})") from error

    @property
    def description(self) -> str:
        """Device and precision."""
        return f"OpenVINO CPU {self._precision}"

    @property
    def threads(self) -> int:
        """In how many threads it computes."""
        return int(self._model.get_property("INFERENCE_NUM_THREADS"))

    @property
    def streams(self) -> int:
        """Tiles at once: `detect` may be called from as many threads."""
        return int(self._model.get_property("NUM_STREAMS"))

    def above(self, score: float) -> OpenVinoDetector:
        """The same detector, which leaves out most of what scores less and is the quicker for it.

        It shares all else with this one.
        """
        quicker = copy.copy(self)
        quicker._least = np.float32((1 - MARGIN) * self.card.calibration.before(score))
        return quicker

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        """Detections of each tile, in order."""
        return [self._one(tile) for tile in tiles]

    def _one(self, tile: Tile) -> Detections:
        if max(tile.valid.shape) > self._tile:
            raise ValueError(f"a tile of {tile.valid.shape} for a graph of side {self._tile}")
        height, width = tile.valid.shape
        frame = frame_for(self._config, height, width, self._side)
        image = to_image(tile, frame, self._config)
        request = self._idle.get()
        try:
            # `to_detections` copies the outputs.
            outputs = request.infer([image, self._least], share_inputs=True, share_outputs=True)
            return to_detections(outputs, frame, self._config, self.card.calibration)
        finally:
            self._idle.put(request)


def _streams_for(config: MaskRCNNConfig, side: int, wanted: int, threads: int | None) -> int:
    """Tiles at once; with fewer threads than cores, others want their share of the memory."""
    available = available_memory()
    if available is not None and threads is not None:
        available = int(available * min(1.0, threads / (os.cpu_count() or 1)))
    return streams_that_fit(wanted, bytes_for_a_tile(config, side), available)
