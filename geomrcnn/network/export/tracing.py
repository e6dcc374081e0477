"""A network as one TensorFlow function, which every exporter starts from."""

from __future__ import annotations

import tensorflow as tf

from geomrcnn.network.mask_rcnn import MaskRCNN

OUTPUTS = ("boxes", "classes", "masks", "scores")
"""The fields of `DetectedObjects` that say something about one image, in alphabetical order.

TensorFlow flattens dictionaries by their sorted keys, so this is the order everywhere.
"""


def detection_function(
    model: MaskRCNN, side: int | None = None
) -> tf.types.experimental.PolymorphicFunction:
    """A function from images [1, H, W, bands] float32 to a dictionary of `OUTPUTS`.

    Args:
        model: The network.
        side: Height and width of the images, a multiple of 32; None leaves them free.
    """
    shape = [1, side, side, model.config.bands]

    def detect(images: tf.Tensor) -> dict[str, tf.Tensor]:
        found = model(images)
        return {name: getattr(found, name) for name in OUTPUTS}

    return tf.function(detect, input_signature=[tf.TensorSpec(shape, tf.float32, name="images")])
