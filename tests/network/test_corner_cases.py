"""Losses and gradients of the whole network where labels are odd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from geomrcnn.network.losses import Losses
from geomrcnn.network.targets import GroundTruth
from geomrcnn.training.devices import find_devices
from geomrcnn.training.gradients import Batch, loss_gradients, signature
from tests.training.tiny import TILE, network

CROWD = -1
Objects = Sequence[tuple[float, float, float, float, int]]
"""x1, y1, x2, y2 and class of each."""
EVERYWHERE_CROWD: Objects = [(-300, -300, 400, 400, CROWD)]
"""Anchors that reach beyond the image lie in it too."""
PLAIN: Objects = [(8, 8, 40, 30, 1), (20, 30, 60, 60, 2)]


class Result(NamedTuple):
    losses: Losses
    gradients: dict[str, np.ndarray]


class Network:
    """The gradients of a batch's summed loss, for any number of objects."""

    def __init__(self) -> None:
        find_devices()  # computes the same numbers each time from here on, as training does
        self.model = network()
        self._traced: dict[int, Callable[[Batch], tuple[tf.Tensor, list[tf.Tensor]]]] = {}

    def _step(self, batch: Batch) -> tuple[tf.Tensor, list[tf.Tensor]]:
        size = batch.images.shape[0]
        if size not in self._traced:
            self._traced[size] = tf.function(
                lambda batch: loss_gradients(self.model, batch, tf.constant(1.0), parts=1),
                input_signature=[signature(size, TILE, 3)],
            )
        return self._traced[size](batch)

    def run(self, *images: Objects, first: int = 0) -> Result:
        """A batch of images with these objects, the first having the number `first`."""
        rng = [np.random.default_rng(first + i) for i in range(len(images))]
        pixels = np.stack([r.uniform(0, 255, [TILE, TILE, 3]) for r in rng]).astype("f4")
        room = max(1, *map(len, images))
        boxes = np.zeros([len(images), room, 4], "f4")
        classes = np.zeros([len(images), room], "i4")
        for row, objects in enumerate(images):
            for place, (*box, class_id) in enumerate(objects):
                boxes[row, place], classes[row, place] = box, class_id
        masks = np.ones([len(images), room, 28, 28], "u1")
        truth = GroundTruth(*map(tf.constant, (boxes, classes, masks)))
        seeds = tf.constant([[3, first + i] for i in range(len(images))])
        losses, gradients = self._step(Batch(tf.constant(pixels), truth, seeds))
        names = [variable.path for variable in self.model.trainable_variables]
        result = Result(
            Losses(*tf.unstack(losses, axis=1)),
            {name: g.numpy() for name, g in zip(names, gradients, strict=True)},
        )
        assert np.isfinite(result.losses).all()
        assert all(np.isfinite(g).all() for g in result.gradients.values())
        return result


@pytest.fixture(scope="module")
def net() -> Network:
    return Network()


def moved(result: Result, part: str) -> bool:
    return any(g.any() for name, g in result.gradients.items() if part in name)


@pytest.mark.parametrize("objects", [[], [(0, 0, 30, 30, CROWD)], EVERYWHERE_CROWD])
def test_without_objects_only_the_background_is_learnt(net, objects):
    result = net.run(objects)
    np.testing.assert_array_equal([result.losses.rpn_box, result.losses.box, result.losses.mask], 0)
    for part in ("rpn/deltas", "box_head/deltas", "mask_head"):
        assert not moved(result, part)
    everywhere_ignored = objects == EVERYWHERE_CROWD
    assert moved(result, "rpn/logits") != everywhere_ignored
    assert moved(result, "box_head/logits") != everywhere_ignored
    assert (result.losses.total.numpy() > 0) == [not everywhere_ignored]


def test_objects_of_one_pixel(net):
    result = net.run([(x, y, x + 1, y + 1, 1) for x in (5, 20, 41) for y in (7, 33)])
    assert (np.array(result.losses) > 0).all()
    assert moved(result, "mask_head")


def test_objects_larger_than_the_image(net):
    result = net.run([(-500, -300, 900, 700, 1), (-40, 10, 30, 200, 2)])
    assert (np.array(result.losses) > 0).all()
    assert moved(result, "mask_head")


def test_1500_objects_in_a_tile(net):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 60, [1500, 2])
    result = net.run([(x, y, x + 4, y + 4, 1 + i % 2) for i, (x, y) in enumerate(corners)])
    assert (np.array(result.losses) > 0).all()


def test_an_image_has_the_same_losses_in_any_batch(net):
    """Also beside one that is empty, and one with more objects."""
    many = [(x, 2, x + 9, 30, 2) for x in range(0, 50, 5)]
    together = net.run(PLAIN, [], many)
    apart = [net.run(objects, first=i) for i, objects in enumerate((PLAIN, [], many))]
    for name in Losses._fields:
        alone = [float(getattr(result.losses, name)[0]) for result in apart]
        np.testing.assert_allclose(getattr(together.losses, name), alone, rtol=2e-4, atol=1e-6)
    for name, gradient in together.gradients.items():
        summed = sum(result.gradients[name] for result in apart)
        scale = np.abs(summed).max()
        np.testing.assert_allclose(gradient, summed, atol=1e-3 * scale + 1e-7, err_msg=name)
