"""Layers that 8 bits would ruin stay in float32; a small graph with one such layer."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import openvino
import openvino.opset13 as ops
import pytest

from geomrcnn.bundle.bundle import Bundle

SIDE = 8
CHANNELS = 4


def convolution(values: openvino.Output, kernel: np.ndarray) -> openvino.Node:
    """1 × 1, without a bias."""
    return ops.convolution(
        values, ops.constant(kernel.astype(np.float32)[..., None, None]), [1, 1], [0, 0], [0, 0],
        [1, 1],
    )  # fmt: skip


def delicate_graph() -> openvino.Model:
    """Four objects whose scores follow the colours; the fourth of its five layers is delicate.

    Its input has one channel with values of a hundred thousand, which it does not look at, beside
    those up to 1 that it does.
    """
    images = ops.parameter([1, SIDE, SIDE, 3], np.float32, name="images")
    rng = np.random.default_rng(3)
    value = ops.transpose(images, ops.constant([0, 3, 1, 2])).output(0)
    mixed = np.abs(rng.normal(size=(CHANNELS, 3))) / 255
    value = convolution(value, mixed).output(0)
    value = convolution(value, np.eye(CHANNELS)).output(0)
    value = convolution(value, np.diag([1e5, 1, 1, 1])).output(0)
    blind = rng.normal(size=(CHANNELS, CHANNELS)) * 2
    blind[:, 0] = 0
    value = convolution(value, blind).output(0)
    value = convolution(value, np.eye(CHANNELS)).output(0)
    scores = ops.sigmoid(ops.reduce_mean(value, ops.constant([0, 2, 3]), False))
    nothing = ops.multiply(ops.reduce_max(scores, ops.constant([0]), False),
                           ops.constant(np.float32(0)))  # fmt: skip
    corners = np.arange(CHANNELS, dtype=np.float32)[:, None] * 10
    constants = {
        "boxes": np.hstack([corners, corners, corners + 8, corners + 8]),
        "classes": np.ones(CHANNELS, np.float32),
        "masks": np.ones((CHANNELS, 28, 28), np.float32),
    }
    outputs = {name: ops.add(ops.constant(value), nothing) for name, value in constants.items()}
    results = []
    for name, node in {**outputs, "scores": scores}.items():
        result = ops.result(node)
        result.output(0).get_tensor().set_names({name})
        results.append(result)
    return openvino.Model(results, [images])


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [
        (rng.uniform(0, 255, 3) * np.ones((1, SIDE, SIDE, 3))).astype(np.float32) for _ in range(8)
    ]


def test_the_layer_that_harms_most_goes_back_to_float(images):
    int8 = pytest.importorskip("geomrcnn.export.int8")
    _, ruined = int8.quantised(delicate_graph(), images, drop=1.0)
    assert (ruined.layers, ruined.kept, ruined.images) == (5, int8.EXACT, len(images))
    assert ruined.agreement < 0.95
    graph, saved = int8.quantised(delicate_graph(), images, drop=0.02)
    kept = [not int8.is_quantised(layer) for layer in int8.layers_of(graph)]
    assert kept[3:] == [True, False]
    assert (saved.layers, saved.kept) == (5, sum(kept))
    assert saved.agreement > 0.98
    detect, wanted = int8.compiled(graph), int8.compiled(delicate_graph())
    for image in images:
        ours, theirs = detect(image)["scores"], wanted(image)["scores"]
        np.testing.assert_allclose(ours, theirs, atol=0.02)
        assert np.abs(ours - theirs).max() > 1e-5  # the others are rounded


def test_the_last_layers_of_the_heads_are_told_from_all_others():
    int8 = pytest.importorskip("geomrcnn.export.int8")
    graph = openvino.Core().read_model(*Bundle.open("fields").openvino("fp32"))
    last = [layer for layer in int8.layers_of(graph) if int8.is_last(layer)]
    kinds = [layer.get_type_name() for layer in last]
    assert kinds == ["Convolution"] * 10 + ["MatMul"] * 2 + ["Convolution"], "RPN, boxes, masks"
    outputs = {layer.get_output_partial_shape(0)[1].get_length() for layer in last}
    assert outputs == {3, 12, 2, 4, 1}, "scores and deltas of 3 anchors, and of one class; masks"


JUDGE = """
import numpy as np
import openvino
from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.landscape import landscape
from geomrcnn.export import int8

graphs = {}
for precision in ("fp32", "int8"):
    graphs[precision] = openvino.Core().read_model(*Bundle.open("fields").openvino(precision))
    graphs[precision].reshape([1, 512, 512, 3])
images = [landscape(seed, (512, 512), 2.0).image[None].astype(np.float32) for seed in range(2)]
judged = int8._judged(graphs["fp32"], images)
print(int8._validate(int8.compiled(graphs["int8"]), judged)[0])
"""


def test_a_graph_is_judged_alike_on_processors_without_instructions_for_it():
    """Sums that overflow would cost a tenth of the agreement."""
    pytest.importorskip("nncf")
    found = subprocess.run(
        [sys.executable, "-c", JUDGE], capture_output=True, text=True, check=True,
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    )  # fmt: skip
    assert float(found.stdout) > 0.92
