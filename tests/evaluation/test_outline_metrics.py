"""Boundary IoU and PoLiS on shapes whose figures can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import affinity

from geomrcnn.evaluation.outlines import boundary_iou, iou, polis

SQUARE = shapely.box(0, 0, 20, 20)
RING = shapely.box(0, 0, 20, 20).difference(shapely.box(8, 8, 12, 12))


def one(shape: shapely.Geometry) -> np.ndarray:
    return np.array([shape], dtype=object)


def test_a_shift_hurts_the_boundary_more_than_the_area() -> None:
    """Strips 1 wide of squares moved by half of that: 17.5 + 2 × 10 of 152 square metres ..."""
    moved = affinity.translate(SQUARE, 0.5, 0)
    strips = [shape.difference(shape.buffer(-1)) for shape in (SQUARE, moved)]
    shared = strips[0].intersection(strips[1]).area
    # Along: two strips 19.5 long; across: two that share half their width.
    assert shared == pytest.approx(2 * 19.5 + 2 * 0.5 * 18)
    assert boundary_iou(one(SQUARE), one(moved), 1.0)[0] == pytest.approx(shared / (152 - shared))
    assert iou(one(SQUARE), one(moved))[0] == pytest.approx(19.5 / 20.5)


def test_a_band_wider_than_the_shape_is_plain_iou() -> None:
    moved = affinity.translate(SQUARE, 3, 4)
    assert boundary_iou(one(SQUARE), one(moved), 50.0) == pytest.approx(
        iou(one(SQUARE), one(moved))
    )


def test_polis_of_a_shifted_square_is_the_shift_of_half_its_corners() -> None:
    """All corners lie on the lines of the other square but two of each, which are 3 away."""
    moved = affinity.translate(SQUARE, 3, 0)
    assert polis(one(SQUARE), one(moved))[0] == pytest.approx(3 / 2)


def test_polis_counts_the_corners_of_holes() -> None:
    """Ours has none, so its corners agree; the hole's four are 8 from the square's outline."""
    assert polis(one(SQUARE), one(RING))[0] == pytest.approx((0 + 8 * 4 / 8) / 2)


def test_polis_takes_all_parts() -> None:
    parts = shapely.MultiPolygon([SQUARE, affinity.translate(SQUARE, 50, 0)])
    assert polis(one(parts), one(parts))[0] == 0


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.8, 1.25))
def test_both_are_symmetric_and_perfect_for_equals(x: float, y: float, scale: float) -> None:
    other = affinity.scale(affinity.translate(SQUARE, x, y), scale, 1)
    pair = one(SQUARE), one(other)
    assert boundary_iou(*pair, 2.0) == pytest.approx(boundary_iou(*pair[::-1], 2.0))
    assert polis(*pair) == pytest.approx(polis(*pair[::-1]))
    assert boundary_iou(pair[1], pair[1], 2.0) == pytest.approx(1)
    assert polis(pair[1], pair[1]) == pytest.approx(0)
