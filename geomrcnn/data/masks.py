"""Masks to outlines: along the edges of pixels, so that no pixel changes sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.features import shapes
from shapely import Polygon
from shapely.geometry import shape

from geomrcnn.errors import DataError, GeomrcnnError, MissingExtraError
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import Polygonal, polygonal


def mask_outline(mask: npt.NDArray[Any]) -> Polygonal:
    """The outline of what is not 0 in a mask [H, W]; empty where there is nothing."""
    filled = np.ascontiguousarray(mask != 0, np.uint8)
    if not filled.any():
        return Polygon()
    parts = [shape(geometry) for geometry, _ in shapes(filled, mask=filled.astype(bool))]
    return polygonal(parts[0] if len(parts) == 1 else shapely.union_all(parts))


def decode_rle(rle: Any) -> npt.NDArray[np.uint8]:
    """The mask [H, W] of a COCO run-length code, compressed or not.

    Raises:
        MissingExtraError: pycocotools is not installed.
        KeyError, TypeError, ValueError: it is no such code.
    """
    try:
        from pycocotools import mask as coco_mask
    except ImportError as error:
        raise MissingExtraError("train", "reading run-length masks") from error
    if isinstance(rle["counts"], list):
        rle = coco_mask.frPyObjects(rle, *rle["size"])
    return np.ascontiguousarray(coco_mask.decode(rle))


def read_mask(path: Path, width: int, height: int, record: str) -> npt.NDArray[np.bool_]:
    """Read the mask of one object: a raster whose first band is not 0 on it.

    Args:
        path: The file.
        width: Columns of the image it belongs to.
        height: Rows of the image.
        record: What names the mask, for messages: "labels.csv, line 3".

    Returns:
        [height, width].

    Raises:
        DataError: there is no such file, it cannot be read, or has another size than the image.
    """
    try:
        with open_raster(path, bands=[1]) as source:
            if (source.width, source.height) != (width, height):
                raise DataError(
                    f"{record}: the mask {path.name} is {source.width}x{source.height} pixels, "
                    f"its image {width}x{height}; they must be equal"
                )
            pixels, _ = source.read(Window(0, 0, width, height))
    except GeomrcnnError as error:
        raise error if isinstance(error, DataError) else DataError(f"{record}: {error}") from error
    filled: npt.NDArray[np.bool_] = pixels[..., 0] != 0
    return filled
