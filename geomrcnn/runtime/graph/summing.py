"""Sums that are added up in the same order in any number of threads."""

from __future__ import annotations

import openvino

from geomrcnn.runtime.graph.following import giver, of_kind


def sum_in_one_order(graph: openvino.Model) -> None:
    """Make a graph compute the same bits in one thread as in two, which is what was compared.

    A matrix product that is fused with what follows is added up in parts, one a thread, by one of
    the plugin's kernels (seen with OpenVINO 2026.4: boxes moved by 6e-5 pixels between one thread
    and two). One whose result is asked for is not fused, and the kernel for it has a fixed order.
    Those of 8-bit integers are added up exactly.

    Args:
        graph: Changed in place.
    """
    products = [
        node for node in of_kind(graph, "MatMul")
        if giver(node).get_type_name() != "FakeQuantize"
    ]  # fmt: skip
    graph.add_outputs([product.output(0) for product in products])
