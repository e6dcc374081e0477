"""Running a network with Keras on TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.bundle.card import ModelCard
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.resizing import frame_for
from geomrcnn.network.weights.own import assign_weights
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.batch import to_detections, to_image
from geomrcnn.runtime.detector import Detections


def network_of(bundle: Bundle) -> MaskRCNN:
    """The network of a bundle with its weights.

    Raises:
        ModelError: the weights do not fit the network.
    """
    model = MaskRCNN(bundle.config())
    assign_weights(model, bundle.weights(), str(bundle.path))
    return model


class KerasDetector:
    """A `Detector` around a `MaskRCNN`."""

    def __init__(self, model: MaskRCNN, card: ModelCard, digest: str = "") -> None:
        """Trace nothing yet: the first tile does."""
        self.card = card
        self.digest = digest
        self._model = model
        self._detect = tf.function(
            lambda images, windows: model(images, windows)._asdict(), reduce_retracing=True
        )

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> KerasDetector:
        """The network of a bundle with its weights.

        Raises:
            ModelError: the weights do not fit the network.
        """
        return cls(network_of(bundle), bundle.card, bundle.digest)

    @property
    def description(self) -> str:
        """Device and precision."""
        device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        return f"TensorFlow {device} fp32"

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        """Detections of each tile, in order."""
        return [self._one(tile) for tile in tiles]

    def _one(self, tile: Tile) -> Detections:
        config = self._model.config
        frame = frame_for(config, *tile.valid.shape)
        image = tf.constant(to_image(tile, frame, config))
        # As exported graphs do, "aligned" takes padding for a part of the image.
        window = None if config.geometry == "aligned" else tf.constant(frame.window[None])
        return to_detections(self._detect(image, window), frame, config, self.card.calibration)
