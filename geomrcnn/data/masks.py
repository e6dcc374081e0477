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

from geomrcnn.errors import DataError, GeomrcnnError
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


def decode_rle(rle: Any, width: int, height: int) -> npt.NDArray[np.bool_]:
    """The mask [height, width] of a COCO run-length code, compressed or not.

    Runs of 0 and 1 take turns, column by column. pycocotools is not asked, for it trusts them to
    fill the mask, and shows memory that is not its own where they do not.

    Raises:
        KeyError, TypeError, ValueError: it is no such code, or that of a mask of another size.
    """
    if list(rle["size"]) != [height, width]:
        raise ValueError(f"its size is {rle['size']}, that of the image [{height}, {width}]")
    runs = rle["counts"]
    runs = _unpacked(runs) if isinstance(runs, str) else np.asarray(runs)
    if runs.dtype.kind not in "iu" or runs.min(initial=0) < 0 or runs.sum() != width * height:
        raise ValueError(f"its counts are no runs of {width * height} pixels together")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _unpacked(text: str) -> npt.NDArray[np.int64]:
    """The runs that COCO's compressed text stands for.

    A character is 48 and six bits: five of a number, the lowest first, and whether more follow;
    the highest bit of a number is its sign. From the fourth on, numbers are differences to the run
    before the last (`rleToString` of pycocotools).

    Raises:
        ValueError: it is no such text.
    """
    bits = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(bits & 32 == 0)
    if not len(ends) or ends[-1] != len(bits) - 1 or bits.min() < 0 or bits.max() > 63:
        raise ValueError("its counts are no compressed runs")
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(len(bits)) - np.repeat(starts, ends - starts + 1)
    numbers = np.add.reduceat((bits & 31) << 5 * places, starts)
    runs: npt.NDArray[np.int64] = numbers - ((bits[ends] & 16) << 5 * places[ends] + 1)
    runs[1::2], runs[2::2] = np.cumsum(runs[1::2]), np.cumsum(runs[2::2])
    return runs


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
        with open_raster(path, bands=[1], indices=True) as source:
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
