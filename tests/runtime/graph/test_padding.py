"""Max pooling that ends at the border gives what it gives of a map with zeros around it."""

from __future__ import annotations

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import of_kind
from geomrcnn.runtime.graph.padding import pool_without_zeros
from tests.runtime.graph.compiling import compiled


def graph_of(
    *, relu: bool = True, begin: object = (0, 0, 1, 1), end: object = (0, 0, 1, 1), value: float = 0
) -> openvino.Model:
    image = ops.parameter([1, 3, 9, 12], np.float32)
    margins = (ops.constant(np.array(each)) for each in (begin, end))
    values = ops.relu(image) if relu else image
    padded = ops.pad(values, *margins, "constant", ops.constant(np.float32(value)))
    pooled = ops.max_pool(padded, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3], "floor")
    return openvino.Model([ops.multiply(pooled.output(0), ops.constant(np.float32(2)))], [image])


def run(graph: openvino.Model) -> np.ndarray:
    # Mostly negative: there are windows in which a zero is the largest.
    image = np.random.default_rng(1).normal(-1, 1, (1, 3, 9, 12)).astype(np.float32)
    return np.array(compiled(graph)(image)[0])


@pytest.mark.parametrize("end", [(0, 0, 1, 1), (0, 0, 0, 2)])
def test_the_largest_are_the_same(end: object) -> None:
    graph, same = (graph_of(end=end) for _ in range(2))
    pool_without_zeros(graph)
    assert not list(of_kind(graph, "Pad"))
    np.testing.assert_array_equal(run(graph), run(same))


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(graph_of(relu=False), id="negative values"),
        pytest.param(graph_of(value=1), id="ones"),
        pytest.param(graph_of(begin=(0, 0, 3, 0)), id="a window of zeros"),
        pytest.param(graph_of(begin=(0, 1, 1, 1)), id="another channel"),
    ],
)
def test_the_others_stay(graph: openvino.Model) -> None:
    pool_without_zeros(graph)
    assert len(list(of_kind(graph, "Pad"))) == 1
