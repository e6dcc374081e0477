"""The best of many, chosen quickly, are those that a stable sort would choose."""

import numpy as np
import numpy.typing as npt
import openvino
import pytest
from openvino import opset13 as ops

from geomrcnn.runtime.graph.topk import choose_before_sorting
from tests.runtime.graph.compiling import compiled


def best(count: int, size: int, index_type: str = "i32") -> openvino.Model:
    values = ops.parameter([size], np.float32)
    chosen = ops.topk(values, ops.constant(count), -1, "max", "value", index_type, stable=True)
    return openvino.Model([chosen.output(0), chosen.output(1)], [values])


def run(graph: openvino.Model, values: npt.NDArray[np.float32]) -> list[npt.NDArray[np.generic]]:
    found = compiled(graph)(values)
    return [found[0], found[1]]


def expected(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.intp]:
    return np.argsort(-values, kind="stable")[:count]


@pytest.mark.parametrize("levels", [2, 5, 100_000], ids=["two values", "few values", "many values"])
@pytest.mark.parametrize("count", [1, 100, 3000])
def test_of_equals_the_first_are_chosen(levels: int, count: int) -> None:
    graph = best(count, 3000)
    choose_before_sorting(graph)
    random = np.random.default_rng(levels + count)
    for _ in range(3):
        values = (random.integers(levels, size=3000) / levels - 0.5).astype(np.float32)
        found, index = run(graph, values)
        np.testing.assert_array_equal(index, expected(values, count))
        np.testing.assert_array_equal(found, values[index])


def test_nothing_is_left_of_the_slow_sort_but_what_is_kept() -> None:
    graph = best(10, 1000)
    choose_before_sorting(graph)
    sorts = [node for node in graph.get_ordered_ops() if node.get_type_name() == "TopK"]
    assert [node.get_attributes()["stable"] for node in sorts] == [False, True]
    assert sorts[1].input_value(0).get_partial_shape().is_dynamic


def test_the_type_of_the_index_stays() -> None:
    graph = best(10, 1000, "i64")
    choose_before_sorting(graph)
    values = np.arange(1000, dtype=np.float32)
    found = run(graph, values)[1]
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, np.arange(999, 989, -1))


def test_values_that_are_not_numbers_do_not_end_it() -> None:
    graph = best(10, 1000)
    choose_before_sorting(graph)
    for share in (0.001, 0.5, 1.0):
        values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
        values[: int(1000 * share)] = np.nan
        assert run(graph, values)[0].shape == (10,)
