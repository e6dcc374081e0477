"""Zeros around a map that are left out where the largest of neighbours is taken."""

from __future__ import annotations

import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import giver, of_kind, only_user, parameter_of


def pool_without_zeros(graph: openvino.Model) -> None:
    """Let max pooling end at the border, in place of a copy of the map with zeros around it.

    After a ReLU nothing is less than these zeros, and no window sees nothing else.

    Args:
        graph: Changed in place.
    """
    for node in of_kind(graph, "MaxPool"):
        zeros, how = _zeros_before(node), node.get_attributes()
        if zeros is not None and not any(how["pads_begin"] + how["pads_end"]):
            pooled = ops.max_pool(
                giver(node).input_value(0), how["strides"], how["dilations"], *zeros,
                how["kernel"], how["rounding_type"],
            )  # fmt: skip
            node.output(0).replace(pooled.output(0))
    graph.validate_nodes_and_infer_types()


def _zeros_before(pool: openvino.Node) -> tuple[list[int], list[int]] | None:
    """Rows and columns above and left, below and right; None if not for this only."""
    pad = giver(pool)
    if pad.get_type_name() != "Pad" or giver(pad).get_type_name() != "Relu":
        return None
    if pad.get_attributes()["pad_mode"] != "constant" or parameter_of(pad, 3) != [0]:
        return None
    margins = [parameter_of(pad, place) for place in (1, 2)]
    begin, end = ([int(margin) for margin in each or ()] for each in margins)
    inside = all(
        0 <= margin < side
        for each in (begin[2:], end[2:])
        for margin, side in zip(each, pool.get_attributes()["kernel"], strict=True)
    )
    if any(begin[:2] + end[:2]) or not inside or only_user(pad, "MaxPool") is None:
        return None
    return begin[2:], end[2:]
