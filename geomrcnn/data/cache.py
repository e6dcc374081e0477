"""Decoded images kept in memory, up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from geomrcnn.data.dataset import Dataset, Derived, Sample


class CachedDataset(Derived):
    """A dataset that remembers the samples read last. Safe to use from several threads."""

    def __init__(self, dataset: Dataset, max_bytes: int) -> None:
        """Remember samples of `dataset` while their pixels fit in `max_bytes`."""
        super().__init__(dataset)
        self._room = max_bytes
        self._samples: OrderedDict[int, Sample] = OrderedDict()
        self._lock = Lock()

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
