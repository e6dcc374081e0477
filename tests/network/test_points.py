"""Masks refined at points."""

from __future__ import annotations

import keras
import numpy as np
import openvino
import pytest
import tensorflow as tf

from geomrcnn.errors import ModelError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.export import openvino_graph
from geomrcnn.network.losses import point_loss
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.ops.masks import crop_masks, masks_at
from geomrcnn.network.ops.points import doubled, most_uncertain, read_points, replace_points
from geomrcnn.network.point_head import PointHead, training_points
from geomrcnn.network.proposals import Proposals
from geomrcnn.network.targets import GroundTruth, RoiTargets
from geomrcnn.network.weights.assign import load_weights
from geomrcnn.network.weights.own import named_weights
from tests.oracles import points as slow

SEEDS = tf.constant([[1, 2], [3, 4]])


def config(**changes) -> MaskRCNNConfig:
    small = {"pyramid_channels": 16, "box_units": (16,), "mask_size": 8, "classes": 2}
    limits = {"proposals": 40, "detections": 20, "train_rois": 32}
    return MaskRCNNConfig.preset("light", **{**small, **limits, "mask_refinements": 2, **changes})


@pytest.fixture(scope="module")
def model() -> MaskRCNN:
    """A network quick to build, with outputs that vary from place to place."""
    keras.utils.set_random_seed(8)
    model = MaskRCNN(config())
    for weight in (*model.box_head.weights, *model.rpn.weights):
        weight.assign(weight * 4)
    return model


def point_head() -> PointHead:
    """A head that has much to say, once it is called."""
    keras.utils.set_random_seed(3)
    head = PointHead(config())
    head.correction.kernel_initializer = keras.initializers.RandomNormal(stddev=1.0)
    return head


def rois(rng: np.random.Generator, count: int) -> Proposals:
    corner = rng.uniform(-4, 40, [count, 2])
    boxes = np.concatenate([corner, corner + rng.uniform(2, 50, [count, 2])], axis=1)
    return Proposals(
        tf.constant(boxes, tf.float32), tf.constant(rng.integers(0, 2, count), "int32")
    )


def test_points_are_read_between_cell_centres():
    rng = np.random.default_rng(1)
    maps, index = rng.normal(size=[3, 5, 7, 2]).astype("f4"), np.array([2, 0, 2, 1])
    points = rng.uniform(-2, 9, [4, 20, 2]).astype("f4")
    wanted = [[slow.read(maps[i], p) for p in row] for i, row in zip(index, points, strict=True)]
    np.testing.assert_allclose(read_points(maps, index, points), wanted, atol=1e-5)


def test_a_grid_is_doubled_about_its_cell_centres():
    grids = np.random.default_rng(2).normal(size=[3, 6, 6]).astype("f4")
    np.testing.assert_allclose(doubled(grids), [slow.double(g) for g in grids], atol=1e-6)


