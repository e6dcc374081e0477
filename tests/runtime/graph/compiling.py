"""Compiling a graph for this processor."""

from __future__ import annotations

import openvino


def compiled(graph: openvino.Model) -> openvino.CompiledModel:
    """In float32: by itself OpenVINO takes bfloat16 on processors that have instructions for it."""
    return openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
