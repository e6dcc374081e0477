"""The size of the array that a network sees of a tile."""

from __future__ import annotations

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.network.resizing import frame_for


def array_side(bundle: Bundle, tile: int) -> int:
    """Side of the square array, in pixels; other than `tile` where the network resizes."""
    config = bundle.config()
    return max(frame_for(config, tile, tile).array)