def test_the_cells_nearest_to_nothing_are_found_and_replaced():
    grid = np.random.default_rng(3).normal(size=[2, 4, 4]).astype("f4")
    cells, places = most_uncertain(grid, 5)
    wanted = np.argsort(np.abs(grid).reshape(2, -1))[:, :5]
    np.testing.assert_array_equal(cells, wanted)
    centres = np.stack([wanted % 4, wanted // 4], axis=-1) / 4 + 0.125
    np.testing.assert_allclose(places, centres)
    filled = grid.reshape(2, -1).copy()
    np.put_along_axis(filled, wanted, np.float32(9), axis=1)
    result = replace_points(grid, cells, tf.fill([2, 5], 9.0))
    np.testing.assert_array_equal(result, filled.reshape(2, 4, 4))


def test_masks_are_refined_as_by_the_slow_reference():
    rng, head = np.random.default_rng(4), point_head()
    finest = rng.normal(size=[2, 16, 16, 16]).astype("f4")
    where, classes = rois(rng, 3), np.array([1, 2, 2])
    logits = rng.normal(size=[3, 8, 8]).astype("f4")
    found = head.refine(finest, where, classes, logits).numpy()
    weights = {"/".join(w.path.split("/")[-2:]): np.asarray(w) for w in head.weights}
    for k in range(3):
        level = finest[where.image_index[k]]
        box = where.boxes[k].numpy()
        wanted = slow.refine(weights, level, box, int(classes[k]), logits[k], 2)
        assert np.abs(wanted - slow.double(slow.double(logits[k]))).max() > 0.1
        np.testing.assert_allclose(found[k], wanted, atol=1e-3)


def test_no_rois_have_no_masks():
    nothing = Proposals(tf.zeros([0, 4]), tf.zeros([0], tf.int32))
    logits, classes = tf.zeros([0, 8, 8]), tf.zeros([0], tf.int32)
    refined = point_head().refine(tf.zeros([1, 16, 16, 16]), nothing, classes, logits)
    assert refined.shape == (0, 32, 32)
    assert training_points(logits, classes, SEEDS).shape == (0, 16, 2)


def test_training_looks_where_the_mask_head_is_in_doubt():
    logits = tf.tile(tf.range(-16.0, 16.0)[None, None] + 0.5, [2, 32, 1])
    points = training_points(logits, tf.constant([1, 0]), SEEDS).numpy()
    assert points.shape == (2, 256, 2)
    near = np.abs(points[:, :192, 0] - 0.5)
    assert (near.max(axis=1) < 0.2).all()
    assert (np.abs(points[:, 192:, 0] - 0.5).max(axis=1) > 0.4).all()
    alone = training_points(logits[:1], tf.constant([0]), SEEDS[1:]).numpy()
    np.testing.assert_array_equal(alone[0], points[0])


def test_truth_at_cell_centres_is_that_of_the_cells():
    rng = np.random.default_rng(5)
    masks = rng.integers(0, 2, [2, 3, 12, 12]).astype("u1")
    corner = rng.uniform(0, 20, [2, 3, 2])
    boxes = np.concatenate([corner, corner + rng.uniform(5, 30, [2, 3, 2])], axis=2).astype("f4")
    objects = np.array([4, 0, 5])
    own = masks.reshape(6, 12, 12)[objects], boxes.reshape(6, 4)[objects]
    where = own[1] + rng.uniform(-3, 3, [3, 4]).astype("f4")
    cells = crop_masks(*own, where, 8).numpy()
    centre = (np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(-1, 2) + 0.5) / 8
    pixels = where[:, None, :2] + centre * (where[:, 2:] - where[:, :2])[:, None]
    found = masks_at(masks, boxes, objects, pixels.astype("f4"))
    assert 0 < cells.mean() < 1
    assert (found.numpy() == cells.reshape(3, -1)).mean() > 0.99  # but for rounding


def test_the_loss_of_points_by_hand():
    masks = np.zeros([2, 1, 4, 4], "u1")
    masks[1, 0, :, :2] = 1
    box = tf.constant([[[0.0, 0.0, 8.0, 8.0]]])
    truth = GroundTruth(tf.tile(box, [2, 1, 1]), tf.ones([2, 1], tf.int32), tf.constant(masks))
    where = tf.constant([[0.0, 0, 4, 4], [-8, 0, 8, 8]])
    targets = RoiTargets(
        boxes=where,
        image_index=tf.constant([1, 1]),
        classes=tf.constant([0, 1]),
        deltas=tf.zeros([2, 4]),
        positives=tf.constant([1]),
        objects=tf.constant([1]),
        masks=tf.zeros([1, 8, 8]),
    )
    # Left of the object, in its left half, in its right half.
    points = tf.constant([[[0.25, 0.5], [0.6, 0.5], [0.9, 0.5]]])
    losses = point_loss(tf.constant([[-2.0, 2.0, 2.0]]), points, targets, truth)
    right, wrong = np.log1p(np.exp([-2.0, 2.0]))
    np.testing.assert_allclose(losses, [0, (2 * right + wrong) / 3], rtol=1e-5)


def test_a_point_head_learns_what_the_grid_is_too_coarse_for():
    """The finest level shows a disc; the mask head says "half" of all its cells."""
    keras.utils.set_random_seed(6)
    y, x = np.mgrid[:32, :32] + 0.5
    disc = ((x - 16) ** 2 + (y - 16) ** 2 < 120).astype("f4")
    finest = tf.constant(disc[None, :, :, None] * np.ones(16, "f4"))
    roi = Proposals(tf.constant([[0.0, 0, 128, 128]]), tf.constant([0]))
    classes, logits = tf.constant([1]), tf.zeros([1, 8, 8])
    head, optimizer = PointHead(config()), keras.optimizers.Adam(0.01)
    for step in range(60):
        points = training_points(logits, tf.constant([0]), tf.constant([[0, step]]))
        wanted = read_points(finest, tf.constant([0]), points * 32)[..., 0]
        with tf.GradientTape() as tape:
            said = head(finest, roi, classes, logits, points)
            loss = tf.reduce_mean(tf.keras.losses.binary_crossentropy(wanted, said, True))
        gradients = tape.gradient(loss, head.trainable_variables)
        optimizer.apply_gradients(zip(gradients, head.trainable_variables, strict=True))
    _, points = most_uncertain(tf.zeros([1, 32, 32]), 1024)
    said = tf.reshape(head(finest, roi, classes, logits, points), [32, 32]).numpy()
    assert ((said > 0) == (disc > 0)).mean() > 0.97


@pytest.mark.parametrize("objects", [0, 2])
def test_the_network_learns_at_points(model, objects):
    boxes = np.array([[[10, 10, 60, 50], [70, 20, 110, 100]]], "f4")
    classes = np.array([[1, 2]], "i4") * (np.arange(2) < objects)
    truth = GroundTruth(tf.constant(boxes), tf.constant(classes), tf.ones([1, 2, 16, 16], tf.uint8))
    images = tf.random.stateless_uniform([1, 128, 128, 3], [0, 1], 0, 255)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.losses_of(images, truth, SEEDS[:1]).mask)
    gradients = tape.gradient(loss, model.point_head.trainable_variables)
    sizes = [float(tf.reduce_sum(tf.abs(tf.convert_to_tensor(g)))) for g in gradients]
    assert np.isfinite(sizes).all()
    if objects:
        # A mask loss of log 2 each for cells and points: both heads begin undecided.
        assert float(loss) == pytest.approx(2 * np.log(2), rel=0.1)
        assert min(sizes) > 0
    else:
        assert float(loss) == max(sizes) == 0


def test_refined_masks_leave_with_the_openvino_graph(model):
    head, small = model.point_head.correction.kernel, model.point_head.correction.kernel.numpy()
    head.assign(small * 1000)
    image = tf.random.stateless_uniform([1, 128, 128, 3], [1, 2], 0, 255)
    wanted = model(image)
    found = compiled(openvino.Core().read_model(*openvino_graph(model)))(image.numpy())
    head.assign(small)
    assert found["masks"].shape == (len(wanted.scores), 32, 32)
    assert len(wanted.scores) > 0
    for box, mask in zip(wanted.boxes.numpy(), wanted.masks.numpy(), strict=True):
        twin = np.abs(found["boxes"] - box).max(axis=1).argmin()
        # Cells that are in doubt equally may be taken in another order.
        assert (np.abs(found["masks"][twin] - mask) < 1e-3).mean() > 0.99


def test_openvino_refines_the_masks_of_no_rois_and_then_of_some():
    rng, head = np.random.default_rng(10), point_head()
    finest = tf.constant(rng.normal(size=[2, 16, 16, 16]), tf.float32)

    def refine(boxes: tf.Tensor, index: tf.Tensor, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        classes = index + 1
        return {"masks": head.refine(finest, Proposals(boxes, index), classes, logits)}

    shapes = ([None, 4], tf.float32), ([None], tf.int32), ([None, 8, 8], tf.float32)
    traced = tf.function(refine, input_signature=[tf.TensorSpec(*shape) for shape in shapes])
    run = compiled(openvino.convert_model(traced.get_concrete_function()))
    for count in (0, 3, 1):
        where = rois(rng, count)
        given = where.boxes.numpy(), where.image_index.numpy(), rng.normal(size=[count, 8, 8])
        given = (*given[:2], given[2].astype("f4"))
        found = run(given)
        np.testing.assert_allclose(found["masks"], refine(*given)["masks"], atol=1e-3)


def compiled(graph: openvino.Model) -> openvino.CompiledModel:
    return openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def test_a_network_without_points_is_a_start_for_one_with_them(model):
    weights = {k: v for k, v in named_weights(model).items() if not k.startswith("point_head")}
    report = load_weights(model, weights, "a model")
    assert {name.split("/")[0] for name in report.missing} == {"point_head"}
    weights.pop("fpn/lateral2/kernel")
    with pytest.raises(ModelError, match="fpn/lateral2/kernel"):
        load_weights(model, weights, "a model")


def test_points_are_for_one_geometry():
    with pytest.raises(ModelError, match="mask_refinements needs"):
        config(geometry="torchvision")
