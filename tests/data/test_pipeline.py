from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import tensorflow as tf
from rasterio.transform import from_origin
from shapely.geometry import Point

from geomrcnn.data.augmentation import STILL, Augmentation
from geomrcnn.data.coco import CocoDataset
from geomrcnn.data.dataset import Instance, Sample
from geomrcnn.data.pipeline import Batch, encode, training_batches
from geomrcnn.data.rasterise import box_mask
from geomrcnn.data.statistics import ValueRange
from geomrcnn.errors import DataError
from geomrcnn.training.gradients import signature


class Discs:
    """Image k: 70 × 90 pixels of value 10 (k + 1), with k discs."""

    classes = ("disc",)

    def __init__(self, count: int = 4) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def sample(self, index: int) -> Sample:
        discs = [Point(12 + 18 * k, 30).buffer(7) for k in range(index)]
        image = np.full((70, 90, 3), 10 * (index + 1), np.uint8)
        return Sample(image, tuple(Instance(disc, 1) for disc in discs))

    def gsd(self, index: int) -> float | None:
        return None

    def name(self, index: int) -> str:
        return str(index)


def batches(dataset: Any = None, **changes: Any) -> tf.data.Dataset:
    options = {
        "tile": 64, "batch": 3, "augmentation": Augmentation(), "seed": 5, "mask_size": 28,
    }  # fmt: skip
    return training_batches(Discs() if dataset is None else dataset, **{**options, **changes})


def take(data: Iterator[Batch], count: int) -> list[Any]:
    return [[part.numpy() for part in tf.nest.flatten(one)] for one in islice(data, count)]


def test_encodes_objects_crowds_and_nothing() -> None:
    disc, square = Point(20, 20).buffer(8), shapely.box(3, 4, 9, 8)
    crowd = Instance(square, 2, crowd=True)
    image = np.full((40, 40, 3), 7, np.uint8)
    pixels, truth = encode(Sample(image, (Instance(disc, 2), crowd)), 28)
    assert pixels.dtype == np.float32
    assert pixels.max() == 7
    np.testing.assert_allclose(truth.boxes, [(12, 12, 28, 28), (3, 4, 9, 8)])
    np.testing.assert_array_equal(truth.classes, [2, -1])
    np.testing.assert_array_equal(truth.masks[0], box_mask(disc, disc.bounds, 28))
    assert truth.masks[1].all()
    _, empty = encode(Sample(image, ()), 28)
    assert empty.boxes.shape == (1, 4)
    assert empty.classes.tolist() == [0]


def test_shapes_and_types() -> None:
    for images, boxes, classes, masks in take(batches(), 6):
        room = boxes.shape[1]
        assert room >= 1
        assert (images.shape, images.dtype) == ((3, 64, 64, 3), np.float32)
        assert (boxes.shape, boxes.dtype) == ((3, room, 4), np.float32)
        assert (classes.shape, classes.dtype) == ((3, room), np.int32)
        assert (masks.shape, masks.dtype) == ((3, room, 28, 28), np.uint8)
        assert 0 <= images.min() <= images.max() <= 255
        assert not boxes[classes == 0].any()
        assert (boxes[classes != 0][:, 2:] > boxes[classes != 0][:, :2]).all()
        assert masks[classes != 0].any(axis=(1, 2)).all()
        assert boxes.max() <= 64


def test_batches_have_the_shapes_that_a_step_is_traced_for() -> None:
    spec = signature(3, 64, 3)
    for images, truth in islice(batches(), 4):
        assert spec.images.is_compatible_with(images)
        for wanted, part in zip(spec.truth, truth, strict=True):
            assert wanted.is_compatible_with(part)
        assert truth.boxes.shape[1:] == (truth.classes.shape[1], 4)
        assert truth.masks.shape.as_list() == [3, truth.classes.shape[1], 28, 28]


def test_a_resumed_run_goes_on_exactly() -> None:
    whole = take(batches(), 7)
    rest = take(batches(start_step=4), 3)
    for a, b in zip(whole[4:], rest, strict=True):
        for left, right in zip(a, b, strict=True):
            np.testing.assert_array_equal(left, right)


