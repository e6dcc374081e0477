"""Reading the CSV format of keras-maskrcnn: a row per object, with a mask file each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geomrcnn.data.dataset import Instance
from geomrcnn.data.image_files import ImageFiles, ImageRecord
from geomrcnn.data.masks import mask_outline, read_mask
from geomrcnn.data.report import Tally
from geomrcnn.errors import DataError
from geomrcnn.raster.source import open_raster

COLUMNS = ("path", "x1", "y1", "x2", "y2", "class", "mask")
CLASSES_FILE = "classes.csv"
"""Rows `name,id` beside the table: which classes there are, and in which order."""

SLACK = 1
"""Pixels that a mask may reach beyond its box: some count the last pixel in, some do not."""


class _Row(NamedTuple):
    """An object of the table; `record` names its line in messages."""

    record: str
    box: tuple[float, float, float, float]
    label: str
    mask: Path


class CsvDataset(ImageFiles):
    """A table `path,x1,y1,x2,y2,class,mask` without a header, and its images.

    A row with nothing but a path is an image without objects. Paths are relative to the table. A
    mask has the size of its image, and of it counts what lies within the box: one mask may hold
    several objects that do not overlap. Classes are numbered as in a file `classes.csv` beside the
    table, with rows `name,id`; without one, by name.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        gsd: float | None = None,
        bands: Sequence[int] | None = None,
    ) -> None:
        """Read the table and all masks; images are read when asked for.

        Args:
            path: The CSV file.
            gsd: As for `ImageFiles`.
            bands: As for `ImageFiles`.

        Raises:
            DataError: naming the line that is wrong, or the file that is.
            RasterError: an image cannot be opened.
        """
        path = Path(path)
        table = _read_table(path)
        labels = {row.label for rows in table.values() for row in rows}
        classes = _read_classes(path.with_name(CLASSES_FILE)) or tuple(sorted(labels))
        tally = Tally()
        records = [_record(image, rows, classes, tally) for image, rows in table.items()]
        kept = [instance for record in records for instance in record.instances]
        report = tally.report(len(records), kept)
        super().__init__(classes, records, gsd=gsd, bands=bands, report=report)


def _lines(path: Path) -> list[tuple[str, list[str]]]:
    """Rows that hold something, each with what names it in messages."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            return [(f"{path}, line {reader.line_num}", row) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV file that can be read ({error})") from error


def _read_classes(path: Path) -> tuple[str, ...]:
    """Names by rising id; none without a file."""
    if not path.is_file():
        return ()
    ids: dict[str, int] = {}
    for record, row in _lines(path):
        if len(row) != 2 or not row[1].strip().isdecimal():
            raise DataError(f"{record}: must be name,id with a whole number, such as: roof,0")
        if row[0] in ids or int(row[1]) in ids.values():
            raise DataError(f"{record}: the name or the id stands in an earlier line")
        ids[row[0]] = int(row[1])
    return tuple(sorted(ids, key=ids.__getitem__))


def _read_table(path: Path) -> dict[Path, list[_Row]]:
    """The objects of every image, in the order in which the images occur."""
    table: dict[Path, list[_Row]] = {}
    for record, row in _lines(path):
        if tuple(row[1:5]) == COLUMNS[1:5]:
            continue
        if len(row) != len(COLUMNS):
            raise DataError(
                f"{record}: has {len(row)} columns and must have 7: {','.join(COLUMNS)}"
            )
        image = path.parent / row[0]
        if not image.is_file():
            raise DataError(f"{record}: there is no image {image}")
        rows = table.setdefault(image, [])
        if any(row[1:]):
            rows.append(_object(record, row, path.parent))
    return table


def _object(record: str, row: list[str], folder: Path) -> _Row:
    _, *sides, label, mask = row
    try:
        x1, y1, x2, y2 = map(float, sides)
    except ValueError:
        raise DataError(f"{record}: the box {','.join(sides)} is not four numbers") from None
    if not (0 <= x1 < x2 and 0 <= y1 < y2):
        raise DataError(
            f"{record}: the box {','.join(sides)} must be x1,y1,x2,y2 with 0 <= x1 < x2 and "
            "0 <= y1 < y2"
        )
    if not label or not mask:
        raise DataError(f"{record}: the class or the mask is missing")
    return _Row(record, (x1, y1, x2, y2), label, folder / mask)


def _record(path: Path, rows: list[_Row], classes: tuple[str, ...], tally: Tally) -> ImageRecord:
    """An image with its objects."""
    with open_raster(path) as source:
        width, height = source.width, source.height
    instances = []
    for row in rows:
        if row.label not in classes:
            raise DataError(
                f"{row.record}: class '{row.label}' is not in {CLASSES_FILE}, which has "
                f"{', '.join(classes)}"
            )
        if row.box[2] > width + SLACK or row.box[3] > height + SLACK:
            raise DataError(
                f"{row.record}: the box reaches beyond the image of {width}x{height} pixels"
            )
        mask = read_mask(row.mask, width, height, row.record)
        outline = mask_outline(_within(mask, row.box))
        if outline.is_empty and mask.any():
            raise DataError(f"{row.record}: the mask {row.mask.name} is empty within the box")
        if tally.keeps(outline.area, repaired=False):
            instances.append(Instance(outline, classes.index(row.label) + 1))
    return ImageRecord(path, path.name, width, height, tuple(instances))


def _within(
    mask: npt.NDArray[np.bool_], box: tuple[float, float, float, float]
) -> npt.NDArray[np.bool_]:
    """The mask where it is in the box, and empty elsewhere."""
    left, top = (max(int(side) - SLACK, 0) for side in box[:2])
    right, bottom = (int(np.ceil(side)) + SLACK for side in box[2:])
    inside = np.zeros_like(mask)
    inside[top:bottom, left:right] = mask[top:bottom, left:right]
    return inside
