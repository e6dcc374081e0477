"""Convolutions after Winograd give what plain ones give, to the rounding that is told."""

from __future__ import annotations

import math

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import of_kind
from geomrcnn.runtime.graph.squares import FIVE, FOUR, Squares
from geomrcnn.runtime.graph.winograd import convolve_by_winograd
from tests.oracles.convolution import convolve
from tests.runtime.graph.compiling import compiled

RANDOM = np.random.default_rng(3)
ANY = -math.inf
"""Products that a layer must save, for those that are too small for it to pay."""


def graph_of(
    kernel: np.ndarray,
    size: tuple[int, int],
    *,
    count: int = 1,
    bias: np.ndarray | None = None,
    relu: bool = False,
    **how: list[int],
) -> openvino.Model:
    """A convolution as exported graphs have it, with its kernel in float16."""
    image = ops.parameter([count, kernel.shape[1], *size], np.float32)
    factors = ops.convert(ops.constant(kernel.astype(np.float16)), "f32")
    how = {"strides": [1, 1], "pads_begin": [1, 1], "pads_end": [1, 1], "dilations": [1, 1]} | how
    last = ops.convolution(image, factors, **how)
    if bias is not None:
        last = ops.add(last, ops.constant(bias.astype(np.float32)[None, :, None, None]))
    return openvino.Model([ops.relu(last) if relu else last], [image])


def kernel_of(outputs: int, inputs: int) -> np.ndarray:
    """One that leaves the spread of values as it is; values that float16 has."""
    spread = 1 / math.sqrt(9 * inputs)
    return RANDOM.normal(0, spread, (outputs, inputs, 3, 3)).astype(np.float16).astype(np.float64)


def plain(graph: openvino.Model) -> list[openvino.Node]:
    """The 3×3 convolutions that are left."""
    return [n for n in of_kind(graph, "Convolution") if list(n.get_input_shape(1))[2:] == [3, 3]]


def run(graph: openvino.Model, image: np.ndarray) -> np.ndarray:
    return np.array(compiled(graph)(image)[0])


@pytest.mark.parametrize("squares", [FOUR, FIVE], ids=["four", "five"])
def test_the_matrices_convolve(squares: Squares) -> None:
    sums, kernels, inputs = squares.matrices()
    values, kernel = RANDOM.normal(size=squares.reach), RANDOM.normal(size=3)
    expected = [values[i : i + 3] @ kernel for i in range(squares.side)]
    np.testing.assert_allclose(
        squares.scales * (sums @ ((kernels @ kernel) * (inputs @ values))), expected, atol=1e-13
    )
    assert all(abs(row[np.flatnonzero(row)[-1]]) == 1 for row in sums)


@pytest.mark.parametrize("size", [(96, 96), (97, 100), (130, 71)])
@pytest.mark.parametrize(("bias", "relu"), [(False, False), (True, False), (True, True)])
def test_maps_of_any_size(size: tuple[int, int], bias: bool, relu: bool) -> None:
    kernel, added = kernel_of(144, 128), RANDOM.normal(size=144) if bias else None
    graph = graph_of(kernel, size, bias=added, relu=relu)
    convolve_by_winograd(graph, ANY)
    assert not plain(graph)
    image = RANDOM.normal(size=(128, *size)).astype(np.float32)
    expected = convolve(image.astype(np.float64), kernel, 1)
    if added is not None:
        expected += added[:, None, None]
    found = run(graph, image[None])[0]
    np.testing.assert_allclose(found, np.maximum(expected, 0) if relu else expected, atol=5e-5)
    assert np.std(found - (np.maximum(expected, 0) if relu else expected)) < 3e-6


