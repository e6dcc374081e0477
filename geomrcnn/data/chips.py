"""Chips on disk: georeferenced tiles with COCO labels, cut from rasters and a label layer."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from geomrcnn.data.coco_writer import CocoFile
from geomrcnn.data.dataset import PixelType, Sample
from geomrcnn.data.labelled_raster import LabelledRaster
from geomrcnn.data.rasters import CutRasters, RasterDataset
from geomrcnn.data.statistics import common_pixel_type
from geomrcnn.errors import DataError, OutputError
from geomrcnn.formats.folder import check_folder, folder_beside
from geomrcnn.raster.tile import Window

MARK = "chips.json"
"""The file by which a folder of chips is known."""

ANNOTATIONS = "coco.json"
COLOURS = ("red", "green", "blue")


def check_chips(folder: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Find out, before the work begins, whether chips can be written to a folder.

    Raises:
        OutputError: they cannot; a folder of anything but chips is never replaced.
    """
    check_folder(Path(folder), MARK, overwrite)


def write_chips(
    rasters: CutRasters,
    folder: str | os.PathLike[str],
    *,
    gsd: float | None,
    options: Mapping[str, Any],
    overwrite: bool = False,
    on_chip: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Write train, val and test folders of images, each with a coco.json, and chips.json.

    One chip is in memory at a time.

    Args:
        rasters: What to write.
        folder: Appears whole or not at all.
        gsd: What the rasters were read at. Where it is given, coco.json tells the GSD of each
            image; else the georeference has it.
        options: To be kept in chips.json.
        overwrite: Whether to replace a folder of chips.
        on_chip: Called after each chip.

    Returns:
        Counts of each split, as in chips.json.

    Raises:
        OutputError: the folder cannot be written.
        DataError: the rasters have different bands.
        RasterError: a raster cannot be read.
    """
    target = Path(folder)
    check_chips(target, overwrite)
    splits = rasters.splits
    _check_alike(splits)
    with folder_beside(target) as draft:
        stems = _stems(rasters.rasters)
        counts = {
            name: _write_split(draft / name, split, stems, gsd is not None, on_chip)
            for name, split in splits.items()
        }
        record = {
            "options": dict(options),
            "classes": rasters.labels.classes,
            "counts": counts,
            "labels": dataclasses.asdict(rasters.labels.report),
            "labels_unused": rasters.unused,
            "windows_without_data": rasters.cut.without_data,
            "windows_with_fragments_only": rasters.cut.only_crowds,
            "windows_seen_in_another_split": rasters.cut.leaks,
            "block_pixels": rasters.cut.block,
        }
        (draft / MARK).write_text(json.dumps(record, indent=2), encoding="utf-8")
    return counts


def _check_alike(splits: Mapping[str, RasterDataset]) -> None:
    """Refuse rasters of different bands: nothing could be trained on their chips together."""
    first = next(iter(splits.values()))
    model = common_pixel_type(first)
    for split in splits.values():
        other = common_pixel_type(split)
        if (other.dtype, len(other.bands)) != (model.dtype, len(model.bands)):
            raise DataError(
                f"{split.name(0)}: {other}, but {first.name(0)}: {model}; choose bands with --bands"
            )


def _stems(rasters: Sequence[LabelledRaster]) -> list[str]:
    """What the chips' names begin with: the raster's, and a number where two have one name.

    Small and capital letters do not tell names apart: some systems take them for the same.
    """
    names = [PurePath(raster.path).stem for raster in rasters]
    times = Counter(name.casefold() for name in names)
    taken, stems = set(times), []
    for name in names:
        stem, numbers = name, count(1)
        while times[name.casefold()] > 1 and stem.casefold() in taken:
            stem = f"{name}_{next(numbers)}"
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def _write_split(
    folder: Path,
    dataset: RasterDataset,
    stems: Sequence[str],
    tell_gsd: bool,
    on_chip: Callable[[], None],
) -> dict[str, Any]:
    """Images and coco.json of one split; returns its counts."""
    (folder / "images").mkdir(parents=True)
    coco = CocoFile(dataset.classes, "cut by geomrcnn chips")
    objects: Counter[str] = Counter(dict.fromkeys(dataset.classes, 0))
    crowds = negatives = 0
    for index in range(len(dataset)):
        chip, raster, sample = dataset.chip(index), dataset.raster(index), dataset.sample(index)
        place = f"{chip.window.row:05d}_{chip.window.column:05d}"
        name = f"images/{stems[chip.raster]}_{place}.tif"
        _write_image(folder / name, sample, raster, chip.window)
        height, width = sample.image.shape[:2]
        coco.add(name, width, height, sample.instances, raster.gsd if tell_gsd else None)
        whole = [i for i in sample.instances if not i.crowd]
        objects.update(dataset.classes[i.class_id - 1] for i in whole)
        crowds += len(sample.instances) - len(whole)
        negatives += not whole
        on_chip()
    (folder / ANNOTATIONS).write_text(json.dumps(coco.document()), encoding="utf-8")
    counts = {"images": len(dataset), "negatives": negatives, "crowds": crowds}
    return {**counts, "objects": dict(objects)}


def _write_image(path: Path, sample: Sample, raster: LabelledRaster, window: Window) -> None:
    """A chip as a GeoTIFF with the raster's CRS, bands and data type; nodata is masked."""
    height, width, count = sample.image.shape
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": count,
        "dtype": sample.image.dtype,
        "compress": "deflate",
        # TIFF's photometric RGB means the first three samples.
        "photometric": "RGB" if raster.pixels.bands[:3] == COLOURS else "MINISBLACK",
    }
    if raster.crs is not None:
        profile |= {"crs": raster.crs, "transform": _moved(raster.transform, window)}
    try:
        with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", **profile) as file:
                file.colorinterp = _colours(raster.pixels)
                file.descriptions = raster.pixels.bands
                file.write(np.moveaxis(sample.image, 2, 0))
                if sample.valid is not None:
                    file.write_mask(sample.valid)
    except RasterioError as error:
        raise OutputError(f"{path}: cannot be written: {str(error).splitlines()[0]}") from error


def _moved(transform: Affine, window: Window) -> Affine:
    """From the pixels of a window to map coordinates."""
    a, b, c, d, e, f = tuple(transform)[:6]
    x, y = window.column, window.row
    return Affine(a, b, c + a * x + b * y, d, e, f + d * x + e * y)


def _colours(pixels: PixelType) -> tuple[ColorInterp, ...]:
    """What each band stands for; GDAL takes a fourth one that is nothing for alpha."""
    meaning = {name: ColorInterp[name] for name in (*COLOURS, "gray")}
    return tuple(meaning.get(name, ColorInterp.undefined) for name in pixels.bands)
