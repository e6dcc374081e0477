"""RoIs that are averaged first have the same features."""

from __future__ import annotations

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import of_kind
from geomrcnn.runtime.graph.pooling import average_first
from tests.runtime.graph.compiling import compiled

FIRSTS = ((0, 0), (1, 0), (1, 1), (0, 1))


def graph_of(*, in_front: bool = False, firsts: object = FIRSTS, share: float = 0.25):
    """Samples of RoIs, and the mean of slices of them, as exported graphs have it."""
    level, rois = ops.parameter([1, 8, 20, 30], np.float32), ops.parameter([-1, 5], np.float32)
    read = ops.roi_pooling(level, rois, [6, 6], 1.0, "bilinear")
    samples = ops.transpose(read, ops.constant([0, 2, 3, 1]))
    slices = [
        ops.strided_slice(
            samples, ops.constant([0, *first]), ops.constant([0, 0, 0]), ops.constant([1, 2, 2]),
            [1, 0, 0], [1, 1, 1],
        )
        for first in firsts
    ]  # fmt: skip
    if in_front:
        slices = [ops.transpose(each, ops.constant([0, 3, 1, 2])) for each in slices]
    one, two, three, four = slices
    total = ops.add(ops.add(one, two), ops.add(three, four))
    mean = ops.multiply(total, ops.constant(np.float32(share)))
    return openvino.Model([mean], [level, rois]), slices


def run(graph: openvino.Model, rois: np.ndarray) -> np.ndarray:
    level = np.random.default_rng(1).normal(size=(1, 8, 20, 30)).astype(np.float32)
    return np.array(compiled(graph)([level, rois])[0])


def some_rois(count: int) -> np.ndarray:
    """[N, (image, x1, y1, x2, y2)], as a share of the level."""
    corners = np.sort(np.random.default_rng(2).random((count, 2, 2)), axis=1)
    return np.hstack([np.zeros((count, 1)), corners.reshape(count, 4)]).astype(np.float32)


@pytest.mark.parametrize("in_front", [False, True])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_the_means_are_the_same(in_front: bool, count: int) -> None:
    (before, _), (after, _) = (graph_of(in_front=in_front) for _ in range(2))
    average_first(after)
    assert not list(of_kind(after, "StridedSlice"))
    rois = some_rois(count)
    expected = run(before, rois)
    assert expected.shape == ((count, 8, 3, 3) if in_front else (count, 3, 3, 8))
    np.testing.assert_allclose(run(after, rois), expected, atol=1e-5)
    assert count == 0 or np.ptp(expected) > 1


@pytest.mark.parametrize(
    "other",
    [{"share": 0.5}, {"firsts": ((0, 0), (1, 0), (1, 1), (1, 1))}],
    ids=["no mean", "one sample twice"],
)
def test_other_sums_stay(other: dict[str, object]) -> None:
    graph, _ = graph_of(**other)
    average_first(graph)
    assert len(list(of_kind(graph, "StridedSlice"))) == 4


@pytest.mark.parametrize("sample", range(4))
def test_samples_that_are_wanted_elsewhere_are_there(sample: int) -> None:
    graph, slices = graph_of()
    graph.add_outputs([slices[sample].output(0)])
    average_first(graph)
    assert len(list(of_kind(graph, "StridedSlice"))) == 1


def test_samples_of_several_levels_are_not_mixed_up() -> None:
    (one, first), (other, second) = graph_of(), graph_of()
    assert first[0].get_attributes() == second[0].get_attributes()
    adding = first[0].output(0).get_target_inputs().pop()
    adding.replace_source_output(second[0].output(0))
    mixed = openvino.Model(one.results, [*one.get_parameters(), *other.get_parameters()])
    average_first(mixed)
    assert len(list(of_kind(mixed, "StridedSlice"))) == 4