def test_zeros_around_may_differ_by_side() -> None:
    kernel, image = kernel_of(128, 128), RANDOM.normal(size=(1, 128, 90, 100)).astype(np.float32)
    how = {"pads_begin": [0, 1], "pads_end": [2, 0]}
    graph, same = (graph_of(kernel, (90, 100), **how) for _ in range(2))
    convolve_by_winograd(graph, ANY)
    assert not plain(graph)
    np.testing.assert_allclose(run(graph, image), run(same, image), atol=5e-5)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_number_of_rois(count: int) -> None:
    """Squares of five cover 14 × 14 cells with less to spare, and round a little more."""
    kernel, bias = kernel_of(256, 256), RANDOM.normal(size=256)
    graph = graph_of(kernel, (14, 14), count=-1, bias=bias, relu=True)
    convolve_by_winograd(graph)
    assert not plain(graph)
    assert {n.get_attributes()["block_size"] for n in of_kind(graph, "DepthToSpace")} == {5}
    rois = RANDOM.normal(size=(count, 256, 14, 14)).astype(np.float32)
    found = run(graph, rois)
    assert found.shape == (count, 256, 14, 14)
    for roi, each in zip(rois, found, strict=True):
        expected = convolve(roi.astype(np.float64), kernel, 1) + bias[:, None, None]
        np.testing.assert_allclose(each, np.maximum(expected, 0), atol=2e-4)
        assert np.std(each - np.maximum(expected, 0)) < 1e-5


def test_what_else_takes_a_result_gets_the_same() -> None:
    """A bias or ReLU is not taken along when it is not the only one that takes the result."""
    kernel, image = kernel_of(128, 128), ops.parameter([1, 128, 96, 96], np.float32)
    how = [1, 1], [1, 1], [1, 1], [1, 1]
    sums = ops.convolution(image, ops.constant(kernel.astype(np.float32)), *how)
    graph = openvino.Model([ops.relu(sums), sums], [image])
    convolve_by_winograd(graph, ANY)
    assert not plain(graph)
    found = compiled(graph)(RANDOM.normal(size=(1, 128, 96, 96)))
    np.testing.assert_array_equal(found[0], np.maximum(found[1], 0))
    assert (found[1] < 0).any()


def test_levels_share_the_factors_of_a_head() -> None:
    kernel = ops.constant(kernel_of(128, 128).astype(np.float32))
    levels = [ops.parameter([1, 128, side, side], np.float32) for side in (128, 96)]
    how = [1, 1], [1, 1], [1, 1], [1, 1]
    graph = openvino.Model([ops.convolution(level, kernel, *how) for level in levels], levels)
    convolve_by_winograd(graph, ANY)
    large = [n for n in of_kind(graph, "Constant") if math.prod(n.get_output_shape(0)) > 10_000]
    assert len(large) == FOUR.reach**2


def test_kernels_of_one_name_stay_apart() -> None:
    """Names for people need not be unique."""
    image, how = ops.parameter([1, 128, 96, 96], np.float32), ([1, 1], [1, 1], [1, 1], [1, 1])
    kernels = [kernel_of(128, 128) for _ in range(2)]
    sums = [ops.convolution(image, ops.constant(k.astype(np.float32)), *how) for k in kernels]
    for each in sums:
        each.input_value(1).get_node().set_friendly_name("kernel")
    graph = openvino.Model(sums, [image])
    convolve_by_winograd(graph, ANY)
    values = RANDOM.normal(size=(128, 96, 96)).astype(np.float32)
    found = compiled(graph)(values[None])
    for place, kernel in enumerate(kernels):
        expected = convolve(values.astype(np.float64), kernel, 1)
        np.testing.assert_allclose(found[place][0], expected, atol=5e-5)


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(graph_of(kernel_of(128, 128), (96, 96), strides=[2, 2]), id="strides"),
        pytest.param(graph_of(kernel_of(128, 128), (96, 96), dilations=[2, 2]), id="dilation"),
        pytest.param(graph_of(kernel_of(64, 64), (256, 256)), id="few channels"),
        pytest.param(graph_of(kernel_of(128, 128), (16, 16)), id="a small map"),
        pytest.param(graph_of(kernel_of(128, 128), (128, 128)), id="too little saved"),
        pytest.param(graph_of(kernel_of(128, 128), (14, 14), count=-1), id="narrow RoIs"),
        pytest.param(graph_of(kernel_of(128, 128), (-1, -1)), id="any size"),
    ],
)
def test_the_others_stay(graph: openvino.Model) -> None:
    convolve_by_winograd(graph)
    assert len(plain(graph)) == 1
    assert len(graph.get_ordered_ops()) < 8


def test_layers_that_save_enough_are_rewritten() -> None:
    """By themselves, as the others stay."""
    for channels, side in ((128, 256), (256, 64)):
        graph = graph_of(kernel_of(channels, channels), (side, side))
        convolve_by_winograd(graph)
        assert not plain(graph)
