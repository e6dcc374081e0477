"""Samples of RoIs that are averaged before they are reordered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import giver, of_kind, only_user, parameter_of, users

SIDE = 2
"""Of the square of samples that makes a bin."""
FIRSTS = [[0, row, column] for row in range(SIDE) for column in range(SIDE)]
"""Where the slices begin that each take one sample of all bins."""
BEHIND, IN_FRONT = [0, 2, 3, 1], [0, 3, 1, 2]
"""Orders of axes that put the channels there."""


def average_first(graph: openvino.Model) -> None:
    """Take the mean of the four samples of each bin where RoIs are read.

    A network reads the samples with the channels in front, puts these behind, takes four slices of
    it all, adds them up, and divides. Averaged first, a fourth of it is left to reorder.

    Args:
        graph: As `geomrcnn.network.export` makes it, changed in place.
    """
    for node in of_kind(graph, "ROIPooling"):
        behind = only_user(node, "Transpose")
        if behind is None or parameter_of(behind) != BEHIND:
            continue
        parts = [part for part in map(_part, users(behind)) if part is not None]
        mean = _mean(parts) if len(parts) == len(users(behind)) else None
        if mean is not None:
            averaged = _averaged(node)
            if not parts[0].in_front:
                averaged = ops.transpose(averaged, ops.constant(BEHIND))
            mean.output(0).replace(averaged.output(0))
    graph.validate_nodes_and_infer_types()


class _Part(NamedTuple):
    """A slice of every second sample: where it begins, its last node, and how its axes lie."""

    first: list[float]
    last: openvino.Node
    in_front: bool


def _part(node: openvino.Node) -> _Part | None:
    """The part that a node takes; None if it takes none."""
    if node.get_type_name() != "StridedSlice" or parameter_of(node, 3) != [1, SIDE, SIDE]:
        return None
    first, masks = parameter_of(node, 1), node.get_attributes()
    others = ("new_axis_mask", "shrink_axis_mask", "ellipsis_mask")
    if first is None or not all(masks["end_mask"]) or any(any(masks[mask]) for mask in others):
        return None
    reordered = only_user(node, "Transpose")
    if reordered is not None and parameter_of(reordered) == IN_FRONT:
        return _Part(first, reordered, True)
    return _Part(first, node, False)


def _mean(parts: Sequence[_Part]) -> openvino.Node | None:
    """The node that is the mean of all parts; None if there is none, or parts are missing."""
    alike = len({part.in_front for part in parts}) == 1
    if sorted(part.first for part in parts) != FIRSTS or not alike:
        return None
    total = parts[0].last
    while (higher := only_user(total, "Add")) is not None:
        total = higher
    mean = only_user(total, "Multiply")
    if mean is None or sorted(_added(total)) != sorted(_name(part.last) for part in parts):
        return None
    return mean if [1 / SIDE**2] in (parameter_of(mean, 0), parameter_of(mean, 1)) else None


def _added(total: openvino.Node) -> list[str]:
    """The names of the nodes whose sum a node is."""
    if total.get_type_name() != "Add":
        return [_name(total)]
    return _added(giver(total, 0)) + _added(giver(total, 1))


def _name(node: openvino.Node) -> str:
    return str(node.get_name())  # unique, as friendly names need not be


def _averaged(samples: openvino.Node) -> openvino.Node:
    """[R, C, 2 s, 2 s] -> [R, C, s, s], by a convolution of each channel by itself.

    OpenVINO's pooling refuses an empty list of RoIs.
    """
    channels = samples.get_output_partial_shape(0)[1].get_length()
    weights = np.full((channels, 1, 1, SIDE, SIDE), 1 / SIDE**2, np.float32)
    return ops.group_convolution(samples, ops.constant(weights), [SIDE] * 2, [0, 0], [0, 0], [1, 1])
