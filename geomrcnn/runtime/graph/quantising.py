"""Values that are brought to 8 bits before they are moved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import of_kind, parameter_of

MOVES = {"Concat", "Gather", "Reshape", "Transpose"}
"""Operators that only move values, a fourth of the bytes if those are quantised."""


def quantise_first(graph: openvino.Model) -> None:
    """Quantise the features of RoIs where they are read, not where a layer takes them.

    In between they are put side by side and in order; NNCF quantises right before the layer.

    Args:
        graph: Of any precision, changed in place.
    """
    for node in of_kind(graph, "FakeQuantize"):
        bounds = [parameter_of(node, place) or [] for place in range(1, 5)]
        moved = _without_zero(node.input_value(0))
        if _only_moves(moved.get_node()) and all(len(each) == 1 for each in bounds):
            levels = node.get_attributes()["levels"]
            limits = [ops.constant(np.float32(bound)) for (bound,) in bounds]
            for source in _sources(moved.get_node()):
                before = ops.fake_quantize(source.get_source_output(), *limits, levels)
                source.replace_source_output(before.output(0))
            node.output(0).replace(moved)
    graph.validate_nodes_and_infer_types()


def _without_zero(values: openvino.Output) -> openvino.Output:
    """What zero is added to, by which `geomrcnn.export.int8` makes NNCF measure ranges there."""
    node = values.get_node()
    if node.get_type_name() == "Add" and parameter_of(node) == [0]:
        return _without_zero(node.input_value(0))
    return values


def _only_moves(node: openvino.Node) -> bool:
    """Whether a node only moves values, and for one other node."""
    return node.get_type_name() in MOVES and len(node.output(0).get_target_inputs()) == 1


def _sources(node: openvino.Node) -> Iterator[openvino.Input]:
    """Where the values come in that a node and those before it only move."""
    for source in node.inputs() if node.get_type_name() == "Concat" else [node.input(0)]:
        before = source.get_source_output().get_node()
        if _only_moves(before):
            yield from _sources(before)
        else:
            yield source
