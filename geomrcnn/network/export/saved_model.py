"""A network as a SavedModel, which TensorFlow serves without our code."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from geomrcnn.network.export.tracing import detection_function
from geomrcnn.network.mask_rcnn import MaskRCNN


def write_saved_model(model: MaskRCNN, folder: Path, side: int | None = None) -> None:
    """Write `folder`; the other arguments as for `detection_function`.

    It has two signatures, which differ in the type of "images" only: "serving_default" takes
    float32, "uint8" bytes.
    """
    detect = detection_function(model, side)
    (images,) = detect.input_signature
    of_bytes = tf.function(
        lambda images: detect(tf.cast(images, tf.float32)),
        input_signature=[tf.TensorSpec(images.shape, tf.uint8, name="images")],
    )
    module = tf.Module()
    # The bare variables, without Keras, whose layers would be saved as functions of their own.
    module.kept = [weight.value for weight in model.variables]
    signatures = {"serving_default": detect, "uint8": of_bytes}
    tf.saved_model.save(module, str(folder), signatures)
