"""Whether this processor should compute in 8-bit integers."""

from __future__ import annotations

import functools
import platform

import numpy as np
import openvino
import openvino.opset13 as ops

TERMS = 64
BRIGHT, HEAVY = 255.0, 127.0
"""The largest values of an unsigned and a signed byte."""


@functools.cache
def int8_pays() -> bool:
    """Whether int8 is faster here than float32, and computes what it was calibrated to.

    On x86, that is where there are instructions for it (VNNI, AMX). Without them, OpenVINO adds
    pairs of products in 16 bits, which may not be enough: the results are others, and the gain is
    small. It does not tell which it will do, for the plugin names INT8 among the capabilities of
    every processor. So it is asked for the largest sum that there can be. On other processors
    nobody has measured it.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    found = openvino.Core().compile_model(_largest_sum(), "CPU")(np.full([1, TERMS], BRIGHT, "f4"))
    return bool(np.allclose(found[0], TERMS * BRIGHT * HEAVY))


def _largest_sum() -> openvino.Model:
    """A matrix product in int8."""
    image = ops.parameter([1, TERMS], np.float32)
    weights = ops.constant(np.full((TERMS, TERMS), HEAVY, np.float32))
    products = ops.matmul(
        _rounded(image, 0.0, BRIGHT), _rounded(weights, -HEAVY - 1, HEAVY), False, True
    )
    return openvino.Model([ops.result(products)], [image])


def _rounded(values: openvino.Output, low: float, high: float) -> openvino.Output:
    """Brought to 256 levels, from which OpenVINO sees that 8 bits are enough."""
    ends = [ops.constant(np.float32(end)) for end in (low, high, low, high)]
    return ops.fake_quantize(values, *ends, 256).output(0)
