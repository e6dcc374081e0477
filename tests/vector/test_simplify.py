"""Simplification: fewer vertices, valid, no bias."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter
from shapely import Point, Polygon

from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Box
from geomrcnn.vector.simplify import simplify
from tests.oracles.detector import soft_mask
from tests.oracles.scenes import iou, rectangles_and_discs


@given(
    hnp.arrays(np.float32, (10, 10), elements=st.floats(0, 1, width=32)),
    st.floats(0, 30),
)
def test_the_result_is_valid_and_polygonal(mask: np.ndarray, tolerance: float) -> None:
    simpler = simplify(outline(mask, Box(0, 0, 50, 70)), tolerance)
    assert simpler.is_valid
    assert simpler.geom_type in {"Polygon", "MultiPolygon"}


@given(st.integers(0, 10**6), st.sampled_from([1e-9, 0.1, 0.25, 1.0, 3.0, 1e3]))
def test_blobs_with_holes_stay_valid_there_and_as_large(seed: int, tolerance: float) -> None:
    blobs = gaussian_filter(np.random.default_rng(seed).normal(size=(28, 28)), 2)
    shape = outline(np.clip(blobs / blobs.std() * 0.4 + 0.5, 0, 1), Box(0, 0, 80, 60))
    simpler = simplify(shape, tolerance)
    assert simpler.is_valid
    assert simpler.is_empty == shape.is_empty
    plain = shapely.simplify(shape, tolerance, preserve_topology=True)
    assert abs(simpler.area - shape.area) <= abs(plain.area - shape.area) + 1e-6
    if tolerance <= 1:
        assert simpler.area == pytest.approx(shape.area, rel=0.01)
        assert simpler.hausdorff_distance(shape) < 3 * tolerance + 1e-6


def test_outlines_stay_true_by_default() -> None:
    truth = rectangles_and_discs(200)
    traced = [outline(soft_mask(shape), Box(*shape.bounds)) for shape in truth]
    simpler = [simplify(shape) for shape in traced]
    ratio = np.mean([s.area / t.area for s, t in zip(simpler, truth, strict=True)])
    assert np.mean([iou(s, t) for s, t in zip(simpler, truth, strict=True)]) >= 0.99
    assert abs(ratio - 1) < 0.003
    before = sum(map(shapely.get_num_coordinates, traced))
    assert sum(map(shapely.get_num_coordinates, simpler)) < before / 5


def test_round_objects_do_not_shrink() -> None:
    disc = Point(0, 0).buffer(20, quad_segs=64)
    coarse = simplify(disc, 1.0)
    assert len(coarse.exterior.coords) < 20
    assert coarse.area == pytest.approx(disc.area, rel=0.001)
    assert coarse.hausdorff_distance(disc) < 1.6


def test_straight_edges_need_no_vertices() -> None:
    square = shapely.segmentize(shapely.box(0, 0, 100, 100), 1)
    simpler = simplify(square, 0)
    assert len(simpler.exterior.coords) == 5
    assert simpler.symmetric_difference(square).area < 1e-9


def test_holes_survive() -> None:
    ring = Point(0, 0).buffer(20).difference(Point(0, 0).buffer(10))
    assert len(simplify(ring, 2.0).interiors) == 1


def test_nothing_stays_nothing() -> None:
    assert simplify(Polygon(), 1.0).is_empty


def test_a_hole_near_a_bend_that_is_cut_short_survives() -> None:
    angles = np.linspace(0, np.pi, 40)
    dome = 50 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    hole = shapely.Point(48 * np.cos(0.2), 48 * np.sin(0.2)).buffer(1.2, quad_segs=2)
    polygon = Polygon([*dome, (-50, -1), (50, -1)], [hole.exterior])
    plain = shapely.simplify(polygon, 1.0, preserve_topology=False)
    assert not plain.interiors, "nothing to look out for"
    assert len(simplify(polygon, 1.0).interiors) == 1
