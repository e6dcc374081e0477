"""A network as an OpenVINO graph."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openvino
import tensorflow as tf
from openvino.frontend.tensorflow import utils as converter

from geomrcnn.network.export.tracing import OUTPUTS, detection_function
from geomrcnn.network.mask_rcnn import MaskRCNN


def openvino_graph(model: MaskRCNN, side: int | None = None) -> tuple[bytes, bytes]:
    """The graph (xml) and its weights (bin, float32); arguments as for `detection_function`."""
    detect = detection_function(model, side)
    with _known_environment():
        graph = openvino.convert_model(detect.get_concrete_function())
    # The converter may lose the names.
    for output, name in zip(graph.outputs, OUTPUTS, strict=True):
        output.get_tensor().set_names({name})
    return graph_bytes(graph)


def graph_bytes(graph: openvino.Model) -> tuple[bytes, bytes]:
    """The xml and bin of a graph."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.xml"
        openvino.save_model(graph, path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


@contextmanager
def _known_environment() -> Iterator[None]:
    """Tell OpenVINO's converter TensorFlow's version.

    Version 2026.4 finds it out by executing `del` on a local name, which fails on Python 3.13.
    """
    original = converter.get_environment_setup
    converter.get_environment_setup = lambda framework: {"tensorflow": tf.__version__}
    try:
        yield
    finally:
        converter.get_environment_setup = original
