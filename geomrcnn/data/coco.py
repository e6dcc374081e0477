"""Reading COCO instance files: polygons and run-length masks, at one ground resolution."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from rasterio.features import shapes
from shapely.geometry import Polygon, shape

from geomrcnn.data.dataset import Instance, PixelType, Sample
from geomrcnn.data.resample import Frame, resample
from geomrcnn.errors import DataError, MissingExtraError
from geomrcnn.raster.source import CLOSE_ENOUGH, RasterSource, open_raster
from geomrcnn.raster.tile import Window
from geomrcnn.vector.polygons import Polygonal, polygonal


@dataclass(frozen=True)
class CocoReport:
    """What was read, and what was wrong with it.

    Attributes:
        images: Images in the file.
        instances: Instances kept, crowds included.
        crowds: Instances marked as crowd.
        repaired: Outlines that crossed themselves and were made valid.
        dropped: Annotations without any area inside their image.
    """

    images: int
    instances: int
    crowds: int
    repaired: int
    dropped: int

    def __str__(self) -> str:
        """The counts in words."""
        crowds = f" ({self.crowds} of them crowds)" if self.crowds else ""
        return (
            f"{self.images} images, {self.instances} objects{crowds}, {self.repaired} outlines "
            f"repaired, {self.dropped} without area dropped"
        )


@dataclass(frozen=True, eq=False)
class _Record:
    """One image of the file: where it lies, its size in pixels, its objects."""

    path: Path
    name: str
    width: int
    height: int
    gsd: float | None
    instances: tuple[Instance, ...]


class CocoDataset:
    """A COCO instances file and its images.

    Categories become classes 1..C by rising category id. Boxes and areas written in the file are
    not used: they follow from the outlines.

    Attributes:
        classes: Names of classes 1..C.
        report: Counts of what was kept, repaired and dropped.
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
        else its "gsd" in the file, else what its georeference says. Only the last is measured
        across and down, so that pixels which are not square on the ground become so.

        Args:
            path: The JSON file. Images lie relative to its folder, or in `images` in or beside it.
            gsd: Bring images and outlines to this many metres a pixel. An image whose own GSD is
                unknown is taken as it is. None leaves every image as it is.
            gsd_by_name: Known GSDs in metres, for images with no or a wrong georeference.
            bands: Numbers from 1 of the bands to read of every image, in that order; None is all
                but alpha.

        Raises:
            DataError: the file or an image is missing, or the file or a GSD makes no sense.
        """
        if gsd is not None and not gsd > 0:
            raise DataError(f"the GSD to train at must be positive metres, not {gsd:g}")
        self._path = Path(path)
        self._gsd = gsd
        self._bands = bands
        document = _read_json(self._path)
        try:
            categories = sorted(document["categories"], key=lambda c: int(c["id"]))
            self.classes: tuple[str, ...] = tuple(str(c["name"]) for c in categories)
            class_ids = {int(c["id"]): place for place, c in enumerate(categories, start=1)}
            self._records, self.report = _read_records(
                document, class_ids, self._path.parent, gsd_by_name or {}
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{self._path}: not a COCO instances file ({type(error).__name__}: {error})"
            ) from error

    def __len__(self) -> int:
        """Number of images."""
        return len(self._records)

    def name(self, index: int) -> str:
        """The image's file name, as the JSON file has it."""
        return self._records[index].name

    def pixel_type(self, index: int) -> PixelType:
        """What the pixels of image `index` are.

        Raises:
            RasterError: the image cannot be opened.
        """
        with open_raster(self._records[index].path, bands=self._bands) as source:
            return PixelType(source.dtype, source.band_names)

    def gsd(self, index: int) -> float | None:
        """Metres a pixel of `sample(index)`; None when unknown.

        Raises:
            RasterError: the image cannot be opened.
        """
        record = self._records[index]
        if record.gsd is not None:
            return record.gsd if self._zoom(record) is None else self._gsd
        with open_raster(record.path, gsd=self._gsd) as view:
            return view.gsd

    def sample(self, index: int) -> Sample:
        """Image `index` with its objects, at the dataset's GSD.

        Nodata is 0, as when a model runs on a raster.

        Raises:
            DataError: the image has another size than the file says.
            RasterError: the image cannot be read.
        """
        record = self._records[index]
        with open_raster(record.path, bands=self._bands) as native:
            if (native.width, native.height) != (record.width, record.height):
                raise DataError(
                    f"{record.path}: the image is {native.width}x{native.height} pixels, "
                    f"{self._path.name} says {record.width}x{record.height}"
                )
            if record.gsd is not None:
                sample = _read(native, record.instances)
                zoom = self._zoom(record)
                return sample if zoom is None else _scaled(sample, zoom)
            with open_raster(record.path, gsd=self._gsd, bands=self._bands) as view:
                old, new = _pixel_sides(native), _pixel_sides(view)
                instances = _stretched(record.instances, old[0] / new[0], old[1] / new[1])
                return _read(view, instances)

    def _zoom(self, record: _Record) -> float | None:
        """Pixels wanted for each pixel of an image whose GSD was told; None to leave it alone."""
        if self._gsd is None or record.gsd is None:
            return None
        zoom = record.gsd / self._gsd
        return None if abs(1 / zoom - 1) <= CLOSE_ENOUGH else zoom


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise DataError(f"{path}: not a JSON file ({error})") from error


