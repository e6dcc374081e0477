"""Post-training quantisation of an OpenVINO graph by NNCF."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import nncf
import numpy as np
import openvino
import openvino.opset13 as ops

ARITHMETIC = {
    "Add",
    "Divide",
    "Maximum",
    "Minimum",
    "Multiply",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Subtract",
}
"""What stays in float32: boxes are sums and products too. Layers with weights go to int8."""
LAYERS = {"Convolution", "ConvolutionBackpropData", "GroupConvolution", "MatMul"}
EXACT = 2
"""This many layers at the beginning stay in float32 as well. What they round, no later layer can
tell from the image: in the model "fields" they make four fifths of the error and none of the work.
"""
MOVES = {"Concat", "Gather", "Pad", "Reshape", "Transpose"}
"""Operators that only move values."""


def quantised(graph: openvino.Model, images: Sequence[np.ndarray]) -> openvino.Model:
    """The graph with its convolutions and matrix products in int8.

    Args:
        graph: From pixels to detections; it is changed.
        images: Its inputs, as varied as in practice.
    """
    nncf.set_log_level(logging.ERROR)
    _replace_ellipses(graph)
    _hold_ranges_at_layers(graph)
    operations = graph.get_ordered_ops()
    present = {operation.get_type_name() for operation in operations}
    layers = [node.get_friendly_name() for node in operations if node.get_type_name() in LAYERS]
    return nncf.quantize(
        graph,
        nncf.Dataset(images),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(images),
        ignored_scope=nncf.IgnoredScope(names=layers[:EXACT], types=sorted(ARITHMETIC & present)),
    )


def _hold_ranges_at_layers(graph: openvino.Model) -> None:
    """Put a sum with zero, which disappears when the graph is compiled, before layers after moves.

    NNCF measures a layer's input before the moves, so for the heads at each level's own RoIs. An
    image without any at some level would spoil the range with that of an empty list.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() in LAYERS:
            source = node.input_value(0)
            if source.get_node().get_type_name() in MOVES:
                held = ops.add(source, ops.constant(np.float32(0)))
                node.input(0).replace_source_output(held.output(0))


def _replace_ellipses(graph: openvino.Model) -> None:
    """Write `x[..., a:b]` as a gather along the last axis.

    OpenVINO 2026.4 moves scales across strided slices when a graph has int8 layers, and takes the
    axes of one with an ellipsis for the first ones.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "StridedSlice":
            continue
        masks = node.get_attributes()
        if list(masks["ellipsis_mask"]) != [1, 0] or masks["new_axis_mask"][-1]:
            continue
        data, *bounds = (node.input_value(place) for place in range(4))
        begin, end, step = (int(bound.get_node().data[-1]) for bound in bounds)
        length = data.get_partial_shape()[-1].get_length()
        if masks["shrink_axis_mask"][-1]:
            index: np.ndarray | np.int32 = np.int32(begin)
        else:
            cut = slice(
                None if masks["begin_mask"][-1] else begin,
                None if masks["end_mask"][-1] else end,
                step,
            )
            index = np.arange(length, dtype=np.int32)[cut]
        picked = ops.gather(data, ops.constant(index), ops.constant(np.int32(-1)))
        node.output(0).replace(picked.output(0))
