"""A network as a LiteRT (TensorFlow Lite) file, all of it in built-in operators."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from geomrcnn.network.export.plain_operators import plain_operators
from geomrcnn.network.export.tracing import OUTPUTS, detection_function
from geomrcnn.network.mask_rcnn import MaskRCNN


def write_litert(model: MaskRCNN, path: Path, side: int) -> None:
    """Write `path` for images of [1, side, side, bands]; see `detection_function`."""
    detect = detection_function(model, side)
    with plain_operators():
        traced = detect.get_concrete_function()
    # The converter of TensorFlow 2.21 would keep the variables, and lose their values.
    frozen = convert_variables_to_constants_v2(traced)
    named = tf.function(
        lambda images: dict(zip(OUTPUTS, frozen(images), strict=True)),
        input_signature=detect.input_signature,
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [named.get_concrete_function()], tf.Module()
    )
    path.write_bytes(converter.convert())
