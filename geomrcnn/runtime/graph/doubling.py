"""Maps whose cells are repeated in both directions at once."""

from __future__ import annotations

import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import giver, of_kind, parameter_of

ANY = None
WAY = (
    ("Transpose", [0, 3, 1, 2]), ("Reshape", ANY), ("Tile", [1, 1, 1, 2, 1]), ("Unsqueeze", [3]),
    ("Reshape", ANY), ("Transpose", [0, 3, 2, 4, 1]), ("Tile", [1, 1, 2, 1, 1]), ("Unsqueeze", [2]),
)  # fmt: skip
"""From a doubled map up to what is doubled, nodes and their parameters: rows are repeated with the
channels in front, then columns with the channels behind."""


def double_at_once(graph: openvino.Model) -> None:
    """Let one node repeat each cell of a map 2×2, in place of eight that repeat and reorder.

    Args:
        graph: For images of a known size, changed in place.
    """
    for node in of_kind(graph, "Transpose"):
        image = _doubled(node)
        if image is not None:
            twice = ops.interpolate(
                image, ops.constant([2.0, 2.0], openvino.Type.f32), "nearest", "scales",
                axes=ops.constant([2, 3]), coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )  # fmt: skip
            node.output(0).replace(twice.output(0))
    graph.validate_nodes_and_infer_types()


def _doubled(last: openvino.Node) -> openvino.Output | None:
    """The map [N, C, H, W] that a node gives with each cell repeated; None if it does not."""
    node = last
    for place, (kind, parameter) in enumerate(WAY):
        node = giver(node) if place else node
        if node.get_type_name() != kind or parameter not in (ANY, parameter_of(node)):
            return None
    before, after = node.input_value(0).get_partial_shape(), last.output(0).get_partial_shape()
    if before.is_dynamic or after.is_dynamic:
        return None
    count, channels, height, width = before.to_shape()
    twice = [count, channels, 2 * height, 2 * width]
    return node.input_value(0) if list(after.to_shape()) == twice else None
