"""Decoded images kept in memory, up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from geomrcnn.data.dataset import Dataset, PixelType, Sample


class CachedDataset:
    """A dataset that remembers the samples read last. Safe to use from several threads."""

    def __init__(self, dataset: Dataset, max_bytes: int) -> None:
        """Remember samples of `dataset` while their pixels fit in `max_bytes`."""
        self._dataset = dataset
        self._room = max_bytes
        self._samples: OrderedDict[int, Sample] = OrderedDict()
        self._lock = Lock()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of classes 1..C."""
        return self._dataset.classes

    def __len__(self) -> int:
        """Number of images."""
        return len(self._dataset)

    def gsd(self, index: int) -> float | None:
        """Metres a pixel, or None."""
        return self._dataset.gsd(index)

    def pixel_type(self, index: int) -> PixelType:
        """What the pixels of image `index` are."""
        return self._dataset.pixel_type(index)

    def name(self, index: int) -> str:
        """Name of image `index`."""
        return self._dataset.name(index)

    def sample(self, index: int) -> Sample:
        """Image `index`, from memory when it was read before."""
        with self._lock:
            if index in self._samples:
                self._samples.move_to_end(index)
                return self._samples[index]
        sample = self._dataset.sample(index)
        with self._lock:
            if index not in self._samples:
                self._samples[index] = sample
                self._room -= sample.image.nbytes
            while self._room < 0:
                _, oldest = self._samples.popitem(last=False)
                self._room += oldest.image.nbytes
        return sample
