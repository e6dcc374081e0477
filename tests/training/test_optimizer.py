"""The optimizer, clipping, averages and the loss scale, by hand."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from geomrcnn.training.averaging import Averages
from geomrcnn.training.optimizer import Optimizer, clip
from geomrcnn.training.precision import LossScale, layers_in

YES, NO = tf.constant(True), tf.constant(False)


def dense(name: str = "layer") -> dict[str, keras.Variable]:
    """Kernel and bias of a layer, and gamma of a norm, all of twos."""
    layer = keras.layers.Dense(3, name=name, kernel_initializer="ones", bias_initializer="ones")
    layer.build([None, 2])
    norm = keras.layers.BatchNormalization()
    norm.build([None, 3])
    variables = {"kernel": layer.kernel, "bias": layer.bias, "gamma": norm.gamma}
    for variable in variables.values():
        variable.assign(tf.fill(variable.shape, 2.0))
    return variables


def step(
    optimizer: Optimizer,
    variables: dict[str, keras.Variable],
    gradient: float,
    rate: float = 0.1,
    sound: tf.Tensor = YES,
) -> None:
    gradients = [tf.fill(variable.shape, gradient) for variable in variables.values()]
    optimizer.apply(list(variables.values()), gradients, tf.constant(rate), sound)


def test_without_a_gradient_kernels_shrink_by_exactly_the_factor():
    variables = dense()
    optimizer = Optimizer(variables, momentum=0.9, weight_decay=0.01)
    for _ in range(3):
        step(optimizer, variables, 0.0)
    np.testing.assert_allclose(variables["kernel"], np.full([2, 3], 2 * 0.999**3), rtol=1e-6)
    np.testing.assert_array_equal(variables["bias"], [2, 2, 2])
    np.testing.assert_array_equal(variables["gamma"], [2, 2, 2])


def test_momentum_by_hand():
    variables = dense()
    optimizer = Optimizer(variables, momentum=0.9, weight_decay=0.0)
    step(optimizer, variables, 1.0)
    step(optimizer, variables, 0.5, rate=0.2)
    # Velocities -0.1, and 0.9 × -0.1 - 0.2 × 0.5 = -0.19.
    np.testing.assert_allclose(variables["bias"], np.full(3, 2 - 0.1 - 0.19), rtol=1e-6)


def test_variables_that_are_left_out_do_not_move():
    variables = dense()
    optimizer = Optimizer(variables, momentum=0.9, weight_decay=0.1)
    step(optimizer, {"bias": variables["bias"]}, 1.0)
    np.testing.assert_array_equal(variables["kernel"], np.full([2, 3], 2))
    assert (variables["bias"].numpy() < 2).all()


def test_a_gradient_that_is_not_sound_moves_nothing():
    variables = dense()
    optimizer = Optimizer(variables, momentum=0.9, weight_decay=0.1)
    step(optimizer, variables, float("nan"), sound=NO)
    step(optimizer, variables, 1.0)
    np.testing.assert_allclose(variables["bias"], np.full(3, 1.9), rtol=1e-6)


def test_clipping_keeps_the_direction():
    gradients = [tf.constant([3.0, 0.0]), tf.constant([[4.0]])]
    short = clip(gradients, tf.linalg.global_norm(gradients), 1.0)
    np.testing.assert_allclose(short[0], [0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(short[1], [[0.8]], rtol=1e-6)
    same = clip(gradients, tf.linalg.global_norm(gradients), 5.5)
    np.testing.assert_array_equal(same[0], gradients[0])
    nothing = [tf.zeros([2])]
    np.testing.assert_array_equal(clip(nothing, tf.constant(0.0), 1.0)[0], [0, 0])


def test_averages_by_hand_and_in_place():
    variables = {"bias": dense()["bias"]}
    averages = Averages(variables, decay=0.5)
    variables["bias"].assign([4.0, 4, 4])
    averages.follow(tf.constant(0))  # a tenth of the old
    np.testing.assert_allclose(averages.values["bias"], np.full(3, 3.8), rtol=1e-6)
    averages.follow(tf.constant(1000))  # half of it
    np.testing.assert_allclose(averages.values["bias"], np.full(3, 3.9), rtol=1e-6)
    with averages.in_place():
        np.testing.assert_allclose(variables["bias"], np.full(3, 3.9), rtol=1e-6)
    np.testing.assert_array_equal(variables["bias"], [4, 4, 4])


def test_the_loss_scale_halves_and_grows():
    scale = LossScale("float16")
    first = float(scale.value)
    scale.follow(NO)
    assert float(scale.value) == first / 2
    scale.good_steps.assign(1998)
    scale.follow(YES)
    assert float(scale.value) == first / 2
    scale.follow(YES)
    assert float(scale.value) == first
    assert int(scale.good_steps) == 0
    scale.value.assign(1.0)
    scale.follow(NO)
    assert float(scale.value) == 1


def test_float32_needs_no_loss_scale():
    scale = LossScale("float32")
    scale.follow(NO)
    assert float(scale.value) == 1


def test_layers_are_made_in_a_precision_for_a_while():
    with layers_in("bfloat16"):
        layer = keras.layers.Dense(2)
    layer.build([None, 3])
    assert (layer.compute_dtype, layer.kernel.dtype) == ("bfloat16", "float32")
    assert keras.layers.Dense(2).compute_dtype == "float32"
