"""The network as a whole, with random weights on small images."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from geomrcnn.errors import ModelError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.targets import GroundTruth
from geomrcnn.network.weights.own import assign_weights, named_weights

SEEDS = tf.constant([[1, 2]])


def small(**changes) -> MaskRCNN:
    """A network quick to build, with outputs that vary from place to place."""
    keras.utils.set_random_seed(5)
    settings = {"pyramid_channels": 32, "box_units": (32,), "proposals": 60, "detections": 20}
    model = MaskRCNN(MaskRCNNConfig.preset("light", **{**settings, **changes}))
    for weight in (*model.rpn.weights, *model.box_head.weights):
        weight.assign(weight * 4)
    return model


@pytest.fixture(scope="module")
def model() -> MaskRCNN:
    return small(classes=2)


def images(count: int, side: int = 128) -> tf.Tensor:
    return tf.random.stateless_uniform([count, side, side, 3], [count, side], 0, 255)


def test_detections_are_boxes_in_the_image(model):
    found = model(images(2))
    boxes = found.boxes.numpy()
    assert len(boxes) > 0
    assert (boxes >= 0).all()
    assert (boxes <= 128).all()
    assert (boxes[:, :2] <= boxes[:, 2:]).all()
    assert set(found.classes.numpy()) <= {1, 2}
    assert found.masks.shape == (len(boxes), 28, 28)
    assert ((found.masks.numpy() >= 0) & (found.masks.numpy() <= 1)).all()
    for image in range(2):
        scores = found.scores.numpy()[found.image_index.numpy() == image]
        assert len(scores) <= model.config.detections
        assert (np.diff(scores) <= 0).all()
        assert (scores > model.config.score_threshold).all()


def test_an_image_does_not_depend_on_its_batch_mates(model):
    batch = images(2)
    together, alone = model(batch), model(batch[1:])
    mine = together.image_index.numpy() == 1
    np.testing.assert_allclose(together.boxes.numpy()[mine], alone.boxes, atol=1e-2)
    np.testing.assert_allclose(together.masks.numpy()[mine], alone.masks, atol=1e-3)


@pytest.mark.parametrize("objects", [0, 3])
def test_losses_are_finite_with_gradients_for_every_weight(model, objects):
    corner = np.array([[8, 8], [60, 20], [30, 70]], "f4")
    boxes = np.zeros([1, 3, 4], "f4")
    boxes[0, :objects] = np.concatenate([corner, corner + np.array([40, 30])], 1)[:objects]
    classes = np.zeros([1, 3], "i4")
    classes[0, :objects] = np.array([1, 2, 1])[:objects]
    truth = GroundTruth(boxes, classes, np.ones([1, 3, 28, 28], "u1"))
    with tf.GradientTape() as tape:
        losses = model.losses_of(images(1), GroundTruth(*map(tf.constant, truth)), SEEDS)
        total = tf.reduce_sum(losses.total)
    gradients = tape.gradient(total, model.trainable_variables)
    assert np.isfinite(losses).all()
    assert all(np.isfinite(g.numpy()).all() for g in map(tf.convert_to_tensor, gradients))
    if objects:
        assert (np.array(losses) > 0).all()
    else:
        np.testing.assert_array_equal([losses.rpn_box, losses.box, losses.mask], 0)
        assert (np.array([losses.rpn_class, losses.box_class]) > 0).all()


def test_frozen_layers_have_no_trainable_weights(model):
    trained = {weight.path for weight in model.trainable_variables}
    assert not any("_bn/" in path or path.startswith(("stem", "block2")) for path in trained)
    assert any(path.startswith("block5") for path in trained)


@pytest.mark.parametrize("bands", [1, 5])
def test_any_number_of_bands(bands):
    model = small(bands=bands, pixel_mean=(100.0,) * bands, pixel_std=(50.0,) * bands)
    found = model(tf.random.stateless_uniform([1, 96, 64, bands], [0, 1], 0, 255))
    assert found.boxes.shape[1] == 4


def test_mask_size_is_configurable():
    assert small(mask_size=56)(images(1, 64)).masks.shape[1:] == (56, 56)


def test_weights_by_name_restore_the_network(model):
    other = small(classes=2)
    other.rpn.logits.bias.assign([9.0, 9.0, 9.0])
    assign_weights(other, named_weights(model), "a test")
    np.testing.assert_array_equal(other(images(1)).boxes, model(images(1)).boxes)


def test_weights_of_another_network_are_refused(model):
    values = named_weights(small(classes=3))
    with pytest.raises(ModelError, match=r"a\.zip.*box_head"):
        assign_weights(model, values, "a.zip")
    values.pop("rpn/logits/kernel")
    with pytest.raises(ModelError, match="rpn/logits/kernel"):
        assign_weights(model, values, "a.zip")


@pytest.mark.parametrize("name", ["resnet50", "mobilenetv2"])
def test_other_backbones_detect(name):
    model = MaskRCNN(MaskRCNNConfig(backbone=name, pyramid_channels=32, box_units=(32,)))
    assert model(images(1, 64)).masks.shape[1:] == (28, 28)
