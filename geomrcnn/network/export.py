"""A network as an OpenVINO graph, from pixels to detections."""

from __future__ import annotations

import tempfile
from pathlib import Path

import openvino
import tensorflow as tf

from geomrcnn.network.mask_rcnn import MaskRCNN


def openvino_graph(model: MaskRCNN) -> tuple[bytes, bytes]:
    """The graph (xml) and its weights (bin, float16) for one image of any size.

    Input: images [1, H, W, bands] float32. Outputs by name: the fields of `DetectedObjects`.
    """
    shape = [1, None, None, model.config.bands]
    detect = tf.function(
        lambda images: model(images)._asdict(),
        input_signature=[tf.TensorSpec(shape, tf.float32, name="images")],
    )
    graph = openvino.convert_model(detect.get_concrete_function())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.xml"
        openvino.save_model(graph, path, compress_to_fp16=True)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()
