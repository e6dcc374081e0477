"""Sizes, crowding and anchors of a data set."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geomrcnn.data.anchors import Anchors, best_overlap, recall, suggest
from geomrcnn.data.dataset import Instance, PixelType, Sample
from geomrcnn.data.inspection import inspect, objects_in_tiles, read_objects, suggested_anchors
from geomrcnn.errors import DataError
from geomrcnn.network.config import PRESETS, STRIDES, MaskRCNNConfig

LIGHT = Anchors(PRESETS["light"]["anchor_sizes"], (0.5, 1.0, 2.0))
SIDE = 256


class Scenes:
    """Images of noise with given boxes of one class, the last of each a crowd if wished."""

    classes = ("roof", "pond")

    def __init__(self, *scenes: list[shapely.Polygon], gsd: float | None = 0.5) -> None:
        self.scenes, self.metres = scenes, gsd

    def __len__(self) -> int:
        return len(self.scenes)

    def sample(self, index: int) -> Sample:
        rng = np.random.default_rng(index)
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        crowd = Instance(shapely.box(0, 0, 9, 9), 1, crowd=True)
        return Sample(pixels, (*(Instance(box, 1) for box in self.scenes[index]), crowd))

    def gsd(self, index: int) -> float | None:
        return self.metres

    def pixel_type(self, index: int) -> PixelType:
        return PixelType("uint8", ("red", "green", "blue"))

    def name(self, index: int) -> str:
        return f"{index}.tif"


def all_anchors(anchors: Anchors) -> np.ndarray:
    """[N, 4]: each anchor at each multiple of its stride, well beyond the image."""
    boxes = []
    for stride, size in zip(STRIDES, anchors.anchor_sizes, strict=True):
        places = np.arange(-2 * stride, SIDE + 2 * stride + 1, stride)
        x, y = (axis.ravel() for axis in np.meshgrid(places, places))
        for ratio in anchors.anchor_ratios:
            w, h = size / ratio**0.5 / 2, size * ratio**0.5 / 2
            boxes.append(np.stack([x - w, y - h, x + w, y + h], axis=1))
    return np.concatenate(boxes)


EVERY = all_anchors(LIGHT)


@given(st.floats(0, 200), st.floats(0, 200), st.floats(2, 200), st.floats(2, 200))
def test_the_best_anchor_is_the_best_of_all(x: float, y: float, w: float, h: float) -> None:
    box = np.array([x, y, min(x + w, SIDE), min(y + h, SIDE)])
    low, high = np.maximum(EVERY[:, :2], box[:2]), np.minimum(EVERY[:, 2:], box[2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = (EVERY[:, 2:] - EVERY[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    expected = (shared / (areas - shared)).max()
    np.testing.assert_allclose(best_overlap(box[None], LIGHT), expected, rtol=1e-9)


def test_recall_counts_what_reaches_an_overlap() -> None:
    assert recall(np.array([0.4, 0.5, 0.6, 0.9]), (0.5, 0.7)) == (0.75, 0.25)


@pytest.mark.parametrize("side", [6.0, 14.0, 45.0])
def test_suggested_anchors_meet_the_objects(side: float) -> None:
    rng = np.random.default_rng(0)
    corners, sides = rng.uniform(0, 200, (300, 2)), rng.normal(side, side / 10, (300, 2))
    boxes = np.hstack([corners, corners + sides])
    ours = recall(best_overlap(boxes, suggest(boxes)), (0.5, 0.7))
    light = recall(best_overlap(boxes, LIGHT), (0.5, 0.7))
    assert ours[0] >= light[0] - 0.005
    assert sum(ours) >= sum(light) - 0.005
    assert MaskRCNNConfig.preset("light", **suggest(boxes)._asdict()).anchor_sizes


def test_thin_objects_get_thin_anchors() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 200, (200, 2))
    boxes = np.hstack([corners, corners + np.array([20, 60])])
    assert max(suggest(boxes).anchor_ratios) >= 2.5


def test_objects_are_counted_in_tiles() -> None:
    scenes = Scenes([shapely.box(0, 0, 20, 20), shapely.box(100, 0, 120, 20)], [],
                    [shapely.box(200, 200, 256, 256)])  # fmt: skip
    objects = read_objects(scenes)
    counts = objects_in_tiles(objects, 128)
    assert counts.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert objects.crowds == 3
    assert objects_in_tiles(objects, 512).tolist() == [2, 0, 1]


def test_what_is_measured() -> None:
    small = [shapely.box(k, k, k + 6, k + 6) for k in range(0, 240, 2)]
    measured = inspect(Scenes(small, [shapely.box(0, 0, 200, 200)], []),
                       read_objects(Scenes(small, [shapely.box(0, 0, 200, 200)], [])),
                       tile=256, preset="light")  # fmt: skip
    assert (measured.images, measured.negatives, measured.crowds) == (3, 1, 3)
    assert measured.objects == {"roof": 121, "pond": 0}
    assert measured.side[2] == 6
    assert measured.side_metres is not None
    assert measured.side_metres[2] == 3
    assert measured.area_metres is not None
    assert measured.area_metres[2] == 9
    assert measured.a_tile == (1, 108, 120)
    assert measured.suggested_gsd == pytest.approx(0.125, rel=0.05)
    assert measured.suggestions["detections"] == 200
    assert measured.suggestions["anchor_sizes"][0] < 10
    assert set(measured.bands) == {"red", "green", "blue"}
    said = " ".join(measured.warnings)
    assert "less than 8 pixels" in said
    assert "up to 120 objects" in said
    assert "fewer than 20 objects of pond" in said
    assert MaskRCNNConfig.preset("light", **measured.suggestions)


def test_without_a_gsd_nothing_is_said_in_metres() -> None:
    scenes = Scenes([shapely.box(0, 0, 40, 40)], gsd=None)
    measured = inspect(scenes, read_objects(scenes), tile=256, preset="light")
    assert measured.gsd is measured.side_metres is measured.suggested_gsd is None
    assert "the ground sample distance of the images is unknown" in measured.warnings


def test_suggested_anchors_are_fields_of_the_network() -> None:
    fields = suggested_anchors(Scenes([shapely.box(0, 0, 12, 12)], [shapely.box(9, 9, 22, 20)]))
    assert MaskRCNNConfig.preset("light", **fields).anchor_sizes == fields["anchor_sizes"]
    with pytest.raises(DataError, match="no whole object"):
        suggested_anchors(Scenes([], []))
