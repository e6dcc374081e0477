"""Rasters and a label layer as a data set, without chips on disk in between."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import PurePath

from geomrcnn.data.blocks import SPLITS
from geomrcnn.data.cutting import EVERYTHING, Chip, Cut, Cutting, cut
from geomrcnn.data.dataset import PixelType, Sample
from geomrcnn.data.labelled_raster import LabelledRaster, open_labelled
from geomrcnn.data.labels import Labels, read_area_of_interest, read_labels
from geomrcnn.data.report import LabelReport

Path = str | os.PathLike[str]


class RasterDataset:
    """Windows of labelled rasters, read when asked for.

    Attributes:
        classes: Names of classes 1..C.
        report: Counts of what the windows show, and of what was mended in the layer.
    """

    def __init__(
        self,
        rasters: Sequence[LabelledRaster],
        chips: Sequence[Chip],
        labels: Labels,
        cutting: Cutting,
    ) -> None:
        """Take windows chosen by `cut`."""
        self._rasters, self._chips = tuple(rasters), tuple(chips)
        self._min_visible = cutting.min_visible
        self.classes: tuple[str, ...] = labels.classes
        crowds = sum(chip.crowds for chip in chips)
        self.report = LabelReport(
            images=len(self._chips),
            instances=sum(sum(chip.objects) for chip in chips) + crowds,
            crowds=crowds,
            repaired=labels.report.repaired,
            dropped=labels.report.dropped,
        )

    def __len__(self) -> int:
        """Number of windows."""
        return len(self._chips)

    def sample(self, index: int) -> Sample:
        """Window `index` with its objects.

        Raises:
            RasterError: the raster cannot be read.
        """
        chip = self._chips[index]
        return self._rasters[chip.raster].sample(chip.window, self._min_visible)

    def gsd(self, index: int) -> float | None:
        """Metres a pixel, or None."""
        return self.raster(index).gsd

    def pixel_type(self, index: int) -> PixelType:
        """What the pixels of window `index` are."""
        return self.raster(index).pixels

    def name(self, index: int) -> str:
        """The raster's file name, and the window's first column and row at the GSD."""
        window = self.chip(index).window
        return f"{PurePath(self.raster(index).path).name} at {window.column},{window.row}"

    def chip(self, index: int) -> Chip:
        """Which window of which raster `index` is."""
        return self._chips[index]

    def raster(self, index: int) -> LabelledRaster:
        """The raster that window `index` is of."""
        return self._rasters[self._chips[index].raster]


class CutRasters:
    """Rasters that have been cut: a data set for each split.

    Attributes:
        rasters: With their labels.
        labels: What was read from the layers.
        cut: The chips, and what was left out.
        unused: Labels that lie on no raster, or outside the area of interest.
    """

    def __init__(
        self, rasters: Sequence[LabelledRaster], labels: Labels, cutting: Cutting, chips: Cut
    ) -> None:
        """Take what `cut` has chosen."""
        self.rasters, self.labels, self.cut = tuple(rasters), labels, chips
        self._cutting = cutting
        used = {int(number) for raster in rasters for number in raster.labels.numbers}
        self.unused = len(labels.geometries) - len(used)

    @property
    def splits(self) -> dict[str, RasterDataset]:
        """The data set of each split that has chips."""
        return {
            split: RasterDataset(self.rasters, chips, self.labels, self._cutting)
            for split in SPLITS
            if (chips := [chip for chip in self.cut.chips if chip.split == split])
        }

    def lines(self) -> list[str]:
        """What was found and left out, in words."""
        counts = (
            (self.unused, "labels lie on no raster, or outside the area of interest"),
            (self.cut.without_data, "windows left out: hardly any data in them"),
            (self.cut.only_crowds, "windows left out: only fragments of objects in them"),
            (
                self.cut.leaks,
                "windows left out: another raster shows their ground in another split",
            ),
        )
        said = [f"{number} {what}" for number, what in counts if number]
        if self._cutting.overlap and self.cut.block <= self._cutting.tile:
            said.append("chips share no ground: with blocks of one tile the overlap is void")
        return [str(self.labels.report), *said]


def cut_rasters(
    rasters: Sequence[Path],
    labels: Path | Sequence[Path],
    *,
    gsd: float | None,
    bands: Sequence[int] | None = None,
    attribute: str | None = None,
    classes: Sequence[str] | None = None,
    aoi: Path | None = None,
    cutting: Cutting = EVERYTHING,
    on_window: Callable[[int, int], None] = lambda done, total: None,
) -> CutRasters:
    """Cut rasters with their labels, in any mix of CRSs.

    Args:
        rasters: Anything GDAL opens.
        labels: One polygon layer, or several.
        gsd: Metres a pixel that the rasters are read at; None for their own.
        bands: Numbers from 1 of the bands to read; None is all but alpha.
        attribute: As for `read_labels`.
        classes: As for `read_labels`.
        aoi: Polygons within which labels are complete; outside nothing is looked at.
        cutting: How to cut; by default everything is for training.
        on_window: As for `cut`.

    Raises:
        DataError: the labels cannot be read or do not lie on the rasters.
        RasterError: a raster cannot be read.
    """
    layer = read_labels(labels, attribute=attribute, classes=classes)
    area = None if aoi is None else read_area_of_interest(aoi)
    opened = [open_labelled(path, layer, gsd=gsd, bands=bands, aoi=area) for path in rasters]
    chips = cut(opened, len(layer.classes), cutting, on_window)
    return CutRasters(opened, layer, cutting, chips)
