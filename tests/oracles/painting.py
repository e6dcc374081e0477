"""Objects painted into a raster, and a detector that finds them again by looking."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio.features
from affine import Affine
from scipy import ndimage
from shapely import Polygon

from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections
from geomrcnn.vector.canvas import paste
from geomrcnn.vector.instance import Box
from tests.oracles.detector import card
from tests.rasters import write_raster

FINER = 4


def paint(truth: Sequence[Polygon], width: int, height: int) -> np.ndarray:
    """[height, width] uint8: 255 times the share of each pixel that polygons, in pixels, cover."""
    fine = rasterio.features.rasterize(
        truth, out_shape=(height * FINER, width * FINER), transform=Affine.scale(1 / FINER)
    )
    share = fine.reshape(height, FINER, width, FINER).mean((1, 3))
    return np.rint(255 * share).astype(np.uint8)


def write_painting(
    path: Path, truth: Sequence[Polygon], width: int, height: int, **profile: object
) -> Path:
    """Write polygons, in pixels, as a GeoTIFF with three equal bands."""
    grey = paint(truth, width, height)
    return write_raster(path, np.stack([grey] * 3), **profile)  # type: ignore[arg-type]


class LookingDetector:
    """Finds bright blobs on black; knows nothing but the pixels it is given."""

    description = "eyes"
    digest = "1"

    def __init__(self, **changes: object) -> None:
        self.card = card(**changes)

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        return [self._detect(tile.pixels[..., 0] / 255.0) for tile in tiles]

    def _detect(self, light: np.ndarray) -> Detections:
        labels, _ = ndimage.label(light > 0)
        boxes, masks = [], []
        height, width = light.shape
        for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
            blob = np.where(labels == label, light, 0)
            if blob.sum() < 20:
                continue
            y1, y2, x1, x2 = rows.start, rows.stop, columns.start, columns.stop
            cells = (np.arange(56) + 0.5) / 56
            whole = Box(0, 0, width, height)
            masks.append(paste(blob, whole, x1 + cells * (x2 - x1), y1 + cells * (y2 - y1)))
            boxes.append((x1, y1, x2, y2))
        count = len(boxes)
        return Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(count, 0.9, np.float32),
            np.ones(count, np.int32),
            np.array(masks, np.float32).reshape(-1, 56, 56),
        )