def test_examples_do_not_depend_on_the_batch_size() -> None:
    by_three = np.concatenate([element[0] for element in take(batches(), 4)])
    by_two = np.concatenate([element[0] for element in take(batches(batch=2), 6)])
    np.testing.assert_array_equal(by_three, by_two)


def test_another_seed_is_another_sequence() -> None:
    (a,), (b,) = take(batches(), 1), take(batches(seed=6), 1)
    assert (a[0] != b[0]).any()


def test_weights_choose_the_images() -> None:
    drawn = take(batches(augmentation=STILL, weights=[0, 3, 0, 1], batch=20), 10)
    values = np.concatenate([element[0] for element in drawn]).max(axis=(1, 2, 3))
    assert set(values) == {20, 40}
    assert 0.65 < (values == 20).mean() < 0.85


@pytest.mark.parametrize("weights", [[1, 1], [0, 0, 0, 0], [1, 1, 1, -1]])
def test_weights_that_make_no_sense(weights: list[float]) -> None:
    with pytest.raises(DataError, match="weight"):
        batches(weights=weights)


def test_an_image_that_cannot_be_read_is_told_as_it_is() -> None:
    class Broken(Discs):
        def sample(self, index: int) -> Sample:
            if index == 2:
                raise DataError("disc 2: is broken")
            return super().sample(index)

    with pytest.raises(DataError, match=r"^disc 2: is broken$"):
        take(batches(Broken()), 20)


def test_no_images() -> None:
    with pytest.raises(DataError, match="0 images"):
        batches(Discs(0))


def test_images_without_objects_are_drawn_too() -> None:
    (element,) = take(batches(Discs(1)), 1)
    assert not element[2].any()


def test_beyond_the_image_is_the_fill() -> None:
    ((images, *_),) = take(batches(Discs(1), tile=128, augmentation=STILL, fill=(1, 2, 3)), 1)
    beyond = (images == (1, 2, 3)).all(axis=-1)
    assert (beyond.sum(axis=(1, 2)) == 128 * 128 - 70 * 90).all()
    assert (images[~beyond] == 10).all()


def test_sixteen_bits_arrive_as_they_are() -> None:
    class Deep(Discs):
        def sample(self, index: int) -> Sample:
            image = np.full((70, 90, 5), 9000 + index, np.uint16)
            image[:35] = 0
            valid = np.ones((70, 90), bool)
            valid[:35] = False
            return Sample(image, (), valid)

    mean = (100.5, 200.5, 300.5, 400.5, 500.5)
    options = {"augmentation": STILL, "values": ValueRange((0.0,), (9000.0,)), "fill": mean}
    ((images, *_),) = take(batches(Deep(), tile=96, **options), 1)
    assert images.shape == (3, 96, 96, 5)
    empty = (images == mean).all(axis=-1)
    assert (empty.sum(axis=(1, 2)) == 96 * 96 - 35 * 90).all()
    assert set(np.unique(images[~empty])) <= {9000, 9001, 9002, 9003}


def test_bad_data_is_reported_before_the_first_batch() -> None:
    class Broken(Discs):
        def sample(self, index: int) -> Sample:
            raise DataError("file.tif: cannot be read")

    with pytest.raises(DataError, match=r"file\.tif"):
        batches(Broken())


def test_many_threads_may_read_georeferenced_images(tmp_path: Path) -> None:
    """What opening a raster needs (PROJ) must live through TensorFlow's threads."""
    grid = from_origin(500_000, 5_000_000, 0.5, 0.5)
    options = {"count": 3, "height": 64, "width": 64, "crs": "EPSG:32632", "transform": grid}
    with rasterio.open(tmp_path / "a.tif", "w", dtype="uint8", **options) as out:
        out.write(np.full((3, 64, 64), 9, np.uint8))
    image = {"id": 1, "file_name": "a.tif", "width": 64, "height": 64}
    document = {"images": [image], "categories": [{"id": 1, "name": "a"}], "annotations": []}
    (tmp_path / "coco.json").write_text(json.dumps(document))
    dataset = CocoDataset(tmp_path / "coco.json", gsd=1.0)
    assert len(take(batches(dataset, tile=32, batch=8, cache_bytes=0), 25)) == 25
