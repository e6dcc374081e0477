"""Classes under other names."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geomrcnn.data.dataset import ConcatDataset, Instance, PixelType, Sample
from geomrcnn.data.mapping import Renamed, parse_mapping
from geomrcnn.errors import DataError


class Source:
    """One image with one object of each class."""

    classes = ("shed", "unsure", "house", "pond")

    def __len__(self) -> int:
        return 1

    def sample(self, index: int) -> Sample:
        objects = tuple(Instance(shapely.box(k, 0, k + 1, 9), k) for k in range(1, 5))
        return Sample(np.zeros((9, 9, 3), np.uint8), objects)

    def gsd(self, index: int) -> float | None:
        return 0.5

    def pixel_type(self, index: int) -> PixelType:
        return PixelType("uint8", ("red", "green", "blue"))

    def name(self, index: int) -> str:
        return "a.tif"


def found(dataset: Renamed) -> list[tuple[int, str, bool]]:
    """Left edge, class and crowd of each object."""
    instances = dataset.sample(0).instances
    return [(int(i.box[0]), dataset.classes[i.class_id - 1], i.crowd) for i in instances]


def test_classes_are_joined_left_out_and_ignored() -> None:
    dataset = Renamed(Source(), {"shed": "building", "house": "building", "unsure": "ignore"})
    assert dataset.classes == ("building", "pond")
    assert found(dataset) == [
        (1, "building", False),
        (2, "building", True),
        (2, "pond", True),
        (3, "building", False),
        (4, "pond", False),
    ]
    assert [i for i, *_ in found(Renamed(Source(), {"pond": None, "unsure": None}))] == [1, 3]
    assert (len(dataset), dataset.gsd(0), dataset.name(0)) == (1, 0.5, "a.tif")


def test_sources_agree_after_renaming() -> None:
    one = Renamed(Source(), {"shed": "building", "house": "building", "unsure": None, "pond": None})
    other = Renamed(Source(), {"shed": None, "unsure": None, "house": "building", "pond": "water"})
    both = ConcatDataset([one, other], shares=[1, 3])
    assert both.classes == ("building", "water")
    assert [i.class_id for i in both.sample(1).instances] == [1, 2]
    np.testing.assert_allclose(both.weights, [0.25, 0.75])


def test_mappings_are_read() -> None:
    assert parse_mapping(["shed=building", " a b = c ", "pond="]) == {
        "shed": "building",
        "a b": "c",
        "pond": None,
    }
    for wrong in ("shed", "=building"):
        with pytest.raises(DataError, match="no mapping of a class"):
            parse_mapping([wrong])


def test_mappings_that_make_no_sense() -> None:
    with pytest.raises(DataError, match="no class 'roof' to rename; the data has shed, unsure"):
        Renamed(Source(), {"roof": "building"})
    with pytest.raises(DataError, match="no class is left"):
        Renamed(Source(), dict.fromkeys(Source.classes))
