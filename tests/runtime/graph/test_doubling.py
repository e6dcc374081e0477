"""Maps that are doubled at once are the same to the bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph.doubling import double_at_once
from geomrcnn.runtime.graph.following import of_kind
from tests.runtime.graph.compiling import compiled

IMAGE = np.random.default_rng(1).normal(size=(1, 8, 6, 10)).astype(np.float32)


def graph_of(times: Sequence[int] = (1, 1, 2, 1, 1)) -> openvino.Model:
    """Rows repeated with the channels in front, columns with the channels behind."""
    image = ops.parameter(IMAGE.shape, np.float32)
    rows = ops.tile(ops.unsqueeze(image, ops.constant([2])), ops.constant(list(times)))
    behind = ops.transpose(rows, ops.constant([0, 3, 2, 4, 1]))
    rows = ops.reshape(behind, ops.constant([1, -1, 10, 8]), False)
    columns = ops.tile(ops.unsqueeze(rows, ops.constant([3])), ops.constant([1, 1, 1, 2, 1]))
    both = ops.reshape(columns, ops.constant([1, -1, 20, 8]), False)
    return openvino.Model([ops.transpose(both, ops.constant([0, 3, 1, 2]))], [image])


def run(graph: openvino.Model) -> np.ndarray:
    return np.array(compiled(graph)(IMAGE)[0])


def test_each_cell_is_there_four_times() -> None:
    graph = graph_of()
    assert not list(of_kind(graph, "Interpolate"))
    double_at_once(graph)
    assert len(list(of_kind(graph, "Interpolate"))) == 1
    assert not list(of_kind(graph, "Tile"))
    np.testing.assert_array_equal(run(graph), IMAGE.repeat(2, axis=2).repeat(2, axis=3))


def test_others_stay() -> None:
    graph = graph_of((1, 1, 3, 1, 1))
    expected = run(graph)
    double_at_once(graph)
    assert not list(of_kind(graph, "Interpolate"))
    np.testing.assert_array_equal(run(graph), expected)
