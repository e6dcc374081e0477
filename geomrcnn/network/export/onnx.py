"""A network as an ONNX file, all of it in the standard's own operators."""

from __future__ import annotations

from pathlib import Path

import tf2onnx

from geomrcnn.network.export.plain_operators import plain_operators
from geomrcnn.network.export.tracing import detection_function
from geomrcnn.network.mask_rcnn import MaskRCNN

OPSET = 17
"""Of ONNX 1.12 (2022): old enough for every runtime in use."""


def write_onnx(model: MaskRCNN, path: Path, side: int | None = None) -> None:
    """Write `path`; the other arguments as for `detection_function`."""
    detect = detection_function(model, side)
    with plain_operators():
        tf2onnx.convert.from_function(
            detect, input_signature=detect.input_signature, opset=OPSET, output_path=str(path)
        )
