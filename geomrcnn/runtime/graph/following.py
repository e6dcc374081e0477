"""Going from a node of a graph to others."""

from __future__ import annotations

from collections.abc import Iterator

import openvino


def of_kind(graph: openvino.Model, kind: str) -> Iterator[openvino.Node]:
    """The nodes of a kind that there are now, in an order in which they can be computed."""
    yield from [node for node in graph.get_ordered_ops() if node.get_type_name() == kind]


def only_user(node: openvino.Node, kind: str) -> openvino.Node | None:
    """The node that takes another's first output, if it is the only one and of a kind."""
    found = [target.get_node() for target in node.output(0).get_target_inputs()]
    return found[0] if len(found) == 1 and found[0].get_type_name() == kind else None


def giver(node: openvino.Node, place: int = 0) -> openvino.Node:
    """The node that an input of another comes from."""
    return node.input_value(place).get_node()


def constant_of(node: openvino.Node) -> openvino.Node | None:
    """The constant that a node is, or is converted from: graphs may keep theirs in float16."""
    if node.get_type_name() == "Convert":
        node = giver(node)
    return node if node.get_type_name() == "Constant" else None


def parameter_of(node: openvino.Node, place: int = 1) -> list[float] | None:
    """The values of an input that is a constant; None if it is none."""
    found = constant_of(giver(node, place))
    return None if found is None else found.get_data().ravel().tolist()
