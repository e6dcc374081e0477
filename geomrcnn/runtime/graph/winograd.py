"""3×3 convolutions with a fourth of the products, after Winograd.

Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks" (2016): of each square of 6 × 6
inputs, transformed, 36 products give the 4 × 4 outputs for which a plain convolution needs 144.
OpenVINO's CPU plugin has no kernel for this, but quick ones for its parts. The inputs are
transformed by convolutions of each channel by itself, down columns and then along rows; each of
the products is a 1×1 convolution; their sums are elementwise. All of them keep the channels of a
pixel side by side in memory, so that nothing is reordered in between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import openvino
from openvino import opset13 as ops

from geomrcnn.runtime.graph.following import constant_of, giver, of_kind, only_user
from geomrcnn.runtime.graph.squares import FOUR, KERNEL, Squares, best_squares

SAVED = 1e9
"""Products in a tile that a layer must save: some 10 ms. It takes 0.2 s more to compile."""
CHANNELS = 64
"""What is done once for each channel, transforms and sums, as so many products with others. It is
what fits 64, 128 and 256 channels, on processors with AVX2 and with AVX-512 (`scripts/bench
convolutions`)."""
SMALL = 1.5
"""Times that, for the small maps of RoIs."""
ROIS = 100
"""For so many it is reckoned: their number is not known beforehand."""


def convolve_by_winograd(graph: openvino.Model, saved: float = SAVED) -> None:
    """Rewrite the large 3×3 convolutions of a graph, with the bias and the ReLU that follow them.

    Those of 8-bit integers stay.

    Args:
        graph: For images of a known size, changed in place.
        saved: Products that a layer must save.
    """
    constants, factors = _Constants(), dict[tuple[str, int], list[list[openvino.Node]]]()
    for node in of_kind(graph, "Convolution"):
        layer = _layer_of(node, saved)
        if layer is not None:
            key = layer.kernel.get_name(), layer.squares.side
            if key not in factors:  # the levels of a pyramid share a head
                wide = transformed_kernel(layer.kernel.get_data(), layer.squares)[..., None, None]
                factors[key] = [list(map(ops.constant, column)) for column in wide]
            layer.last.output(0).replace(_rewritten(layer, factors[key], constants).output(0))
    graph.validate_nodes_and_infer_types()


def reckoned_ratio(outputs: int, inputs: int, size: Sequence[int], *, rois: bool) -> float:
    """The time that a layer is reckoned to take, as a share of that of a plain convolution.

    Args:
        outputs: Channels.
        inputs: Channels.
        size: Height and width of maps.
        rois: Whether the number of maps is not known beforehand.
    """
    # It grows with the inputs that squares share, as products do.
    fixed = CHANNELS / FOUR.share([FOUR.side] * 2) * (1 / inputs + 1 / outputs) / 2
    return best_squares(size).share(size) * (1 + (SMALL if rois else 1.0) * fixed)


def transformed_kernel(kernel: np.ndarray, squares: Squares) -> np.ndarray:
    """[K, C, 3, 3] -> [reach, reach, K, C] float32: factors by column and row of a square."""
    _, along, _ = squares.matrices()
    both = np.einsum("ya,xb->xyab", along, along).reshape(-1, KERNEL**2)
    wide = both @ kernel.reshape(-1, KERNEL**2).T.astype(np.float64)
    return np.asarray(wide.reshape(squares.reach, -1, *kernel.shape[:2]), np.float32)


@dataclass(frozen=True)
class _Layer:
    """A convolution that is worth rewriting, with what follows it.

    Attributes:
        image: What it convolves, [N, C, H, W].
        before: Rows and columns of zeros above and left of that.
        size: Height and width of what comes out.
        kernel: The constant [K, C, 3, 3].
        bias: A constant [1, K, 1, 1] that is added, if there is one.
        relu: Whether negative values become zero then.
        last: The last of its nodes.
        squares: How to compute it.
    """

    image: openvino.Output
    before: tuple[int, int]
    size: tuple[int, int]
    kernel: openvino.Node
    bias: openvino.Output | None
    relu: bool
    last: openvino.Node
    squares: Squares

    def count(self, axis: int) -> int:
        """Squares along an axis of the map."""
        return -(-self.size[axis] // self.squares.side)


def _layer_of(node: openvino.Node, saved: float) -> _Layer | None:
    """The layer that begins with a convolution; None if that stays as it is."""
    kernel, squares = constant_of(giver(node, 1)), _squares_for(node, saved)
    if kernel is None or squares is None:
        return None
    bias, last = None, node
    channels = kernel.get_output_shape(0)[0]
    add = only_user(last, "Add")
    if add is not None:
        for value in add.input_values():
            constant = constant_of(value.get_node())
            if constant is not None and list(constant.get_output_shape(0)) == [1, channels, 1, 1]:
                bias, last = value, add
    relu = only_user(last, "Relu")
    height, width = (length.get_length() for length in list(node.get_output_partial_shape(0))[2:])
    return _Layer(
        image=node.input_value(0),
        before=tuple(node.get_attributes()["pads_begin"]),
        size=(height, width),
        kernel=kernel,
        bias=bias,
        relu=relu is not None,
        last=relu or last,
        squares=squares,
    )


def _squares_for(node: openvino.Node, saved: float) -> Squares | None:
    """How to compute a convolution; None if it is of another kind, or saves too little."""
    how = node.get_attributes()
    outputs, inputs, *side = node.get_input_shape(1)
    count, _, *lengths = node.get_output_partial_shape(0)
    steps = any(step != 1 for step in (*how["strides"], *how["dilations"]))
    if side != [KERNEL] * 2 or steps or any(length.is_dynamic for length in lengths):
        return None
    size, rois = [length.get_length() for length in lengths], count.is_dynamic
    maps = ROIS if rois else count.get_length()
    products = maps * math.prod(size) * outputs * inputs * KERNEL**2
    less = 1 - reckoned_ratio(outputs, inputs, size, rois=rois)
    return best_squares(size) if less * products >= saved else None


def _rewritten(
    layer: _Layer, factors: Sequence[Sequence[openvino.Node]], constants: _Constants
) -> openvino.Node:
    """What computes the same as a layer."""
    squares = layer.squares
    sums, _, inputs = squares.matrices()
    down = [_along(layer.image, taps, 0, layer, constants) for taps in inputs]
    by_column = []
    for taps, column in zip(inputs, factors, strict=True):
        along = [_along(each.output(0), taps, 1, layer, constants) for each in down]
        products = [
            ops.convolution(each, factor, [1, 1], [0, 0], [0, 0], [1, 1])
            for each, factor in zip(along, column, strict=True)
        ]
        by_column.append([_sum(weights, products, constants) for weights in sums])
    rows = zip(squares.scales, zip(*by_column, strict=True), strict=True)
    cells = [
        _finished(layer, _sum(weights, row, constants), scale_down * scale_along, constants)
        for scale_down, row in rows
        for scale_along, weights in zip(squares.scales, sums, strict=True)
    ]
    whole = ops.depth_to_space(ops.concat(cells, 1), "blocks_first", squares.side)
    if all(layer.count(axis) * squares.side == layer.size[axis] for axis in (0, 1)):
        return whole
    bounds = ([0, 0], list(layer.size), [1, 1], [2, 3])
    return ops.slice(whole, *(ops.constant(bound) for bound in bounds))


def _along(
    image: openvino.Output, taps: np.ndarray, axis: int, layer: _Layer, constants: _Constants
) -> openvino.Node:
    """The weighted sums of inputs of each square along an axis."""
    _, channels, *size = (n.get_length() if n.is_static else -1 for n in image.get_partial_shape())
    before, squares = layer.before[axis], layer.squares.side * (layer.count(axis) - 1)
    # Inputs of no weight are left out at the ends, but there are no fewer zeros around than none.
    used = np.flatnonzero(taps)
    first = min(used[0], before)
    last = max(used[-1], before + size[axis] - squares - 1)
    side, stride, begin, end = [1, 1], [1, 1], [0, 0], [0, 0]
    side[axis], stride[axis] = last + 1 - first, layer.squares.side
    begin[axis], end[axis] = before - first, squares + last + 1 - before - size[axis]
    weights = np.tile(taps[first : last + 1].reshape(side), [channels, 1, 1, 1, 1])
    return ops.group_convolution(image, constants(weights), stride, begin, end, [1, 1])


def _sum(
    weights: np.ndarray, maps: Sequence[openvino.Node], constants: _Constants
) -> openvino.Node:
    """The weighted sum of maps, after Horner: a chain is one step for OpenVINO."""
    (total, scale), *others = [
        (each, weight) for weight, each in zip(weights, maps, strict=True) if weight
    ]
    for each, weight in others:
        total, scale = ops.add(_times(scale / weight, total, constants), each), weight
    return _times(scale, total, constants)


def _times(weight: float, values: openvino.Node, constants: _Constants) -> openvino.Node:
    return values if weight == 1 else ops.multiply(values, constants(np.array(weight)))


def _finished(
    layer: _Layer, cell: openvino.Node, scale: float, constants: _Constants
) -> openvino.Node:
    """Outputs at one place of every square, with their scale, bias and ReLU."""
    cell = _times(scale, cell, constants)
    if layer.bias is not None:
        cell = ops.add(cell, layer.bias)
    return ops.relu(cell) if layer.relu else cell


class _Constants:
    """Numbers of a graph in float32, one node for equal ones: each takes time to compile."""

    def __init__(self) -> None:
        self._made: dict[tuple[tuple[int, ...], bytes], openvino.Node] = {}

    def __call__(self, values: np.ndarray) -> openvino.Node:
        single = np.asarray(values, np.float32)
        key = single.shape, single.tobytes()
        if key not in self._made:
            self._made[key] = ops.constant(single)
        return self._made[key]
