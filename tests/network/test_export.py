"""What leaves for other runtimes computes what the network computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import openvino
import pytest
import tensorflow as tf

from geomrcnn.network.backbones import build_backbone
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.export import OUTPUTS, fold_batch_norms, openvino_graph
from geomrcnn.network.export.plain_operators import (
    crop_and_resize,
    non_max_suppression,
    plain_operators,
    unstack,
)
from geomrcnn.network.geometry import GEOMETRIES
from geomrcnn.network.mask_rcnn import DetectedObjects, MaskRCNN


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet50", "mobilenetv2"])
def test_folding_batch_norms_changes_nothing_but_the_weights(name):
    keras.utils.set_random_seed(1)
    backbone = build_backbone(name)
    rng = np.random.default_rng(2)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape
            layer.set_weights([rng.uniform(0.5, 1.5, size) for _ in range(4)])
    image = rng.normal(size=(1, 64, 64, 3)).astype("f4")
    before = backbone(image)
    fold_batch_norms(backbone)
    for tap, wanted in zip(backbone(image), before, strict=True):
        scale = np.abs(wanted.numpy()).max()
        np.testing.assert_allclose(tap / scale, wanted / scale, atol=1e-5)
    norms = [n for n in backbone.layers if isinstance(n, keras.layers.BatchNormalization)]
    assert all((np.asarray(norm.gamma) == 1).all() for norm in norms)


def test_plain_operators_compute_what_tensorflow_s_own_do():
    rng = np.random.default_rng(4)
    image = rng.normal(size=(2, 9, 7, 3)).astype("f4")
    # Some reach outside, some are turned over, some have no extent.
    boxes = rng.uniform(-0.2, 1.2, (20, 4)).astype("f4")
    boxes[3] = [0, 0, 1, 1]
    boxes[4] = 0.5
    index = rng.integers(0, 2, 20).astype("i4")
    scores = rng.normal(size=20).astype("f4")
    ours = crop_and_resize(tf.constant(image), tf.constant(boxes), tf.constant(index), [4, 6])
    theirs = tf.image.crop_and_resize(image, boxes, index, [4, 6])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    kept = non_max_suppression(tf.constant(boxes), tf.constant(scores), 9, 0.4)
    wanted = tf.image.non_max_suppression(boxes, scores, 9, 0.4)
    assert kept.numpy().tolist() == wanted.numpy().tolist()
    for axis in (0, -1):
        for one, other in zip(unstack(boxes, axis=axis), tf.unstack(boxes, axis=axis), strict=True):
            np.testing.assert_array_equal(one, other)


def test_plain_operators_are_swapped_only_for_a_while():
    own = tf.image.crop_and_resize
    with plain_operators():
        assert tf.image.crop_and_resize is crop_and_resize
    assert tf.image.crop_and_resize is own


def small_network(geometry: str) -> MaskRCNN:
    """Random weights whose scores are far enough apart to be compared."""
    keras.utils.set_random_seed(5)
    config = MaskRCNNConfig.preset(
        "light",
        classes=2,
        pyramid_channels=32,
        box_units=(32,),
        proposals=100,
        detections=50,
        geometry=geometry,
    )
    model = MaskRCNN(config)
    for weight in (*model.rpn.weights, *model.box_head.weights):
        weight.assign(weight * 4)
    # The last level must propose, too: its anchors once came out in the wrong places.
    model.rpn.logits.bias.assign([0.0, 0.1, 0.2])
    # Objects stand out, but an image of the mean colour, all zeros inside, is background.
    model.box_head.logits.kernel.assign(model.box_head.logits.kernel * 80)
    model.box_head.logits.bias.assign([3.0, 0.0, 0.0])
    return model


def picture(side: int) -> tf.Tensor:
    return tf.random.stateless_uniform([1, side, side, 3], [1, side], 0, 255)


def assert_same(found: Mapping[str, np.ndarray], wanted: DetectedObjects) -> None:
    """Random weights leave near-ties, which may change places: compare as sets."""
    assert len(wanted.scores) == len(found["scores"]) > 0
    apart = np.abs(wanted.boxes.numpy()[:, None] - found["boxes"][None]).max(axis=2)
    twins = apart.argmin(axis=1)
    near = apart.min(axis=1) < 0.1
    assert near.mean() > 0.9
    np.testing.assert_allclose(found["scores"][twins][near], wanted.scores.numpy()[near], atol=1e-3)
    np.testing.assert_allclose(found["masks"][twins][near], wanted.masks.numpy()[near], atol=1e-2)


@pytest.mark.parametrize("geometry", sorted(GEOMETRIES))
def test_the_openvino_graph_detects_what_the_network_detects(geometry):
    model = small_network(geometry)
    core = openvino.Core()
    graph = core.read_model(*openvino_graph(model))
    for side in (128, 512):
        image = picture(side)
        graph.reshape([1, side, side, 3])
        compiled = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        results = compiled(image.numpy())
        assert_same({name: results[name] for name in OUTPUTS}, model(image))


def load_onnx(model: MaskRCNN, path: Path) -> Callable[[np.ndarray], Mapping[str, np.ndarray]]:
    pytest.importorskip("tf2onnx")
    from geomrcnn.network.export.onnx import write_onnx

    write_onnx(model, path)
    session = pytest.importorskip("onnxruntime").InferenceSession(path)
    return lambda image: dict(
        zip(OUTPUTS, session.run(list(OUTPUTS), {"images": image}), strict=True)
    )


def load_litert(model: MaskRCNN, path: Path) -> Callable[[np.ndarray], Mapping[str, np.ndarray]]:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    from geomrcnn.network.export.litert import write_litert

    write_litert(model, path, 128)
    run = interpreter.Interpreter(str(path)).get_signature_runner()
    return lambda image: dict(run(images=image))


@pytest.mark.parametrize("load", [load_onnx, load_litert])
@pytest.mark.parametrize("geometry", ["matterport", "torchvision"])
def test_networks_of_other_conventions_leave_too_and_may_find_nothing(geometry, load, tmp_path):
    model, image = small_network(geometry), picture(128)
    nothing = np.tile(np.float32(model.config.pixel_mean), (1, 128, 128, 1))
    run = load(model, tmp_path / "model")
    assert {len(part) for part in run(nothing).values()} == {0}
    assert_same(run(image.numpy()), model(image))
