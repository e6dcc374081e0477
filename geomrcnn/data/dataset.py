"""What every source of training data offers: samples of pixels with polygons."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from geomrcnn.errors import DataError
from geomrcnn.vector.polygons import Polygonal


@dataclass(frozen=True, eq=False)
class Instance:
    """One labelled object.

    Attributes:
        geometry: Valid Polygon or MultiPolygon in continuous pixel coordinates (pixel i covers
            [i, i + 1), y runs down).
        class_id: 1..C; 0 is background and never labelled.
        crowd: True where the label is no single whole object: a detection there is neither
            right nor wrong.
    """

    geometry: Polygonal
    class_id: int
    crowd: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x1, y1, x2, y2) of the geometry, in pixels."""
        x1, y1, x2, y2 = self.geometry.bounds
        return x1, y1, x2, y2


@dataclass(frozen=True, eq=False)
class Sample:
    """An image and everything labelled in it.

    Attributes:
        image: [H, W, bands] in its native dtype.
        instances: The objects; none at all is legal.
        valid: [H, W] bool, False on nodata and beyond the image, where `image` is 0; None where
            all pixels are data.
    """

    image: np.ndarray
    instances: tuple[Instance, ...]
    valid: npt.NDArray[np.bool_] | None = None


class PixelType(NamedTuple):
    """What the pixels of an image are.

    Attributes:
        dtype: NumPy dtype name.
        bands: Names of the bands, lower case; "band 5" where they have none.
    """

    dtype: str
    bands: tuple[str, ...]

    def __str__(self) -> str:
        """In words."""
        count = len(self.bands)
        return f"{count} band{'s' * (count > 1)} of {self.dtype} ({', '.join(self.bands)})"


TRUE_COLOUR = PixelType("uint8", ("red", "green", "blue"))
"""What photographs are, and what published weights were learnt on."""


class Dataset(Protocol):
    """Labelled images, read one at a time."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of classes 1..C."""

    def __len__(self) -> int:
        """Number of images."""

    def sample(self, index: int) -> Sample:
        """Image `index` with its objects."""

    def gsd(self, index: int) -> float | None:
        """Metres on the ground that a pixel of `sample(index)` covers; None when unknown."""

    def pixel_type(self, index: int) -> PixelType:
        """What the pixels of image `index` are, without reading them."""

    def name(self, index: int) -> str:
        """What to call image `index` in a message."""


class Derived:
    """A dataset made of another; those that inherit say what is other than there.

    Attributes:
        classes: Names of classes 1..C.
    """

    def __init__(self, dataset: Dataset) -> None:
        """Take `dataset` as it is."""
        self._dataset = dataset
        self.classes: tuple[str, ...] = dataset.classes

    def __len__(self) -> int:
        """Number of images."""
        return len(self._dataset)

    def sample(self, index: int) -> Sample:
        """Image `index` with its objects."""
        return self._dataset.sample(index)

    def gsd(self, index: int) -> float | None:
        """Metres a pixel, or None."""
        return self._dataset.gsd(index)

    def pixel_type(self, index: int) -> PixelType:
        """What the pixels of image `index` are."""
        return self._dataset.pixel_type(index)

    def name(self, index: int) -> str:
        """Name of image `index`."""
        return self._dataset.name(index)


class Subset(Derived):
    """Some images of a dataset, in the order given."""

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        """Take images `indices` of `dataset`.

        Raises:
            DataError: an index lies outside the dataset.
        """
        outside = [i for i in indices if not 0 <= i < len(dataset)]
        if outside:
            raise DataError(
                f"image {outside[0]} does not exist: the dataset has {len(dataset)}, from 0"
            )
        super().__init__(dataset)
        self._indices = tuple(indices)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._indices)

    def sample(self, index: int) -> Sample:
        """Image `index` with its objects."""
        return self._dataset.sample(self._indices[index])

    def gsd(self, index: int) -> float | None:
        """Metres a pixel, or None."""
        return self._dataset.gsd(self._indices[index])

    def pixel_type(self, index: int) -> PixelType:
        """What the pixels of image `index` are."""
        return self._dataset.pixel_type(self._indices[index])

    def name(self, index: int) -> str:
        """Name of image `index`."""
        return self._dataset.name(self._indices[index])


class ConcatDataset:
    """Several datasets as one. Classes of the same name become one class.

    Attributes:
        classes: Every source's classes, in order of first appearance.
        weights: [N] float64, how often to draw each image; they sum to 1. A source's share is
            spread evenly over its images.
    """

    def __init__(
        self,
        sources: Sequence[Dataset],
        shares: Sequence[float] | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        """Chain `sources`.

        Args:
            sources: At least one.
            shares: How much of the draws each is to have; without, every image is drawn equally
                often.
            classes: All classes that there may be, in order; by default those that there are.

        Raises:
            DataError: no source, shares that do not fit the sources, or another class.
        """
        if not sources:
            raise DataError("a concatenated dataset needs at least one source")
        self._sources = tuple(sources)
        lengths = [len(source) for source in sources]
        self._ends: list[int] = np.cumsum(lengths).tolist()
        found = dict.fromkeys(name for source in sources for name in source.classes)
        self.classes: tuple[str, ...] = tuple(found if classes is None else classes)
        for source in sources:
            if unknown := [name for name in source.classes if name not in self.classes]:
                raise DataError(
                    f"unknown class '{unknown[0]}' in {source.name(0)} or beside it: the classes "
                    f"are {', '.join(self.classes)}"
                )
        self.weights: npt.NDArray[np.float64] = _image_weights(lengths, shares)

    def __len__(self) -> int:
        """Number of images."""
        return self._ends[-1]

    def sample(self, index: int) -> Sample:
        """Image `index`, its class ids in this dataset's numbering."""
        source, place = self._locate(index)
        sample = source.sample(place)
        if source.classes == self.classes[: len(source.classes)]:
            return sample
        ids = [0, *(self.classes.index(name) + 1 for name in source.classes)]
        instances = (replace(i, class_id=ids[i.class_id]) for i in sample.instances)
        return replace(sample, instances=tuple(instances))

    def gsd(self, index: int) -> float | None:
        """Metres a pixel, or None."""
        source, place = self._locate(index)
        return source.gsd(place)

    def pixel_type(self, index: int) -> PixelType:
        """What the pixels of image `index` are."""
        source, place = self._locate(index)
        return source.pixel_type(place)

    def name(self, index: int) -> str:
        """Name of image `index`."""
        source, place = self._locate(index)
        return source.name(place)

    def _locate(self, index: int) -> tuple[Dataset, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        number = bisect_right(self._ends, index)
        source = self._sources[number]
        return source, index - self._ends[number] + len(source)


def _image_weights(lengths: list[int], shares: Sequence[float] | None) -> npt.NDArray[np.float64]:
    """Weight of every image, so that source k is drawn in proportion to shares[k]."""
    if shares is None:
        shares = lengths
    if len(shares) != len(lengths) or min(shares) < 0:
        raise DataError(f"{len(lengths)} sources need as many shares, none of them negative")
    each = np.array(shares, np.float64) / np.maximum(lengths, 1)
    weights: npt.NDArray[np.float64] = np.repeat(each, lengths)
    if weights.sum() <= 0:
        raise DataError("nothing to draw from: every source is empty or has a share of 0")
    weights /= weights.sum()
    return weights