def _read_records(
    document: Any, class_ids: Mapping[int, int], folder: Path, gsds: Mapping[str, float]
) -> tuple[list[_Record], CocoReport]:
    """Images with their repaired objects, in the file's order."""
    annotations: dict[int, list[Any]] = {int(image["id"]): [] for image in document["images"]}
    for annotation in document["annotations"]:
        annotations[int(annotation["image_id"])].append(annotation)
    records, repaired = [], 0
    for image in document["images"]:
        name, width, height = str(image["file_name"]), int(image["width"]), int(image["height"])
        instances = []
        for annotation in annotations[int(image["id"])]:
            geometry, mended = _outline(annotation["segmentation"], width, height)
            repaired += mended
            if not geometry.is_empty:
                class_id = class_ids[int(annotation["category_id"])]
                crowd = bool(annotation.get("iscrowd", 0))
                instances.append(Instance(geometry, class_id, crowd))
        gsd = gsds.get(name, image.get("gsd"))
        known = None if gsd is None else float(gsd)
        if known is not None and not known > 0:
            raise DataError(f"image {name}: its GSD must be positive metres, not {known:g}")
        path = _find_image(folder, name)
        records.append(_Record(path, name, width, height, known, tuple(instances)))
    kept = [instance for record in records for instance in record.instances]
    return records, CocoReport(
        images=len(records),
        instances=len(kept),
        crowds=sum(instance.crowd for instance in kept),
        repaired=repaired,
        dropped=len(document["annotations"]) - len(kept),
    )


def _find_image(folder: Path, name: str) -> Path:
    places = (folder / name, folder / "images" / name, folder.parent / "images" / name)
    for path in places:
        if path.is_file():
            return path
    raise DataError(f"image {name} not found: looked for {', '.join(map(str, places))}")


def _outline(segmentation: Any, width: int, height: int) -> tuple[Polygonal, bool]:
    """The valid outline of an annotation within its image, and whether it needed repair.

    It is empty where the annotation has no area in the image.
    """
    if isinstance(segmentation, dict):
        outline, mended = _mask_outline(segmentation), False
    else:
        rings = [np.reshape(ring, (-1, 2)) for ring in segmentation]
        polygons = [Polygon(ring) for ring in rings if len(ring) >= 3]
        mended = not all(polygon.is_valid for polygon in polygons)
        parts = [part for p in polygons if not (part := polygonal(p)).is_empty]
        outline = parts[0] if len(parts) == 1 else polygonal(shapely.union_all(parts))
    if outline.is_empty:
        return outline, mended
    x1, y1, x2, y2 = outline.bounds
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        outline = polygonal(shapely.intersection(outline, shapely.box(0, 0, width, height)))
    return outline, mended


def _mask_outline(rle: Any) -> Polygonal:
    """The outline of a run-length mask along the edges of its pixels."""
    try:
        from pycocotools import mask as coco_mask
    except ImportError as error:
        raise MissingExtraError("train", "reading run-length masks") from error
    if isinstance(rle["counts"], list):
        rle = coco_mask.frPyObjects(rle, *rle["size"])
    mask = np.ascontiguousarray(coco_mask.decode(rle))
    parts = [shape(geometry) for geometry, _ in shapes(mask, mask=mask.astype(bool))]
    return polygonal(shapely.union_all(parts))


def _read(source: RasterSource, instances: tuple[Instance, ...]) -> Sample:
    """The whole raster, with these instances."""
    pixels, valid = source.read(Window(0, 0, source.width, source.height))
    return Sample(pixels, instances, None if valid.all() else valid)


def _pixel_sides(source: RasterSource) -> tuple[float, float]:
    """Map units along a pixel's two sides, however the raster is turned."""
    transform = source.transform
    return math.hypot(transform.a, transform.d), math.hypot(transform.b, transform.e)


def _scaled(sample: Sample, zoom: float) -> Sample:
    """The sample with about `zoom` times as many pixels a side: whole pixels, hence "about"."""
    height, width = sample.image.shape[:2]
    rows, columns = max(round(height * zoom), 1), max(round(width * zoom), 1)
    whole = Frame(0, 0, width, height)
    image = resample(sample.image, whole, rows, columns)
    valid = sample.valid
    if valid is not None:
        share = resample(valid[..., None].astype(np.float32), whole, rows, columns)
        valid = share[..., 0] >= 0.5
    return Sample(image, _stretched(sample.instances, columns / width, rows / height), valid)


def _stretched(instances: tuple[Instance, ...], x: float, y: float) -> tuple[Instance, ...]:
    """The instances with their coordinates multiplied by (x, y)."""
    if not instances:
        return ()
    geometries = shapely.transform([i.geometry for i in instances], lambda xy: xy * [x, y])
    pairs = zip(geometries, instances, strict=True)
    return tuple(Instance(geometry, i.class_id, i.crowd) for geometry, i in pairs)
