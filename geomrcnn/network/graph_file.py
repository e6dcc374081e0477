"""An OpenVINO graph as the two files it is kept in."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import openvino
import openvino.opset13 as ops

LEAST = 1024
"""Numbers in a constant from which it is worth being kept in half the space."""


def graph_files(graph: openvino.Model) -> tuple[bytes, bytes]:
    """The xml and bin of a graph, which is changed as `halve` does."""
    halve(graph)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.xml"
        openvino.save_model(graph, path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def halve(graph: openvino.Model) -> None:
    """Keep large float32 constants as float16, where these are the same numbers.

    The graph widens them again, which OpenVINO does once, when it compiles it: what is computed
    stays the same to the last bit. Kernels of bundles are such numbers, biases are not.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "Constant" or node.get_element_type() != openvino.Type.f32:
            continue
        values = node.data
        if values.size < LEAST:
            continue
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if np.array_equal(half.astype(np.float32), values):
            widened = ops.convert(ops.constant(half), "f32")
            widened.set_friendly_name(node.get_friendly_name())
            for reader in node.output(0).get_target_inputs():
                reader.replace_source_output(widened.output(0))
