"""Graphs in files: smaller, and the same to the last bit."""

from __future__ import annotations

import numpy as np
import openvino
import openvino.opset13 as ops
import pytest

from geomrcnn.network.graph_file import LEAST, graph_files, halve

SIZE = (40, 40)
EXACT = np.random.default_rng(1).normal(size=SIZE).astype(np.float16).astype(np.float32)


def sum_of(*constants: np.ndarray) -> openvino.Model:
    """A graph that takes the matrix product of its input with each constant in turn."""
    image = ops.parameter([1, SIZE[0]], np.float32, name="images")
    value = image
    for constant in constants:
        value = ops.matmul(value, ops.constant(constant), False, False)
    return openvino.Model([ops.result(value)], [image])


def run(graph: openvino.Model) -> np.ndarray:
    detect = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return detect(np.linspace(-1, 1, SIZE[0], dtype=np.float32)[None])[0]


def types(graph: openvino.Model) -> list[str]:
    return [
        node.get_element_type().to_string()
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "Constant"
    ]


def test_what_float16_can_hold_takes_half_the_space_and_computes_the_same():
    inexact = EXACT + np.float32(1e-5)
    wanted = run(sum_of(EXACT, inexact))
    xml, values = graph_files(sum_of(EXACT, inexact))
    read = openvino.Core().read_model(xml, values)
    assert types(read) == ["f16", "f32"]
    assert EXACT.size * 6 <= len(values) < EXACT.size * 6 + 200
    np.testing.assert_array_equal(run(read), wanted)


@pytest.mark.parametrize("stray", [70_000.0, np.nan, 1e-9, 1 / 3])
def test_one_number_that_float16_cannot_hold_keeps_a_constant_as_it_is(stray):
    constant = EXACT.copy()
    constant[3, 4] = stray
    graph = sum_of(constant)
    halve(graph)
    assert types(graph) == ["f32"]


def test_small_constants_stay_as_they_are():
    graph = sum_of(np.ones((SIZE[0], (LEAST - 1) // SIZE[0]), np.float32))
    halve(graph)
    assert types(graph) == ["f32"]


def test_a_constant_that_is_read_twice_is_kept_once():
    image = ops.parameter([1, SIZE[0]], np.float32, name="images")
    shared = ops.constant(EXACT)
    first = ops.matmul(image, shared, False, False)
    graph = openvino.Model([ops.result(ops.matmul(first, shared, False, False))], [image])
    wanted = run(graph)
    _, values = graph_files(graph)
    assert len(values) < EXACT.size * 2 + 200
    np.testing.assert_array_equal(run(graph), wanted)
