"""Where training data comes from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

import numpy as np

from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.dataset import ConcatDataset, Dataset
from geomrcnn.errors import DataError


@dataclass(frozen=True)
class Source:
    """One of the sources of a run.

    Attributes:
        path: A COCO instances file, or a folder with a coco.json.
        share: How much of the tiles it provides, relative to the other sources. Either all have
            one or none has: then every image is drawn alike.
    """

    path: str
    share: float | None = None

    @classmethod
    def of(cls, path: str | os.PathLike[str], *, share: float | None = None) -> Source:
        """A source by its absolute path, so that it is found from everywhere."""
        return cls(os.path.abspath(path), share)

    def open(self, gsd: float | None, bands: Sequence[int] | None) -> Dataset:
        """Read the labels; images are brought to `gsd` metres a pixel, or left as they are.

        Raises:
            GeomrcnnError: naming what cannot be read.
        """
        path = Path(self.path)
        return CocoDataset(path / "coco.json" if path.is_dir() else path, gsd=gsd, bands=bands)


Data = Union[Source, Dataset, str, "os.PathLike[str]"]
"""A source, its path, or a dataset of one's own."""


def as_source(data: Data) -> Source:
    """What a run remembers of its data; of a dataset of one's own, the name of its type."""
    if isinstance(data, Source):
        return data
    if isinstance(data, (str, os.PathLike)):
        return Source.of(data)
    return Source(f"Python: {type(data).__qualname__}")


def open_data(data: Data, gsd: float | None, bands: Sequence[int] | None) -> Dataset:
    """The dataset behind any form of `data`."""
    if isinstance(data, (Source, str, os.PathLike)):
        return as_source(data).open(gsd, bands)
    return data


def together(datasets: Sequence[Dataset], sources: Iterable[Source]) -> ConcatDataset:
    """All sources as one dataset.

    Raises:
        DataError: some of them have a share and some have not.
    """
    shares = [source.share for source in sources]
    known = [share for share in shares if share is not None]
    if known and len(known) < len(shares):
        raise DataError("either all sources have a share of the tiles or none has")
    return ConcatDataset(datasets, known or None)


def common_gsd(data: Sequence[Data], bands: Sequence[int] | None) -> float:
    """The median GSD of all images whose own is known, in metres.

    Raises:
        DataError: there is none.
    """
    known = []
    for one in data:
        dataset = open_data(one, None, bands)
        gsds = (dataset.gsd(index) for index in range(len(dataset)))
        known += [gsd for gsd in gsds if gsd is not None]
    if not known:
        raise DataError("no image tells its ground sample distance: say it with --gsd")
    return float(f"{np.median(known):.3g}")
