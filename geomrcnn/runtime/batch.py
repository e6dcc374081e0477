"""Between tiles and a network's arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from geomrcnn.network.config import SIZE_DIVISOR
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections


def to_image(tile: Tile, mean: tuple[float, ...], side: int = 0) -> np.ndarray:
    """A tile as the network wants it, [1, H, W, bands] float32 raw pixel values.

    Nodata takes the mean colour, which is nothing to the network. Height and width are filled up
    to `side`, or to the next multiple of `SIZE_DIVISOR`, in the same way.
    """
    colour = np.asarray(mean, np.float32)
    image = np.where(tile.valid[..., None], tile.pixels, colour).astype(np.float32)
    wanted = [max(side, -(-n // SIZE_DIVISOR) * SIZE_DIVISOR) for n in image.shape[:2]]
    filled = np.broadcast_to(colour, (*wanted, len(colour))).copy()
    filled[: image.shape[0], : image.shape[1]] = image
    return filled[None]


def to_detections(outputs: Mapping[str, np.ndarray]) -> Detections:
    """The outputs for one image, by the names of `Detections`' fields, copied."""
    return Detections(
        boxes=np.array(outputs["boxes"], np.float32),
        scores=np.array(outputs["scores"], np.float32),
        classes=np.array(outputs["classes"], np.int32),
        masks=np.array(outputs["masks"], np.float32),
    )
