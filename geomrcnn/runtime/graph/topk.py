"""Choosing the best of many anchors without sorting them all."""

from __future__ import annotations

import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import of_kind


def choose_before_sorting(graph: openvino.Model) -> None:
    """Let each stable TopK over a vector of known length sort only what it will keep.

    OpenVINO's CPU plugin runs a stable TopK as a bubble sort in one thread: to find the best 1,000
    of 200,000 anchors takes as long as the rest of the network. Its unstable one is quick, but may
    take any of equals. So the quick one finds the least value that is kept, and the stable one
    sorts what is not below it: the same values in the same order, of equals the first.

    Args:
        graph: Changed in place.
    """
    for node in of_kind(graph, "TopK"):
        how, shape = node.get_attributes(), node.input_value(0).get_partial_shape()
        if how["stable"] and how["mode"] == "max" and shape.is_static and len(shape) == 1:
            _choose_first(node)
    graph.validate_nodes_and_infer_types()


def _choose_first(node: openvino.Node) -> None:
    values, count = node.input_value(0), node.input_value(1)
    axis = ops.constant(0)
    kept = ops.topk(values, count, 0, "max", "value", stable=False)
    least = ops.reduce_min(kept.output(0), axis)
    # Not "from the least on": NaN would be left out, and too few remain.
    enough = ops.logical_not(ops.less(values, least))
    places = ops.squeeze(ops.non_zero(enough, "i32"), axis)
    best = ops.topk(ops.gather(values, places, axis), count, 0, "max", "value", stable=True)
    index = ops.gather(places, best.output(1), axis)
    node.output(0).replace(best.output(0))
    node.output(1).replace(
        ops.convert(index, node.get_attributes()["index_element_type"]).output(0)
    )
