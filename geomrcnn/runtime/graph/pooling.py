"""Samples of RoIs that are averaged while they are read."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import giver, of_kind, parameter_of

SIDE = 2
"""Of the square of samples that makes a bin."""
FIRSTS = [[0, row, column] for row in range(SIDE) for column in range(SIDE)]
"""Where the slices begin that each take one sample of all bins."""
BEHIND, IN_FRONT = [0, 2, 3, 1], [0, 3, 1, 2]
"""Orders of axes that put the channels there."""


def average_first(graph: openvino.Model) -> None:
    """Take the mean of the four samples of each bin where RoIs are read.

    A network reads all samples with the channels in front, puts these behind, takes four slices of
    it all, adds them up, and divides. Read as four grids, each of one sample a bin, they are summed
    as they come, and a fourth is left to reorder.

    Args:
        graph: As `geomrcnn.network.export` makes it, changed in place.
    """
    for mean in of_kind(graph, "Multiply"):
        parts = _parts(mean)
        if parts and sorted(part.first for part in parts) == FIRSTS:
            samples, in_front = parts[0].samples, parts[0].in_front
            if all(_is_one(part.samples, samples) and part.in_front == in_front for part in parts):
                averaged = _averaged(samples)
                if not in_front:
                    averaged = ops.transpose(averaged, ops.constant(BEHIND))
                mean.output(0).replace(averaged.output(0))
    graph.validate_nodes_and_infer_types()


class _Part(NamedTuple):
    """Every second sample of RoIs: which is the first, of which samples, and how its axes lie."""

    first: list[float]
    samples: openvino.Node
    in_front: bool


def _parts(mean: openvino.Node) -> list[_Part]:
    """The parts whose mean a node is; none if it is another node."""
    for place in (0, 1):
        if parameter_of(mean, place) == [1 / SIDE**2]:
            parts = [_part(node) for node in _added(giver(mean, 1 - place))]
            return [part for part in parts if part] if all(parts) else []
    return []


def _added(total: openvino.Node) -> list[openvino.Node]:
    """The nodes whose sum a node is."""
    if total.get_type_name() != "Add":
        return [total]
    return _added(giver(total, 0)) + _added(giver(total, 1))


def _part(node: openvino.Node) -> _Part | None:
    """The part that a node is; None if it is none."""
    in_front = _is_reordered(node, IN_FRONT)
    if in_front:
        node = giver(node)
    if node.get_type_name() != "StridedSlice" or parameter_of(node, 3) != [1, SIDE, SIDE]:
        return None
    first, masks, behind = parameter_of(node, 1), node.get_attributes(), giver(node)
    others = ("new_axis_mask", "shrink_axis_mask", "ellipsis_mask")
    if first is None or not all(masks["end_mask"]) or any(any(masks[mask]) for mask in others):
        return None
    if not _is_reordered(behind, BEHIND) or giver(behind).get_type_name() != "ROIPooling":
        return None
    return _Part(first, giver(behind), in_front)


def _is_reordered(node: openvino.Node, order: list[int]) -> bool:
    return node.get_type_name() == "Transpose" and parameter_of(node) == order


def _is_one(node: openvino.Node, other: openvino.Node) -> bool:
    return bool(node.get_name() == other.get_name())  # unique, as friendly names need not be


def _averaged(samples: openvino.Node) -> openvino.Node:
    """[R, C, 2 s, 2 s] -> [R, C, s, s], the means of the four samples of each bin."""
    level, rois = samples.input_values()
    count = int(samples.get_attributes()["pooled_h"])
    read = [
        ops.roi_pooling(
            level, ops.matmul(rois, part, False, False), [count // SIDE] * 2, 1.0, "bilinear"
        )
        for part in map(ops.constant, _parts_of_rois(count))
    ]
    total = functools.reduce(ops.add, read)  # one after the other: OpenVINO makes one step of that
    return ops.multiply(total, ops.constant(np.float32(1 / SIDE**2)))


def _parts_of_rois(count: int) -> Iterator[np.ndarray]:
    """What RoIs (image, x1, y1, x2, y2) are multiplied with to read every second sample only.

    Args:
        count: Of samples along a side: the first is at x1, the last at x2.
    """
    for row, column in np.ndindex(SIDE, SIDE):
        part = np.eye(5, dtype=np.float32)
        for axis, first in ((1, column), (2, row)):
            ends = np.array([first, count - SIDE + first]) / (count - 1)
            part[np.ix_([axis, axis + 2], [axis, axis + 2])] = [1 - ends, ends]
        yield part
