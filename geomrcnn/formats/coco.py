"""COCO instances: polygons in the pixels of their raster, for tools of computer vision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyproj
import shapely
from affine import Affine
from shapely import Polygon

from geomrcnn.errors import DataError, OutputError
from geomrcnn.formats.gdal import PROVENANCE
from geomrcnn.formats.provenance import Provenance, SourceRaster
from geomrcnn.formats.schema import FeatureTable

DECIMALS = 2
"""Of coordinates: a hundredth of a pixel."""


class _Image(NamedTuple):
    """Where the features of a raster go."""

    number: int
    to_raster: pyproj.Transformer | None
    to_pixels: Affine


def write(table: FeatureTable, path: Path, layer: str, provenance: Provenance | None) -> None:
    """Write features as a COCO document: an image a raster, an annotation a feature.

    Annotations also have the features' attributes, the score among them. COCO's polygons have no
    holes, and run lengths of a large raster are no use to anybody: a polygon with holes is cut
    into pieces without. A document has no place for the name of a layer.

    Raises:
        OutputError: if nothing is known of the raster, or a feature's class or raster is none of
            those that are known.
    """
    if provenance is None or not provenance.rasters:
        raise OutputError("COCO has its polygons in pixels, and nothing is known of the raster")
    images = {
        raster.name: _image(number, raster, table.crs)
        for number, raster in enumerate(provenance.rasters, start=1)
    }
    with path.open("w", encoding="utf-8") as file:
        head = json.dumps(_head(provenance), ensure_ascii=False)
        file.write(head.removesuffix("}") + ', "annotations": [')
        for number, annotation in enumerate(_annotations(table, images, provenance.classes), 1):
            file.write(",\n" if number > 1 else "\n")
            json.dump({"id": number, **annotation}, file, ensure_ascii=False)
        file.write("\n]}\n")


def read_provenance(path: Path) -> str:
    """The record of what made a file, from its first line.

    Raises:
        DataError: if the file is not one of ours.
    """
    with path.open(encoding="utf-8") as file:
        line = file.readline()
    head, mark, _ = line.partition(', "annotations": [')
    try:
        return json.dumps(json.loads(head + "}" * bool(mark))["info"][PROVENANCE])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: was not written by geomrcnn") from error


def _head(provenance: Provenance) -> dict[str, Any]:
    return {
        "info": {
            "description": f"Found by the model {provenance.model}",
            "version": provenance.model_version,
            "date_created": provenance.date,
            PROVENANCE: provenance.to_dict(),
        },
        "licenses": [],
        "images": [
            {"id": number, "file_name": raster.name, "width": raster.width, "height": raster.height}
            for number, raster in enumerate(provenance.rasters, start=1)
        ],
        "categories": [
            {"id": k, "name": name, "supercategory": "object"}
            for k, name in enumerate(provenance.classes, start=1)
        ],
    }


def _image(number: int, raster: SourceRaster, crs: pyproj.CRS | None) -> _Image:
    own = None if raster.crs is None else pyproj.CRS.from_user_input(raster.crs)
    if (own is None) != (crs is None):
        raise OutputError(f"only one of the features and {raster.name} is georeferenced")
    transformer = None
    if own is not None and own != crs:
        transformer = pyproj.Transformer.from_crs(crs, own, always_xy=True)
    return _Image(number, transformer, ~Affine(*raster.transform))


def _annotations(
    table: FeatureTable, images: dict[str, _Image], classes: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    categories = {name: number for number, name in enumerate(classes, start=1)}
    only = next(iter(images)) if len(images) == 1 else None
    for attributes, geometry in table.batches:
        for row, shape in zip(attributes.to_pylist(), geometry, strict=True):
            name, raster = row.pop("class"), row.get("raster") or only
            if name not in categories:
                raise OutputError(f"there is no class '{name}' among the model's")
            if raster not in images:
                raise OutputError(f"nothing is known of the raster '{raster}' of a feature")
            image = images[raster]
            pixels = _in_pixels(shape, image)
            yield {"image_id": image.number, "category_id": categories[name], "iscrowd": 0,
                   **_outline(pixels), **row}  # fmt: skip


def _in_pixels(shape: shapely.Geometry, image: _Image) -> shapely.Geometry:
    def moved(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        if image.to_raster is not None:
            x, y = image.to_raster.transform(x, y)
        return np.column_stack(image.to_pixels @ (x, y))

    return shapely.transform(shape, moved)


def _outline(shape: shapely.Geometry) -> dict[str, Any]:
    x1, y1, x2, y2 = shape.bounds
    pieces = [piece for part in shapely.get_parts(shape) for piece in solid(part)]
    rings = (shapely.get_coordinates(piece.exterior)[:-1] for piece in pieces)
    return {
        "segmentation": [np.round(ring, DECIMALS).ravel().tolist() for ring in rings],
        "area": round(shape.area, DECIMALS),
        "bbox": [round(value, DECIMALS) for value in (x1, y1, x2 - x1, y2 - y1)],
    }


def solid(polygon: Polygon) -> list[Polygon]:
    """Polygons without holes that cover together what a polygon with holes covers."""
    if not polygon.interiors:
        return [polygon]
    west, south, east, north = polygon.bounds
    left, _, right, _ = polygon.interiors[0].bounds
    middle = (left + right) / 2
    halves = (shapely.box(west, south, middle, north), shapely.box(middle, south, east, north))
    parts = shapely.get_parts(shapely.intersection(polygon, halves))
    # An edge along the cut may leave a line or a point, too.
    parts = shapely.get_parts(parts)
    return [piece for part in parts if isinstance(part, Polygon) for piece in solid(part)]
