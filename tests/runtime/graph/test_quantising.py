"""Values that are quantised before they are moved are the same, and moved as bytes."""

from __future__ import annotations

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import giver, of_kind
from geomrcnn.runtime.graph.quantising import quantise_first
from tests.runtime.graph.compiling import compiled


def graph_of(limits: np.ndarray, *, asked_for: bool = False) -> openvino.Model:
    """Features of RoIs of two levels, side by side, in order, and quantised."""
    levels = [ops.parameter([-1, 3, 2, 2], np.float32) for _ in range(2)]
    order = ops.parameter([-1], np.int64)
    rows = [
        ops.reshape(
            ops.transpose(ops.multiply(level, ops.constant(np.float32(0.25))), [0, 2, 3, 1]),
            ops.constant([-1, 12]),
            special_zero=False,
        )
        for level in levels
    ]
    moved = ops.gather(ops.concat(rows, 0), order, ops.constant(0))
    held = ops.add(moved, ops.constant(np.float32(0)))
    ends = [ops.constant(end) for end in (limits * -1, limits) * 2]
    quantised = ops.fake_quantize(held, *ends, 255)
    results = [ops.multiply(quantised, ops.constant(np.float32(3)))]
    return openvino.Model(results + [rows[0]] * asked_for, [*levels, order])


def run(graph: openvino.Model, counts: tuple[int, int]) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    levels = [random.normal(size=(count, 3, 2, 2)).astype(np.float32) for count in counts]
    return [
        np.array(found)
        for found in compiled(graph)([*levels, random.permutation(sum(counts))]).values()
    ]


@pytest.mark.parametrize("counts", [(5, 3), (0, 4), (2, 0), (0, 0)])
def test_values_are_the_same(counts: tuple[int, int]) -> None:
    graph, same = (graph_of(np.float32(0.5)) for _ in range(2))
    quantise_first(graph)
    assert [giver(node).get_type_name() for node in of_kind(graph, "FakeQuantize")] == [
        "Multiply"
    ] * 2
    (found,), (expected,) = run(graph, counts), run(same, counts)
    assert found.shape == (sum(counts), 12)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_else_takes_values_gets_them_as_they_are() -> None:
    """The level that is asked for is quantised after that, the other one before it is moved."""
    graph, same = (graph_of(np.float32(0.5), asked_for=True) for _ in range(2))
    quantise_first(graph)
    before = sorted(giver(node).get_type_name() for node in of_kind(graph, "FakeQuantize"))
    assert before == ["Multiply", "Reshape"]
    for found, expected in zip(run(graph, (5, 3)), run(same, (5, 3)), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_ranges_of_columns_stay() -> None:
    """Those of another order would be for others."""
    graph = graph_of(np.linspace(0.1, 1, 12, dtype=np.float32)[None])
    quantise_first(graph)
    assert [giver(node).get_type_name() for node in of_kind(graph, "FakeQuantize")] == ["Add"]
