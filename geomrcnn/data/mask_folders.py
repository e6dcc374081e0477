"""Reading one mask file an instance, a folder an image: the layout of images-to-osm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from geomrcnn.data.dataset import Instance
from geomrcnn.data.image_files import ImageFiles, ImageRecord
from geomrcnn.data.masks import mask_outline, read_mask
from geomrcnn.data.report import Tally
from geomrcnn.errors import DataError
from geomrcnn.raster.source import open_raster

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


class _Folder(NamedTuple):
    """An image and the (class name, mask file) of each of its objects."""

    image: Path
    masks: tuple[tuple[str, Path], ...]


class MaskFolders(ImageFiles):
    """A folder of folders, one for each image: `00015/00015.jpg` and `00015/00015-tennis-0.png`.

    The image has the name of its folder. A mask has the size of the image, is not 0 on its object,
    and is named image-class-number. A folder without masks is an image without objects. Classes are
    numbered by name. GRASS GIS's `i.ann.maskrcnn` reads the same layout.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        gsd: float | None = None,
        bands: Sequence[int] | None = None,
    ) -> None:
        """Read all masks; images are read when asked for.

        Args:
            path: The folder that holds the images' folders.
            gsd: As for `ImageFiles`.
            bands: As for `ImageFiles`.

        Raises:
            DataError: naming the file that is wrong.
            RasterError: an image cannot be opened.
        """
        subfolders = sorted(child for child in Path(path).iterdir() if child.is_dir())
        folders = [_read_folder(folder) for folder in subfolders]
        classes = tuple(sorted({label for folder in folders for label, _ in folder.masks}))
        tally = Tally()
        records = [_record(folder, classes, tally) for folder in folders]
        kept = [instance for record in records for instance in record.instances]
        report = tally.report(len(records), kept)
        super().__init__(classes, records, gsd=gsd, bands=bands, report=report)


def is_mask_folders(path: Path) -> bool:
    """Whether a folder holds a folder with an image of its name."""
    return any(_image_of(child) for child in path.iterdir() if child.is_dir())


def _image_of(folder: Path) -> Path | None:
    """The image that has its folder's name."""
    names = (folder / f"{folder.name}{suffix}" for suffix in IMAGE_SUFFIXES)
    return next((path for path in names if path.is_file()), None)


def _read_folder(folder: Path) -> _Folder:
    image = _image_of(folder)
    if image is None:
        raise DataError(
            f"{folder}: there is no image {folder.name}.jpg, .png or .tif named like its folder"
        )
    pattern = re.compile(rf"{re.escape(folder.name)}-(.+)-\d+\.png")
    return _Folder(image, tuple(_named(_mask_files(folder, image), pattern)))


def _mask_files(folder: Path, image: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.png")) if path != image]


def _named(masks: Iterable[Path], pattern: re.Pattern[str]) -> Iterable[tuple[str, Path]]:
    for mask in masks:
        match = pattern.fullmatch(mask.name)
        if match is None:
            stem = mask.parent.name
            raise DataError(f"{mask}: a mask must be named image-class-number: {stem}-roof-0.png")
        yield match[1], mask


def _record(folder: _Folder, classes: tuple[str, ...], tally: Tally) -> ImageRecord:
    """An image with its objects."""
    with open_raster(folder.image) as source:
        width, height = source.width, source.height
    instances = []
    for label, path in folder.masks:
        outline = mask_outline(read_mask(path, width, height, str(path)))
        if tally.keeps(outline.area, repaired=False):
            instances.append(Instance(outline, classes.index(label) + 1))
    return ImageRecord(folder.image, folder.image.name, width, height, tuple(instances))
