"""Images that show a quantiser what a network sees in practice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.errors import DataError
from geomrcnn.inference.bands import opening_for
from geomrcnn.inference.options import tiling
from geomrcnn.network.resizing import frame_for
from geomrcnn.raster.grid import TileGrid, tiles
from geomrcnn.runtime.batch import to_image

T = TypeVar("T")

IMAGES = 48
"""More hardly change the ranges of the activations, and each is a run of the network."""


def calibration_images(
    bundle: Bundle, rasters: Sequence[str | os.PathLike[str]], tile: int | None = None
) -> list[np.ndarray]:
    """Tiles spread evenly over some rasters, as the network takes them.

    Args:
        bundle: The model.
        rasters: Anything that `predict` takes.
        tile: Side of the tiles, by default the model's.

    Returns:
        At most `IMAGES` of [1, H, W, bands] float32, all of one size.

    Raises:
        RasterError: a raster cannot be read or does not fit the model.
        DataError: there is nothing but nodata.
    """
    config = bundle.config()
    side, overlap = tiling(bundle.card, tile, None)
    frame = frame_for(config, side, side)
    share = -(-IMAGES // len(rasters))
    images = []
    for path in rasters:
        with opening_for(bundle.card, path)() as source:
            cells = list(TileGrid(source.width, source.height, side, overlap))
            for found in tiles(source, spread(cells, share)):
                if found.valid.any():
                    images.append(to_image(found, frame, config))
    if not images:
        raise DataError("the images to calibrate with hold nothing but nodata")
    return spread(images, IMAGES)


def spread(values: Sequence[T], limit: int) -> list[T]:
    """At most `limit` of the values, evenly spaced."""
    places = np.linspace(0, len(values) - 1, min(limit, len(values)))
    return [values[round(place)] for place in places]
