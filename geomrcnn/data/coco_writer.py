"""Writing COCO instance files that pycocotools and other tools read."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from geomrcnn.data.dataset import Instance
from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.errors import MissingExtraError
from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import Polygonal

DECIMALS = 2
"""Of coordinates: a hundredth of a pixel."""


class CocoFile:
    """Collects images and their objects into a COCO document."""

    def __init__(self, classes: tuple[str, ...], description: str) -> None:
        """Begin a document; class k has the category id k."""
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._head = {"info": {"description": description}, "licenses": []}
        self._categories = [
            {"id": k, "name": name, "supercategory": "object"} for k, name in enumerate(classes, 1)
        ]

    def add(
        self,
        name: str,
        width: int,
        height: int,
        instances: tuple[Instance, ...],
        gsd: float | None,
    ) -> None:
        """Add an image, relative to the document's folder, with its objects.

        Raises:
            MissingExtraError: an object needs a run-length mask, and pycocotools is not there.
        """
        number = len(self._images) + 1
        image: dict[str, Any] = {
            "id": number, "file_name": name, "width": width, "height": height
        }  # fmt: skip
        if gsd is not None:
            image["gsd"] = gsd
        self._images.append(image)
        for instance in instances:
            x1, y1, x2, y2 = instance.box
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "image_id": number,
                    "category_id": instance.class_id,
                    "iscrowd": int(instance.crowd),
                    "segmentation": segmentation(instance, width, height),
                    "area": round(instance.geometry.area, DECIMALS),
                    "bbox": [round(v, DECIMALS) for v in (x1, y1, x2 - x1, y2 - y1)],
                }
            )

    def document(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""
        return {
            **self._head,
            "images": self._images,
            "annotations": self._annotations,
            "categories": self._categories,
        }


def segmentation(instance: Instance, width: int, height: int) -> Any:
    """Polygons, or a compressed run-length mask for what they cannot say.

    COCO's polygons have no holes.
    """
    parts = shapely.get_parts(instance.geometry)
    if shapely.get_num_interior_rings(parts).any():
        return _run_lengths(instance.geometry, width, height)
    rings = (shapely.get_coordinates(part.exterior)[:-1] for part in parts)
    return [np.round(ring, DECIMALS).ravel().tolist() for ring in rings]


def _run_lengths(geometry: Polygonal, width: int, height: int) -> dict[str, Any]:
    try:
        from pycocotools import mask as coco_mask
    except ImportError as error:
        raise MissingExtraError("train", "writing run-length masks") from error
    mask = pixel_mask(geometry, Window(0, 0, width, height))
    code = coco_mask.encode(np.asfortranarray(mask))
    return {"size": [height, width], "counts": code["counts"].decode("ascii")}
