"""All that makes a graph quick, in one call."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import openvino

from geomrcnn.runtime.graph.doubling import double_at_once
from geomrcnn.runtime.graph.padding import pool_without_zeros
from geomrcnn.runtime.graph.pooling import average_first
from geomrcnn.runtime.graph.quantising import quantise_first
from geomrcnn.runtime.graph.summing import sum_in_one_order
from geomrcnn.runtime.graph.topk import choose_before_sorting
from geomrcnn.runtime.graph.winograd import convolve_by_winograd

X86 = "x86_64", "amd64"
"""Where Winograd's convolutions were measured."""


def make_quick(graph: openvino.Model, images: Sequence[int]) -> None:
    """Rewrite a detection graph for images of one shape.

    Args:
        graph: As `geomrcnn.network.export` makes it, changed in place.
        images: Their shape, [1, H, W, bands].
    """
    graph.reshape(list(images))
    choose_before_sorting(graph)
    average_first(graph)
    quantise_first(graph)
    double_at_once(graph)
    pool_without_zeros(graph)
    if platform.machine().lower() in X86:
        convolve_by_winograd(graph)
    sum_in_one_order(graph)
