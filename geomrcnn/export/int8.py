"""Post-training quantisation of an OpenVINO graph by NNCF."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import nncf
import numpy as np
import openvino
import openvino.opset13 as ops

from geomrcnn.bundle.quantisation import Quantisation
from geomrcnn.export.agreement import agreement
from geomrcnn.export.calibration import spread
from geomrcnn.runtime.detector import Detections
from geomrcnn.runtime.graph.topk import choose_before_sorting
from geomrcnn.runtime.int8 import int8_pays

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
ANSWERS = MOVES | {"ShapeOf", "Sigmoid", "Softmax"}
"""What becomes of the result of a head's last layer, which no other layer reads. Those stay in
float32, too: they are small, and scores and boxes are made of nothing else."""

DROP = 0.1
"""Loss of agreement with the float32 graph (`agreement`) up to which all other layers are in int8.
"""
JUDGED = 12
"""Tiles that the agreement is measured on, ..."""
RANKED = 4
"""... and those of them that tell which layer does the most harm: each layer costs a compilation
and so many runs."""
ROUNDS = 12
"""Layers that are brought back to float32 at most."""


def quantised(
    graph: openvino.Model, images: Sequence[np.ndarray], drop: float = DROP
) -> tuple[openvino.Model, Quantisation]:
    """The graph with its convolutions and matrix products in int8.

    If its detections are too far from those of the float32 graph, the layers that do the most harm
    go back to float32, one after the other.

    Args:
        graph: From pixels to detections; it is changed.
        images: Its inputs, as varied as in practice.
        drop: How much the agreement may fall below 1.
    """
    nncf.set_log_level(logging.ERROR)
    _replace_ellipses(graph)
    _sort_less(graph, images[0].shape)
    _write_known_shapes(graph)
    _forget_output_sizes(graph)
    _hold_ranges_at_layers(graph)
    present = {operation.get_type_name() for operation in graph.get_ordered_ops()}
    layers = layers_of(graph)
    exact = [*layers[:EXACT], *(layer for layer in layers if is_last(layer))]
    judged = _judged(graph, images)
    settings = {
        "preset": nncf.QuantizationPreset.MIXED,
        "subset_size": len(images),
        "fast_bias_correction": False,  # takes minutes, and gives back a third of the loss
        "ignored_scope": nncf.IgnoredScope(
            names=[layer.get_friendly_name() for layer in exact], types=sorted(ARITHMETIC & present)
        ),
    }
    made = nncf.quantize(graph.clone(), nncf.Dataset(images), **settings)
    if _validate(compiled(made), judged)[0] < 1 - drop:
        made = nncf.quantize_with_accuracy_control(
            graph,
            nncf.Dataset(images),
            nncf.Dataset(judged),
            _validate,
            max_drop=drop,
            drop_type=nncf.DropType.ABSOLUTE,
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
                max_num_iterations=ROUNDS, ranking_subset_size=RANKED, num_ranking_workers=1
            ),
            **settings,
        )
    kept = [node for node in layers_of(made) if not is_quantised(node)]
    reached, _ = _validate(compiled(made), judged)
    return made, Quantisation(len(images), len(layers_of(made)), len(kept), round(reached, 4))


def compiled(graph: openvino.Model) -> openvino.CompiledModel:
    """The graph, ready to run; what is not in int8 computes in float32.

    A processor without instructions for 8-bit integers would make sums that overflow, and so a
    graph look worse than it is. There, rounded values are multiplied in float32, where no sum
    overflows; matrix products are kept from rounding what comes to 8 bits by themselves.
    """
    settings: dict[str, object] = {"INFERENCE_PRECISION_HINT": "f32"}
    if not int8_pays():
        settings |= {"LP_TRANSFORMS_MODE": "NO", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}
    return openvino.Core().compile_model(graph, "CPU", settings)


def _judged(
    graph: openvino.Model, images: Sequence[np.ndarray]
) -> list[tuple[np.ndarray, Detections]]:
    """Some of the images, evenly spread, with what the graph finds in them."""
    detect = compiled(graph)
    return [(image, _found(detect, image)) for image in spread(images, JUDGED)]


def _validate(
    detect: openvino.CompiledModel, judged: Iterable[tuple[np.ndarray, Detections]]
) -> tuple[float, list[float]]:
    """The mean agreement with what should be found, and that of each image."""
    each = [agreement(_found(detect, image), wanted) for image, wanted in judged]
    return float(np.mean(each)), each


def _found(detect: openvino.CompiledModel, image: np.ndarray) -> Detections:
    found = detect(image)
    return Detections(*(found[name].copy() for name in ("boxes", "scores", "classes", "masks")))


def layers_of(graph: openvino.Model) -> list[openvino.Node]:
    """The convolutions and matrix products, in the order in which they are computed."""
    return [node for node in graph.get_ordered_ops() if node.get_type_name() in LAYERS]


def is_last(layer: openvino.Node) -> bool:
    """Whether a layer is the last of a head: its result, with the bias, is the head's answer."""
    readers = _readers(layer)
    if [reader.get_type_name() for reader in readers] == ["Add"]:
        readers = _readers(readers[0])
    return all(reader.get_type_name() in ANSWERS for reader in readers)


def _readers(node: openvino.Node) -> list[openvino.Node]:
    return [target.get_node() for target in node.output(0).get_target_inputs()]


def is_quantised(layer: openvino.Node) -> bool:
    """Whether a layer of a quantised graph takes 8-bit integers."""
    return bool(layer.input_value(0).get_node().get_type_name() == "FakeQuantize")


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


def _write_known_shapes(graph: openvino.Model) -> None:
    """Put numbers where a shape is asked for that is always the same.

    Some are those of weights, which would stay in the graph in floats, too, for that alone. To give
    a graph another shape brings such questions back.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "ShapeOf" and node.input_value(0).get_partial_shape().is_static:
            kind = node.output(0).get_element_type().to_dtype()
            shape = np.array(node.input_value(0).get_shape(), kind)
            node.output(0).replace(ops.constant(shape).output(0))


def _forget_output_sizes(graph: openvino.Model) -> None:
    """Let transposed convolutions find their size themselves, where that is what they are told.

    NNCF cannot correct the bias of one that is told by the shape of the image.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "ConvolutionBackpropData" or node.get_input_size() < 3:
            continue
        how = node.get_attributes()
        free = ops.convolution_backprop_data(
            node.input_value(0),
            node.input_value(1),
            how["strides"],
            pads_begin=[0, 0],
            pads_end=[0, 0],
            dilations=how["dilations"],
        )
        if free.get_output_partial_shape(0) == node.get_output_partial_shape(0):
            free.set_friendly_name(node.get_friendly_name())
            node.output(0).replace(free.output(0))


def _sort_less(graph: openvino.Model, shape: Sequence[int]) -> None:
    """Let a graph for images of any shape be quick at those of one: it runs hundreds of times."""
    any_shape = graph.input().get_partial_shape()
    graph.reshape(shape)
    choose_before_sorting(graph)
    graph.reshape(any_shape)


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
