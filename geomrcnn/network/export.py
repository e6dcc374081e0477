"""A network as an OpenVINO graph, from pixels to detections."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import openvino
import tensorflow as tf
from openvino.frontend.tensorflow import utils as converter

from geomrcnn.network.mask_rcnn import DetectedObjects, MaskRCNN


def openvino_graph(model: MaskRCNN) -> tuple[bytes, bytes]:
    """The graph (xml) and its weights (bin, float32) for one image of any size.

    Input: images [1, H, W, bands] float32. Outputs by name: the fields of `DetectedObjects`.
    """
    shape = [1, None, None, model.config.bands]
    detect = tf.function(
        lambda images: model(images)._asdict(),
        input_signature=[tf.TensorSpec(shape, tf.float32, name="images")],
    )
    with _known_environment():
        graph = openvino.convert_model(detect.get_concrete_function())
    # TensorFlow flattens a dictionary by sorted keys; the converter may lose their names.
    for output, name in zip(graph.outputs, sorted(DetectedObjects._fields), strict=True):
        output.get_tensor().set_names({name})
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


def fold_batch_norms(backbone: keras.Model) -> None:
    """Move the scale of every batch norm into the convolution before it.

    The network computes the same. But OpenVINO folds them anyway, and only kernels that were
    folded before they are rounded to float16 are the same numbers in both runtimes.
    """
    layers = {layer.name: layer for layer in backbone.layers}
    for name, norm in layers.items():
        if isinstance(norm, keras.layers.BatchNormalization):
            _fold(layers[name.removesuffix("_bn")], norm)


def _fold(convolution: keras.layers.Layer, norm: keras.layers.BatchNormalization) -> None:
    gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in norm.weights)
    scale = gamma / np.sqrt(variance + norm.epsilon)
    kernel, *bias = convolution.weights
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    kernel.assign(np.asarray(kernel) * (scale[:, None] if depthwise else scale))
    shift = beta - mean * scale
    if bias:
        shift += np.asarray(bias[0]) * scale
        bias[0].assign(np.zeros_like(shift))
    one_less = np.float32(1) - np.float32(norm.epsilon)
    weights = (np.ones_like(beta), shift, np.zeros_like(beta), np.full_like(beta, one_less))
    norm.set_weights([value.astype(np.float32) for value in weights])
