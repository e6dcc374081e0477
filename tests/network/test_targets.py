"""Matching and drawing: however many objects, and whatever else is in the batch."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from geomrcnn.network.ops import boxes as box_ops
from geomrcnn.network.ops import matching
from geomrcnn.network.ops.matching import NEGATIVE, POSITIVE, match, sample


def random_boxes(rng: np.random.Generator, *shape: int, largest: float = 60) -> np.ndarray:
    corner = rng.uniform(0, 200, [*shape, 2])
    sides = rng.uniform(1, largest, [*shape, 2])
    return np.concatenate([corner, corner + sides], axis=-1).astype(np.float32)


@pytest.mark.parametrize("best_for_each_object", [False, True])
@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 999), objects=st.integers(1, 40), at_once=st.integers(1, 3000))
def test_going_through_objects_in_blocks_changes_nothing(
    best_for_each_object, seed, objects, at_once
):
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, 1, 100)
    truth, classes = random_boxes(rng, 2, objects), rng.integers(-1, 3, [2, objects])
    arguments = boxes, truth, classes.astype(np.int32)
    options = {"positive": 0.5, "negative": 0.3, "best_for_each_object": best_for_each_object}
    whole = match(*arguments, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "PAIRS_AT_ONCE", at_once)
        blocks = match(*arguments, **options)
    np.testing.assert_array_equal(whole.labels, blocks.labels)
    np.testing.assert_array_equal(whole.truth, blocks.truth)


def test_1500_objects_take_bounded_memory(monkeypatch):
    """A tile of 512 px has eight times as many anchors."""
    pairs = []

    def iou(*args: tf.Tensor) -> tf.Tensor:
        found = box_ops.iou(*args)
        pairs.append(int(tf.size(found)))
        return found

    monkeypatch.setattr(matching, "box_ops", SimpleNamespace(**{**vars(box_ops), "iou": iou}))
    rng = np.random.default_rng(1)
    anchors, truth = random_boxes(rng, 1, 8192), random_boxes(rng, 1, 1500, largest=9)
    classes = np.ones([1, 1500], np.int32)
    found = match(anchors, truth, classes, positive=0.7, negative=0.3, best_for_each_object=True)
    assert sum(pairs) == 8192 * 1500
    assert max(pairs) <= matching.PAIRS_AT_ONCE
    assert 500 < (found.labels.numpy() == POSITIVE).sum() < 3000


def test_an_image_is_drawn_from_alike_in_any_batch():
    rng = np.random.default_rng(0)
    labels = tf.constant(rng.integers(-1, 2, [3, 500]), tf.int32)
    seeds = tf.constant([[4, 10], [4, 11], [4, 12]])
    together = sample(labels, 32, 0.5, seeds)
    for image in range(3):
        alone = sample(labels[image : image + 1], 32, 0.5, seeds[image : image + 1])
        np.testing.assert_array_equal(together.index[image], alone.index[0])
    assert (together.index[0] != sample(labels, 32, 0.5, seeds + 1).index[0]).numpy().any()
    drawn = tf.gather(labels, together.index, batch_dims=1).numpy()
    assert ((drawn == POSITIVE).sum(axis=1) == 16).all()
    assert ((drawn == NEGATIVE).sum(axis=1) == 16).all()
