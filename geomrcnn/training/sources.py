"""Where training data comes from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from geomrcnn.data.cutting import Cutting
from geomrcnn.data.dataset import ConcatDataset, Dataset
from geomrcnn.data.mapping import Renamed, parse_mapping
from geomrcnn.data.opening import open_splits
from geomrcnn.errors import DataError, TooFewBlocksError
from geomrcnn.raster.source import open_raster

AnyPath = str | os.PathLike[str]

OnWindow = Callable[[int, int], None]
"""Hears how many windows of rasters have been looked at, and of how many."""

AROUND = 2
"""Rasters with a label layer are cut into windows of so many tiles, to have room to turn views."""

APART = 0.15
"""Share of the objects on rasters that is set apart for validation."""

_OF_PYTHON = "Python: "


@dataclass(frozen=True)
class Source:
    """One of the sources of a run.

    Attributes:
        paths: What `geomrcnn.data.opening.open_splits` recognises; several rasters with one label
            layer are one source.
        share: How much of the tiles it provides, relative to the other sources. Either all have
            one or none has: then every image is drawn alike.
        labels: Polygon layers, for rasters.
        attribute: Of the layers: the column that names the class.
        aoi: Polygons within which the layers are complete.
        renamed: Other names for classes: "shed=building", "unsure=ignore", "pond=".
    """

    paths: tuple[str, ...]
    share: float | None = None
    labels: tuple[str, ...] = ()
    attribute: str | None = None
    aoi: str | None = None
    renamed: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *paths: AnyPath,
        share: float | None = None,
        labels: Sequence[AnyPath] = (),
        attribute: str | None = None,
        aoi: AnyPath | None = None,
        renamed: Sequence[str] = (),
    ) -> Source:
        """A source by absolute paths, so that it is found from everywhere."""
        return cls(
            tuple(map(_absolute, paths)),
            share,
            tuple(map(_absolute, labels)),
            attribute,
            None if aoi is None else _absolute(aoi),
            tuple(renamed),
        )

    @property
    def is_file(self) -> bool:
        """Whether it can be opened again; a dataset of one's own cannot."""
        return not self.paths[0].startswith(_OF_PYTHON)

    def __str__(self) -> str:
        """Its first path."""
        return self.paths[0] + (f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else "")

    def open(
        self,
        gsd: float | None,
        bands: Sequence[int] | None,
        tile: int,
        *,
        apart: bool,
        on_window: OnWindow = lambda done, total: None,
    ) -> Splits:
        """Read the labels; images are brought to `gsd` metres a pixel, or left as they are.

        Args:
            gsd: As above.
            bands: Numbers from 1 of the bands to read; None is all but alpha.
            tile: Side of the tiles that will be drawn.
            apart: Whether to set some ground of rasters apart for validation, if there is enough.
            on_window: Hears of the work on rasters, as for `geomrcnn.data.cutting.cut`.

        Raises:
            GeomrcnnError: naming what cannot be read.
        """
        if not self.is_file:
            raise DataError(f"{self}: a dataset of one's own cannot be opened again; use Python")
        read = partial(
            open_splits,
            self.paths if len(self.paths) > 1 else self.paths[0],
            gsd=gsd,
            bands=bands,
            labels=self.labels or None,
            attribute=self.attribute,
            aoi=self.aoi,
            on_window=on_window,
        )
        everything = Cutting(tile=AROUND * tile, split=(1.0, 0.0, 0.0))
        parted = replace(everything, split=(1 - APART, APART, 0.0))
        try:
            splits = read(cutting=parted if apart else everything)
        except TooFewBlocksError:
            splits = read(cutting=everything)
        reports = {name: str(dataset.report) for name, dataset in splits.items()}
        names = parse_mapping(self.renamed)
        opened = {name: _renamed(dataset, names) for name, dataset in splits.items()}
        unknown = frozenset(name for name in names if name not in splits["train"].classes)
        return Splits(opened["train"], opened.get("val"), reports, unknown)


class Splits(NamedTuple):
    """What a source holds.

    Attributes:
        train: What to learn from.
        val: What to be measured on, if it is set apart.
        reports: What was found in each part, in words.
        unknown: Classes to be renamed that it has not.
    """

    train: Dataset
    val: Dataset | None = None
    reports: Mapping[str, str] = MappingProxyType({})
    unknown: frozenset[str] = frozenset()


Data = Source | Dataset | AnyPath
"""A source, its path, or a dataset of one's own."""


def as_source(data: Data) -> Source:
    """What a run remembers of its data; of a dataset of one's own, the name of its type."""
    if isinstance(data, Source):
        return data
    if isinstance(data, (str, os.PathLike)):
        return Source.of(data)
    return Source((f"{_OF_PYTHON}{type(data).__qualname__}",))


def splits_of(
    data: Data,
    gsd: float | None,
    bands: Sequence[int] | None,
    tile: int,
    *,
    apart: bool = False,
    on_window: OnWindow = lambda done, total: None,
) -> Splits:
    """What is behind any form of data; arguments as for `Source.open`."""
    if isinstance(data, (Source, str, os.PathLike)):
        return as_source(data).open(gsd, bands, tile, apart=apart, on_window=on_window)
    return Splits(data)


def together(splits: Sequence[Splits], data: Sequence[Data]) -> ConcatDataset:
    """What all sources have to learn from as one dataset.

    Raises:
        DataError: some of them have a share and some have not, or no source has a class that is
            to be renamed.
    """
    sources = [as_source(one) for one in data]
    shares = [source.share for source in sources]
    known = [share for share in shares if share is not None]
    if known and len(known) < len(shares):
        raise DataError("either all sources have a share of the tiles or none has")
    dataset = ConcatDataset([one.train for one in splits], known or None)
    if nowhere := frozenset.intersection(*(one.unknown for one in splits)):
        raise DataError(
            f"there is no class '{min(nowhere)}' to rename; the data has "
            f"{', '.join(dataset.classes)}"
        )
    return dataset


def common_gsd(data: Sequence[Data], bands: Sequence[int] | None) -> float:
    """The median GSD of all images whose own is known, in metres.

    Raises:
        DataError: there is none.
    """
    known = [gsd for one in data for gsd in _gsds(one, bands) if gsd is not None]
    if not known:
        raise DataError("no image tells its ground sample distance: say it with --gsd")
    return float(f"{np.median(known):.3g}")


def _gsds(data: Data, bands: Sequence[int] | None) -> list[float | None]:
    source = as_source(data)
    if not source.labels:
        dataset = splits_of(data, None, bands, 1).train
        return [dataset.gsd(index) for index in range(len(dataset))]
    gsds = []
    for path in source.paths:
        with open_raster(path) as raster:
            gsds.append(raster.gsd)
    return gsds


def _renamed(dataset: Dataset, names: Mapping[str, str | None]) -> Dataset:
    here = {old: new for old, new in names.items() if old in dataset.classes}
    return Renamed(dataset, here) if here else dataset


def _absolute(path: AnyPath) -> str:
    """The path, where it is one of a file here, perhaps with a layer, and not of GDAL's kinds."""
    path = os.fspath(path)
    file, colon, layer = path.rpartition(":")
    if not os.path.exists(path) and os.path.exists(file):
        return os.path.abspath(file) + colon + layer
    return os.path.abspath(path) if os.path.exists(path) else path
