"""One door to training data of every format."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from geomrcnn.data.blocks import SPLITS
from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.csv_table import CsvDataset
from geomrcnn.data.cutting import EVERYTHING, Cutting
from geomrcnn.data.mask_folders import MaskFolders, is_mask_folders
from geomrcnn.data.rasters import cut_rasters
from geomrcnn.data.report import ReportingDataset
from geomrcnn.errors import DataError

AnyPath = str | os.PathLike[str]

COCO_FILES = ("coco.json", "annotation.json")
"""What instance files are called within a folder: by us, and in crowdAI's mapping challenge."""

RECOGNISED = (
    "data can be a COCO .json, a folder with coco.json or annotation.json, a folder made by "
    "geomrcnn chips, a .csv of keras-maskrcnn, a folder of folders with an image and its masks "
    "each, or a raster with --labels"
)


def open_data(
    path: AnyPath | Sequence[AnyPath],
    *,
    gsd: float | None,
    bands: Sequence[int] | None = None,
    labels: AnyPath | Sequence[AnyPath] | None = None,
    attribute: str | None = None,
    classes: Sequence[str] | None = None,
    aoi: AnyPath | None = None,
    cutting: Cutting = EVERYTHING,
) -> ReportingDataset:
    """Open what is to be learnt from: of a folder with splits, the one for training.

    Args:
        path: Data in a format that `open_splits` recognises.
        gsd: As for `open_splits`, and so are all others.
        bands: See there.
        labels: See there.
        attribute: See there.
        classes: See there.
        aoi: See there.
        cutting: How to cut rasters; by default everything is for training.

    Raises:
        GeomrcnnError: in one line that names the file and the record that is wrong.
    """
    return open_splits(
        path,
        gsd=gsd,
        bands=bands,
        labels=labels,
        attribute=attribute,
        classes=classes,
        aoi=aoi,
        cutting=cutting,
    )["train"]


def open_splits(
    path: AnyPath | Sequence[AnyPath],
    *,
    gsd: float | None,
    bands: Sequence[int] | None = None,
    labels: AnyPath | Sequence[AnyPath] | None = None,
    attribute: str | None = None,
    classes: Sequence[str] | None = None,
    aoi: AnyPath | None = None,
    cutting: Cutting | None = None,
    on_window: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, ReportingDataset]:
    """Open data with all splits it has.

    Args:
        path: A COCO file; a folder with `coco.json` or `annotation.json`; a folder of such folders
            called train, val and test; a CSV table; a folder of mask folders; with `labels`, one
            raster or several.
        gsd: Bring images and outlines to this many metres a pixel; None leaves them as they are.
        bands: Numbers from 1 of the bands to read, in that order; None is all but alpha.
        labels: Polygon layers, for rasters.
        attribute: Of `labels`: the column that names the class, see `read_labels`.
        classes: Of `labels`: the classes in order, see `read_labels`.
        aoi: Of `labels`: polygons within which they are complete.
        cutting: How to cut and split rasters.
        on_window: Hears of the work on rasters, as for `cut`.

    Returns:
        "train" always, "val" and "test" where there are such. Each has a `report`.

    Raises:
        GeomrcnnError: in one line that names the file and the record that is wrong.
    """
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    splits: dict[str, ReportingDataset]
    if labels is not None:
        made = cut_rasters(
            paths,
            labels,
            gsd=gsd,
            bands=bands,
            attribute=attribute,
            classes=classes,
            aoi=aoi,
            cutting=cutting or Cutting(),
            on_window=on_window,
        )
        splits = dict(made.splits)
    elif len(paths) != 1:
        raise DataError("several paths are one data set only if they are rasters with labels")
    else:
        splits = {
            name: _open(place, gsd, bands) for name, place in _split_folders(Path(paths[0])).items()
        }
    for name, dataset in splits.items():
        if name != "test" and not dataset.report.instances:
            raise DataError(
                f"{os.fspath(paths[0])}: there is no labelled object in the "
                f"{dataset.report.images} images for {name}: nothing can be learnt or measured"
            )
    return splits


def _split_folders(path: Path) -> dict[str, Path]:
    """Where the splits lie; a path without splits is for training."""
    folders = {name: path / name for name in SPLITS if _coco_file(path / name)}
    return folders if "train" in folders else {"train": path}


def _coco_file(folder: Path) -> Path | None:
    return next((folder / name for name in COCO_FILES if (folder / name).is_file()), None)


def _open(path: Path, gsd: float | None, bands: Sequence[int] | None) -> ReportingDataset:
    """Whatever a path holds."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_dir():
        if file := _coco_file(path):
            return CocoDataset(file, gsd=gsd, bands=bands)
        if is_mask_folders(path):
            return MaskFolders(path, gsd=gsd, bands=bands)
        raise DataError(f"{path}: a folder of nothing that can be trained on; {RECOGNISED}")
    suffix = path.suffix.lower()
    if suffix == ".json":
        return CocoDataset(path, gsd=gsd, bands=bands)
    if suffix == ".csv":
        return CsvDataset(path, gsd=gsd, bands=bands)
    raise DataError(f"{path}: not recognised; {RECOGNISED}")
