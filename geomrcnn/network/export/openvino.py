"""A network as an OpenVINO graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import openvino
import tensorflow as tf
from openvino.frontend.tensorflow import utils as converter

from geomrcnn.network.export.tracing import OUTPUTS, detection_function
from geomrcnn.network.graph_file import graph_files
from geomrcnn.network.mask_rcnn import MaskRCNN


def openvino_graph(model: MaskRCNN, side: int | None = None) -> tuple[bytes, bytes]:
    """The graph (xml) and its weights (bin); arguments as for `detection_function`."""
    detect = detection_function(model, side)
    with _known_environment():
        graph = openvino.convert_model(detect.get_concrete_function())
    # The converter may lose the names.
    for output, name in zip(graph.outputs, OUTPUTS, strict=True):
        output.get_tensor().set_names({name})
    return graph_files(graph)


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
