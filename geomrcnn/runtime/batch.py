"""Between tiles and a network's arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from geomrcnn.bundle.calibration import Calibration
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.resizing import Frame, boxes_in_image, place
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections


def to_image(tile: Tile, frame: Frame, config: MaskRCNNConfig) -> np.ndarray:
    """A tile as the network wants it, [1, H, W, bands] float32 raw pixel values.

    Nodata takes the mean colour, which is nothing to the network.
    """
    colour = np.asarray(config.pixel_mean, np.float32)
    image = tile.pixels.astype(np.float32)
    if not tile.valid.all():
        nodata = ~tile.valid
        for band, value in enumerate(colour):  # several times as quick as all bands at once
            image[..., band][nodata] = value
    whole_numbers = np.issubdtype(tile.pixels.dtype, np.integer)
    return place(image, frame, config, whole_numbers=whole_numbers)[None]


def to_detections(
    outputs: Mapping[str, np.ndarray],
    frame: Frame,
    config: MaskRCNNConfig,
    calibration: Calibration,
) -> Detections:
    """The outputs for one image, by the names of `Detections`' fields, copied and calibrated."""
    return Detections(
        boxes=boxes_in_image(np.asarray(outputs["boxes"]), frame, config),
        scores=calibration(np.array(outputs["scores"], np.float32)),
        classes=np.array(outputs["classes"], np.int32),
        masks=np.array(outputs["masks"], np.float32),
    )
