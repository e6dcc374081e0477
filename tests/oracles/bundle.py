"""A real bundle around the smallest graph there is: it sees the same objects in every tile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino
import openvino.opset13 as ops

from geomrcnn.bundle.bundle import write_bundle
from tests.oracles.detector import card


def write_constant_bundle(
    path: Path,
    boxes: Sequence[Sequence[float]],
    scores: Sequence[float],
    int8_scores: Sequence[float] = (),
    **changes: object,
) -> Path:
    """Write a bundle whose network finds saturated `boxes` [N, 4] with `scores` [N] anywhere.

    With `int8_scores` it has a second graph, called int8, which gives these.
    """
    graphs = {"fp32": _constant_graph(path, boxes, scores)}
    if int8_scores:
        graphs["int8"] = _constant_graph(path, boxes, int8_scores)
    write_bundle(path, card(**changes), {}, {}, graphs)
    return path


def _constant_graph(
    path: Path, boxes: Sequence[Sequence[float]], scores: Sequence[float]
) -> tuple[bytes, bytes]:
    count = len(boxes)
    image = ops.parameter([1, -1, -1, 3], np.float32, name="image")
    nothing = ops.multiply(
        ops.reduce_max(image, ops.constant([0, 1, 2, 3]), keep_dims=False),
        ops.constant(np.float32(0)),
    )
    outputs = {
        "boxes": np.array(boxes, np.float32),
        "scores": np.array(scores, np.float32),
        "classes": np.ones(count, np.float32),
        "masks": np.ones((count, 28, 28), np.float32),
    }
    results = []
    for name, value in outputs.items():
        result = ops.result(ops.add(ops.constant(value), nothing))
        result.output(0).get_tensor().set_names({name})
        results.append(result)
    xml = path.with_suffix(".xml")
    openvino.serialize(openvino.Model(results, [image]), xml)
    return xml.read_bytes(), xml.with_suffix(".bin").read_bytes()
