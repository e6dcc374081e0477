"""Reading COCO instance files: polygons and run-length masks, at one ground resolution."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Polygon

from geomrcnn.data.dataset import Instance
from geomrcnn.data.image_files import ImageFiles, ImageRecord
from geomrcnn.data.masks import decode_rle, mask_outline
from geomrcnn.data.report import LabelReport, Tally
from geomrcnn.errors import DataError
from geomrcnn.vector.polygons import Polygonal, polygonal


class CocoDataset(ImageFiles):
    """A COCO instances file and its images.

    Categories become classes 1..C by rising category id. Boxes and areas written in the file are
    not used: they follow from the outlines.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        gsd: float | None = None,
        gsd_by_name: Mapping[str, float] | None = None,
        bands: Sequence[int] | None = None,
    ) -> None:
        """Read the annotations; images are read when asked for.

        An image's own GSD is its entry in `gsd_by_name` (keyed by `file_name` as in the file),
        else its "gsd" in the file, else what its georeference says.

        Args:
            path: The JSON file. Images lie relative to its folder, or in `images` in or beside it.
            gsd: As for `ImageFiles`.
            gsd_by_name: Known GSDs in metres, for images with no or a wrong georeference.
            bands: As for `ImageFiles`.

        Raises:
            DataError: the file or an image is missing, or the file or a GSD makes no sense.
        """
        path = Path(path)
        document = _read_json(path)
        names = _categories(path, document)
        ids = {number: place for place, number in enumerate(sorted(names), start=1)}
        images = _read_images(path, document, gsd_by_name or {})
        records, report = _with_objects(path, images, document, ids)
        classes = tuple(names[number] for number in ids)
        super().__init__(classes, records, gsd=gsd, bands=bands, report=report)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a JSON file ({error})") from error


def _entries(path: Path, document: Any, key: str, what: str) -> Iterator[tuple[str, Any]]:
    """The entries of a list in the file, each with what names it in messages.

    Raises:
        DataError: there is no such list, or something in it is no entry.
    """
    entries = document.get(key) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise DataError(f"{path}: not a COCO instances file: it has no list of {key}")
    for place, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise DataError(f"{path}: {what} number {place}: must be an object, as {{...}}")
        name = entry.get("file_name", entry.get("id", f"number {place}"))
        yield f"{path}: {what} {name}", entry


def _categories(path: Path, document: Any) -> dict[int, str]:
    """The names of the categories by their ids.

    Raises:
        DataError: naming the first category that makes no sense, or has the id of another one.
    """
    names: dict[int, str] = {}
    for record, category in _entries(path, document, "categories", "category"):
        number, name = _number(category, "id", record), str(_value(category, "name", record))
        if number in names:
            raise DataError(
                f"{record}: '{name}' has the id of '{names[number]}'; give each category its own"
            )
        names[number] = name
    return names


def _value(entry: Mapping[str, Any], key: str, record: str) -> Any:
    if entry.get(key) is None:
        raise DataError(f"{record}: has no {key}")
    return entry[key]


def _number(entry: Mapping[str, Any], key: str, record: str) -> int:
    value = _value(entry, key, record)
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{record}: its {key} must be a whole number, not {value!r}") from None


def _read_images(path: Path, document: Any, gsds: Mapping[str, float]) -> dict[int, ImageRecord]:
    """The file's images by id, without their objects.

    Raises:
        DataError: naming the first image that is not there, is there twice, or makes no sense.
    """
    records: dict[int, ImageRecord] = {}
    for record, image in _entries(path, document, "images", "image"):
        name, number = str(_value(image, "file_name", record)), _number(image, "id", record)
        if number in records:
            raise DataError(f"{record} has the id {number}, as another one has")
        size = _number(image, "width", record), _number(image, "height", record)
        gsd = _gsd(gsds.get(name, image.get("gsd")), record)
        records[number] = ImageRecord(_find_image(path, name), name, *size, (), gsd)
    return records


def _gsd(value: Any, record: str) -> float | None:
    """Metres a pixel, if they are told."""
    if value is None:
        return None
    try:
        gsd = float(value)
    except (TypeError, ValueError):
        gsd = 0.0
    if not gsd > 0:
        raise DataError(f"{record}: its GSD must be positive metres, not {value!r}")
    return gsd


def _with_objects(
    path: Path, images: Mapping[int, ImageRecord], document: Any, ids: Mapping[int, int]
) -> tuple[list[ImageRecord], LabelReport]:
    """The images with their repaired objects, in the file's order."""
    objects: dict[int, list[Instance]] = {number: [] for number in images}
    tally = Tally()
    for record, annotation in _entries(path, document, "annotations", "annotation"):
        number = _number(annotation, "image_id", record)
        image = images.get(number)
        if image is None:
            raise DataError(f"{record}: there is no image with id {number}")
        category = _number(annotation, "category_id", record)
        if category not in ids:
            raise DataError(f"{record}: there is no category with id {category}")
        outline, mended = _outline(annotation, image, f"{record} of image {image.name}")
        if tally.keeps(outline.area, mended):
            crowd = bool(annotation.get("iscrowd", 0))
            objects[number].append(Instance(outline, ids[category], crowd))
    records = [replace(i, instances=tuple(objects[number])) for number, i in images.items()]
    kept = [instance for record in records for instance in record.instances]
    return records, tally.report(len(records), kept)


def _find_image(path: Path, name: str) -> Path:
    folder = path.parent
    places = (folder / name, folder / "images" / name, folder.parent / "images" / name)
    for place in places:
        if place.is_file():
            return place
    raise DataError(f"{path}: image {name} not found: looked for {', '.join(map(str, places))}")


def _outline(annotation: Any, image: ImageRecord, record: str) -> tuple[Polygonal, bool]:
    """The valid outline of an annotation within its image, and whether it needed repair.

    It is empty where the annotation has no area.

    Raises:
        DataError: naming the `record`, if there is no segmentation, it makes no sense, or lies
            outside the image.
    """
    segmentation = annotation.get("segmentation")
    try:
        if isinstance(segmentation, dict):
            mask = decode_rle(segmentation, image.width, image.height)
            outline, mended = mask_outline(mask), False
        else:
            outline, mended = _polygon_outline(segmentation)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{record}: its segmentation is neither polygons nor a run-length mask of the image "
            f"({error})"
        ) from error
    if outline.is_empty:
        return outline, mended
    x1, y1, x2, y2 = outline.bounds
    if min(x2, y2) <= 0 or x1 >= image.width or y1 >= image.height:
        raise DataError(
            f"{record}: lies outside, at x {x1:g} to {x2:g} and y {y1:g} to {y2:g}; the image has "
            f"{image.width}x{image.height} pixels"
        )
    if x1 < 0 or y1 < 0 or x2 > image.width or y2 > image.height:
        frame = shapely.box(0, 0, image.width, image.height)
        outline = polygonal(shapely.intersection(outline, frame))
    return outline, mended


def _polygon_outline(segmentation: Any) -> tuple[Polygonal, bool]:
    """The area of all rings together, and whether one of them needed repair."""
    rings = [np.reshape(np.asarray(ring, np.float64), (-1, 2)) for ring in segmentation]
    if not all(np.isfinite(ring).all() for ring in rings):
        raise ValueError("a coordinate is not finite")
    polygons = [Polygon(ring) for ring in rings if len(ring) >= 3]
    mended = not all(polygon.is_valid for polygon in polygons)
    parts = [part for p in polygons if not (part := polygonal(p)).is_empty]
    return parts[0] if len(parts) == 1 else polygonal(shapely.union_all(parts)), mended
