"""Outlines of soft masks: exact where exactness is possible, valid always."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Box
from tests.oracles.detector import soft_mask
from tests.oracles.scenes import iou, rectangles_and_discs

BOX = Box(10.3, 20.7, 66.3, 104.7)

places = st.floats(-1e4, 1e5, allow_nan=False)
sizes = st.floats(3, 2000)


@given(places, places, sizes, sizes, st.integers(2, 56), st.floats(0.991, 1))
def test_a_saturated_mask_is_exactly_its_box(
    x: float, y: float, width: float, height: float, m: int, probability: float
) -> None:
    box = Box(x, y, x + width, y + height)
    traced = outline(np.full((m, m), probability), box)
    assert traced.bounds == pytest.approx(box, abs=1e-6)
    assert traced.area == pytest.approx(box.width * box.height, rel=1e-9)


def test_ideal_masks_give_back_their_objects() -> None:
    truth = rectangles_and_discs(200)
    traced = [outline(soft_mask(shape), Box(*shape.bounds)) for shape in truth]
    overlap = [iou(one, other) for one, other in zip(traced, truth, strict=True)]
    bias = [one.area / other.area - 1 for one, other in zip(traced, truth, strict=True)]
    assert np.mean(overlap) >= 0.99
    assert min(overlap) >= 0.98
    assert abs(np.mean(bias)) < 0.003


def test_masks_of_eight_bits_have_nearly_the_same_outlines() -> None:
    for shape in rectangles_and_discs(60):
        mask, box = soft_mask(shape), Box(*shape.bounds)
        rounded = np.rint(255 * mask).astype(np.uint8) / np.float32(255)
        exact, coarse = outline(mask, box), outline(rounded, box)
        assert iou(exact, coarse) > 0.9995
        assert exact.boundary.hausdorff_distance(coarse.boundary) < 0.02


def test_an_edge_lies_where_the_probability_passes_one_half() -> None:
    columns = np.clip(0.9 - 0.1 * np.arange(8), 0, 1)  # 0.5 at the centre of cell 4
    traced = outline(np.tile(columns, (8, 1)), Box(0, 0, 80, 80))
    assert traced.bounds[2] == pytest.approx(45.0)


@given(hnp.arrays(np.float32, (12, 9), elements=st.floats(0, 1, width=32)))
def test_any_mask_gives_valid_polygons_within_the_box(mask: np.ndarray) -> None:
    traced = outline(mask, BOX)
    assert traced.is_valid
    assert traced.geom_type in {"Polygon", "MultiPolygon"}
    assert traced.is_empty or shapely.box(*BOX).buffer(1e-6).covers(traced)
    assert (mask >= 0.5).any() or traced.is_empty


@given(hnp.arrays(np.bool_, (7, 7)))
def test_hard_masks_touching_at_corners_stay_valid(mask: np.ndarray) -> None:
    assert outline(mask.astype(np.float32), BOX).is_valid


@given(hnp.arrays(np.float32, (8, 8), elements=st.floats(0, 1, width=32)))
def test_a_mirrored_mask_has_the_mirrored_outline(mask: np.ndarray) -> None:
    box = Box(-10, -10, 10, 10)
    mirrored = shapely.transform(outline(mask, box), lambda points: points * [-1, 1])
    assert outline(mask[:, ::-1], box).symmetric_difference(mirrored).area < 1e-6


def test_holes_stay() -> None:
    mask = np.ones((28, 28))
    mask[10:18, 10:18] = 0
    traced = outline(mask, Box(0, 0, 280, 280))
    assert len(traced.interiors) == 1
    assert traced.area == pytest.approx(280**2 - 80**2, rel=0.002)


def test_specks_of_both_kinds_go_and_real_parts_stay() -> None:
    mask = np.zeros((28, 28))
    mask[2:14, 2:26] = 1
    mask[18:26, 2:26] = 1
    mask[16, 27] = 1  # a speck
    mask[5, 5] = 0  # a pinhole
    traced = outline(mask, Box(0, 0, 280, 280))
    assert len(traced.geoms) == 2
    assert sum(len(part.interiors) for part in traced.geoms) == 0


@pytest.mark.parametrize("box", [Box(5, 5, 5, 9), Box(5, 5, 9, 5), Box(9, 9, 5, 5)])
def test_a_box_without_area_has_no_outline(box: Box) -> None:
    assert outline(np.ones((4, 4)), box).is_empty


def test_no_probability_of_one_half_no_outline() -> None:
    assert outline(np.full((4, 4), 0.49), BOX).is_empty
