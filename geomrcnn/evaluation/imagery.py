"""Labelled images as a model wants them: its bands, its ground resolution, its classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from geomrcnn.bundle.bands import band_places
from geomrcnn.bundle.card import ModelCard
from geomrcnn.data.cutting import Cutting
from geomrcnn.data.dataset import ConcatDataset, Dataset, Derived, PixelType, Sample
from geomrcnn.data.mapping import Renamed, parse_mapping
from geomrcnn.data.opening import open_splits
from geomrcnn.errors import DataError

AnyPath = str | os.PathLike[str]


def open_for(
    card: ModelCard,
    *paths: AnyPath,
    gsd: float | None = None,
    bands: Sequence[int] | None = None,
    labels: Sequence[AnyPath] = (),
    attribute: str | None = None,
    aoi: AnyPath | None = None,
    renamed: Sequence[str] = (),
) -> Dataset:
    """Open what a model is to be measured on, in any form that can be trained on.

    Of data with parts, this is the one called test, or else val: what was set apart for a last
    look. Rasters with a label layer are cut into tiles of the model's size, all of them.

    Args:
        card: The model's card.
        paths: What `open_splits` recognises; with `labels` rasters, which are one source.
        gsd: Metres a pixel to bring the images to; by default the model's.
        bands: Numbers from 1 of the bands to read, in the order of the model's; by default they
            are chosen by name as `ModelBands` does.
        labels: Polygon layers, for rasters.
        attribute: Of the layers: the column that names the class.
        aoi: Polygons within which the layers are complete.
        renamed: Other names for classes, as `parse_mapping` takes them.

    Raises:
        GeomrcnnError: something cannot be read, or there are classes that the model has not.
    """
    cutting = Cutting(tile=card.tile, split=(1.0, 0.0, 0.0))
    parts: list[Dataset] = []
    for source in [paths] if labels else paths:
        splits = open_splits(
            source,
            gsd=gsd or card.gsd,
            bands=bands,
            labels=labels or None,
            attribute=attribute,
            aoi=aoi,
            cutting=cutting,
        )
        parts.append(splits.get("test") or splits.get("val") or splits["train"])
    dataset: Dataset = ConcatDataset(parts)
    if renamed:
        dataset = Renamed(dataset, parse_mapping(renamed))
    dataset = ConcatDataset([dataset], classes=card.classes)
    return dataset if bands else ModelBands(dataset, card)


class ModelBands(Derived):
    """A dataset of which a model sees the bands that are named as its own.

    Where the names do not say, it sees the first ones, unless a name speaks against it.
    """

    def __init__(self, dataset: Dataset, card: ModelCard) -> None:
        """Choose bands of `dataset`, image by image."""
        super().__init__(dataset)
        self._card = card

    def sample(self, index: int) -> Sample:
        """Image `index`, with the model's bands in the model's order.

        Raises:
            DataError: its bands leave no choice.
        """
        places = self._places(index)
        sample = self._dataset.sample(index)
        return replace(sample, image=sample.image[..., places])

    def pixel_type(self, index: int) -> PixelType:
        """What the pixels of image `index` are, of the bands that the model sees."""
        pixels = self._dataset.pixel_type(index)
        return pixels._replace(bands=tuple(pixels.bands[place] for place in self._places(index)))

    def _places(self, index: int) -> list[int]:
        pixels = self._dataset.pixel_type(index)
        places = band_places(pixels.bands, self._card.bands)
        if places is None:
            raise DataError(
                f"{self.name(index)}: has {pixels}, but the model '{self._card.name}' wants "
                f"{PixelType(self._card.dtype, self._card.bands)}; choose bands with --bands or "
                "convert it"
            )
        return places
