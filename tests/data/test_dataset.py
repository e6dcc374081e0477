from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import shapely

from geomrcnn.data.cache import CachedDataset
from geomrcnn.data.dataset import ConcatDataset, Dataset, Instance, Sample, Subset
from geomrcnn.errors import DataError


class Memory:
    """Images of 10 × 10 pixels whose value is their index, one object of each class on each."""

    def __init__(self, label: str, classes: tuple[str, ...], count: int) -> None:
        self.label, self.classes, self.count = label, classes, count
        self.reads: Counter[int] = Counter()

    def __len__(self) -> int:
        return self.count

    def sample(self, index: int) -> Sample:
        self.reads[index] += 1
        ids = range(1, len(self.classes) + 1)
        objects = tuple(Instance(shapely.box(0, 0, i, i), i) for i in ids)
        return Sample(np.full((10, 10, 1), index, np.uint8), objects)

    def gsd(self, index: int) -> float | None:
        return index + 0.5

    def name(self, index: int) -> str:
        return f"{self.label}{index}"


FIELDS = Memory("f", ("field", "pond"), 3)
TREES = Memory("t", ("tree", "pond"), 2)


def names(dataset: Dataset, index: int) -> list[str]:
    """Class names of an image's objects."""
    return [dataset.classes[i.class_id - 1] for i in dataset.sample(index).instances]


def test_box_of_an_instance() -> None:
    assert Instance(shapely.box(1, 2, 3.5, 4), 1).box == (1, 2, 3.5, 4)


def test_a_chain_numbers_images_and_classes_anew() -> None:
    both = ConcatDataset([FIELDS, TREES])
    assert len(both) == 5
    assert both.classes == ("field", "pond", "tree")
    assert [both.name(i) for i in range(5)] == ["f0", "f1", "f2", "t0", "t1"]
    assert [both.sample(i).image[0, 0, 0] for i in range(5)] == [0, 1, 2, 0, 1]
    assert [both.gsd(i) for i in (2, 4)] == [2.5, 1.5]
    assert names(both, 0) == ["field", "pond"]
    assert names(both, 4) == ["tree", "pond"]
    assert [i.geometry.area for i in both.sample(4).instances] == [1, 4]


def test_a_chain_ends() -> None:
    with pytest.raises(IndexError):
        ConcatDataset([FIELDS, TREES]).sample(5)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [(None, [0.2] * 5), ([3, 1], [0.25] * 3 + [0.125] * 2), ([0, 7], [0] * 3 + [0.5] * 2)],
)
def test_shares_are_spread_over_images(shares: list[float] | None, expected: list[float]) -> None:
    np.testing.assert_allclose(ConcatDataset([FIELDS, TREES], shares).weights, expected)


@pytest.mark.parametrize("shares", [[1], [1, -1], [0, 0]])
def test_shares_that_make_no_sense(shares: list[float]) -> None:
    with pytest.raises(DataError):
        ConcatDataset([FIELDS, TREES], shares)


def test_a_chain_of_nothing() -> None:
    with pytest.raises(DataError, match="at least one"):
        ConcatDataset([])


def test_a_class_that_is_not_there_is_named_with_its_source() -> None:
    with pytest.raises(DataError, match="unknown class 'tree' in t0 or beside it"):
        ConcatDataset([FIELDS, TREES], classes=("field", "pond"))


def test_a_subset_keeps_its_order() -> None:
    subset = Subset(FIELDS, [2, 0])
    assert len(subset) == 2
    assert subset.classes == FIELDS.classes
    assert (subset.name(0), subset.gsd(0), subset.sample(0).image[0, 0, 0]) == ("f2", 2.5, 2)


def test_a_subset_of_what_is_not_there() -> None:
    with pytest.raises(DataError, match="image 3 does not exist"):
        Subset(FIELDS, [0, 3])


def test_the_cache_reads_once_and_forgets_the_oldest() -> None:
    source = Memory("m", ("field",), 5)
    cached = CachedDataset(source, max_bytes=250)
    assert (len(cached), cached.classes, cached.name(3), cached.gsd(3)) == (
        5,
        ("field",),
        "m3",
        3.5,
    )
    for index in (0, 1, 0, 2, 0, 1):
        assert cached.sample(index).image[0, 0, 0] == index
    # Two images fit. 2 pushes out 1, which was used before 0; 1 then has to be read again.
    assert source.reads == {0: 1, 1: 2, 2: 1}


def test_an_image_too_large_for_the_cache_is_still_read() -> None:
    source = Memory("m", ("field",), 1)
    cached = CachedDataset(source, max_bytes=10)
    assert cached.sample(0).image.size == cached.sample(0).image.size == 100
    assert source.reads == {0: 2}
