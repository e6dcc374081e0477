"""A shipped model's graph finds the same after it was made quick."""

from __future__ import annotations

import platform

import numpy as np
import openvino
import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.landscape import landscape
from geomrcnn.runtime.graph import make_quick
from geomrcnn.runtime.graph.following import of_kind
from geomrcnn.runtime.graph.rewriting import X86
from tests.runtime.graph.compiling import compiled

SHAPE = [1, 1024, 1024, 3]


def run(graph: openvino.Model, image: np.ndarray) -> dict[str, np.ndarray]:
    found = compiled(graph)(image)
    return {name: np.array(found[name]) for name in ("boxes", "scores", "classes", "masks")}


@pytest.mark.parametrize(
    ("precision", "masks_differ_by", "steps"), [("fp32", 1e-3, 0.0), ("int8", 0.05, 0.03)]
)
def test_the_same_is_found(precision: str, masks_differ_by: float, steps: float) -> None:
    """Values of 8 bits go to the other side of a step for the least difference.

    So in int8 a share of boxes and scores, `steps`, may differ by more than rounding, but by less
    than half a pixel and 0.01.
    """
    files = Bundle.open("fields").openvino(precision)
    graph, quick = (openvino.Core().read_model(*files) for _ in range(2))
    graph.reshape(SHAPE)
    make_quick(quick, SHAPE)
    image = landscape(5, (1024, 1024), 2.0).image[None].astype(np.float32)
    expected, found = run(graph, image), run(quick, image)
    assert len(expected["scores"]) > 40
    np.testing.assert_array_equal(found["classes"], expected["classes"])
    for name, rounding, most in (("boxes", 2e-3, 0.5), ("scores", 1e-5, 0.01)):
        off = np.abs(found[name] - expected[name])
        assert np.mean(off > rounding) <= steps
        assert off.max() < most
    np.testing.assert_allclose(found["masks"], expected["masks"], atol=masks_differ_by)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_all_of_it_applies(precision: str) -> None:
    """Four levels are read for boxes and for masks, in four grids each, and three are doubled."""
    quick = openvino.Core().read_model(*Bundle.open("fields").openvino(precision))
    make_quick(quick, SHAPE)
    assert len(list(of_kind(quick, "ROIPooling"))) == 4 * 2 * 4
    assert len(list(of_kind(quick, "Interpolate"))) == 3
    # P2, in the pyramid and in the head of the proposals.
    convolved = 2 if precision == "fp32" and platform.machine().lower() in X86 else 0
    assert len(list(of_kind(quick, "DepthToSpace"))) == convolved
