"""Shared edges: a valid coverage, slivers closed, roads kept, nobody robbed."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, affinity

from geomrcnn.vector.polygons import Polygonal, polygonal
from geomrcnn.vector.shared_edges import share_edges
from tests.oracles.outlines import traced
from tests.oracles.scenes import iou, rotated_parcels

LEFT, RIGHT = shapely.box(0, 0, 50, 40), shapely.box(51, 0, 100, 40)


def fields(seed: int, angle: float = 27.0, space: float = 1.0) -> list[Polygon]:
    """Brickwork of 16 noisy rectangles, a little apart or over one another."""
    rng = np.random.default_rng(seed)
    shapes = []
    for row in range(4):
        for column in range(4):
            x, y = 60 * column, 50 * row + 20 * (column % 2)
            brick = shapely.box(x, y, x + 60 - space, y + 50 - space)
            brick = affinity.rotate(brick, angle, origin=(0, 0))
            shape = polygonal(traced(brick, 0.04, int(rng.integers(10**6))))
            shapes.append(max(shapely.get_parts(shape), key=lambda part: part.area))
    return shapes


def assert_covers(shared: list[Polygonal]) -> None:
    there = [polygon for polygon in shared if not polygon.is_empty]
    assert all(polygon.is_valid for polygon in there)
    assert {polygon.geom_type for polygon in there} <= {"Polygon", "MultiPolygon"}
    assert shapely.coverage_is_valid(there)


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6), angle=st.floats(0, 90), space=st.floats(-1.5, 1.5))
def test_noisy_bricks_become_a_wall(seed: int, angle: float, space: float) -> None:
    before = fields(seed, angle, space)
    after = share_edges(before, gap=6.0, tolerance=1.0)
    assert_covers(after)
    assert min(iou(one, other) for one, other in zip(before, after, strict=True)) > 0.85
    wall = shapely.union_all(after)
    assert wall.geom_type == "Polygon"
    assert len(wall.interiors) == 0


def test_a_gap_is_shared_out_half_and_half() -> None:
    left, right = share_edges([LEFT, RIGHT], gap=2.0, tolerance=0.0)
    assert left.equals_exact(shapely.box(0, 0, 50.5, 40), 0.01, normalize=True)
    assert right.equals_exact(shapely.box(50.5, 0, 100, 40), 0.01, normalize=True)


def test_an_overlap_goes_to_the_first() -> None:
    other = shapely.box(48, 0, 100, 40)
    left, right = share_edges([LEFT, other], gap=2.0, tolerance=0.0)
    assert left.equals(LEFT)
    assert right.equals(shapely.box(50, 0, 100, 40))
    right, left = share_edges([other, LEFT], gap=2.0, tolerance=0.0)
    assert right.equals(other)
    assert left.equals(shapely.box(0, 0, 48, 40))


def test_roads_and_notches_stay() -> None:
    road = shapely.box(55, 0, 100, 40)
    notched = LEFT.difference(shapely.box(20, 30, 21, 40))
    assert share_edges([notched, road], gap=4.0, tolerance=0.0)[0].equals(notched)
    near = shapely.box(53, 0, 100, 40)
    closed, _ = share_edges([notched, near], gap=4.0, tolerance=0.0)
    assert closed.area == pytest.approx(notched.area + 1.5 * 40, rel=0.001)


def test_where_three_meet_all_get_a_share() -> None:
    three = [shapely.box(0, 0, 50, 40), shapely.box(51, 0, 100, 40), shapely.box(0, 41, 100, 80)]
    shared = share_edges(three, gap=2.0, tolerance=0.0)
    assert_covers(shared)
    assert shapely.union_all(shared).equals(shapely.box(0, 0, 100, 80))
    assert [s.area for s in shared] == pytest.approx([50.5 * 40.5, 49.5 * 40.5, 3950], abs=0.6)


def test_simplification_keeps_edges_together() -> None:
    wavy = np.stack([50 + np.sin(np.arange(0, 41)), np.arange(0, 41.0)], axis=1)
    left = Polygon([*wavy, (0, 40), (0, 0)])
    right = Polygon([*wavy, (100, 40), (100, 0)])
    shared = share_edges([left, right], gap=1.0, tolerance=4.0)
    assert_covers(shared)
    assert shapely.union_all(shared).equals(shapely.box(0, 0, 100, 40))
    assert sum(map(shapely.get_num_coordinates, shared)) < 20


def test_an_island_in_a_hole_fills_it() -> None:
    lake = shapely.Point(50, 50).buffer(20)
    land = shapely.box(0, 0, 100, 100).difference(shapely.Point(50, 50).buffer(21))
    shared = share_edges([land, lake], gap=3.0, tolerance=0.2)
    assert_covers(shared)
    assert shapely.union_all(shared).equals(shapely.box(0, 0, 100, 100))
    assert len(shared[0].interiors) == 1


def test_one_within_another() -> None:
    small, large = shapely.box(10, 10, 30, 30), shapely.box(0, 0, 100, 100)
    inner, outer = share_edges([small, large], gap=1.0, tolerance=0.0)
    assert inner.equals(small)
    assert outer.equals(large.difference(small))
    outer, inner = share_edges([large, small], gap=1.0, tolerance=0.0)
    assert outer.equals(large)
    assert inner.is_empty


def test_slivers_cut_off_go_to_the_neighbour() -> None:
    first = shapely.box(40, -1, 60, 39.5)
    across = shapely.box(0, 0, 60.5, 40)  # half a pixel wide beyond and below the first
    shared = share_edges([first, across], gap=2.0, tolerance=0.0)
    assert_covers(shared)
    assert shared[1].geom_type == "Polygon"


def test_far_apart_nothing_changes() -> None:
    parts = MultiPolygon([shapely.box(300, 0, 310, 10), shapely.box(320, 0, 330, 10)])
    far = [LEFT, shapely.box(200, 0, 240, 40), parts]
    shared = share_edges(far, gap=2.0, tolerance=0.0)
    assert all(one.equals(other) for one, other in zip(far, shared, strict=True))


def test_rotated_parcels_far_from_the_origin() -> None:
    parcels = [affinity.translate(p, 80_000, 90_000) for p in rotated_parcels(400, 120)]
    shared = share_edges(parcels, gap=3.0, tolerance=0.3)
    assert_covers(shared)
    assert min(iou(one, other) for one, other in zip(parcels, shared, strict=True)) > 0.88
    assert len(shapely.union_all(shared).interiors) == 0


@settings(max_examples=40)
@given(
    boxes=st.lists(
        st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 20)] * 2, st.integers(0, 80)),
        max_size=12,
    ),
    gap=st.floats(0, 6),
    tolerance=st.floats(0, 3),
)
def test_any_heap_of_boxes_becomes_a_coverage(
    boxes: list[tuple[int, ...]], gap: float, tolerance: float
) -> None:
    heap = [affinity.rotate(shapely.box(x, y, x + w, y + h), turn) for x, y, w, h, turn in boxes]
    shared = share_edges(heap, gap, tolerance)
    assert len(shared) == len(heap)
    assert_covers(shared)
    free = shapely.union_all(shared).difference(shapely.union_all(heap)) if heap else Polygon()
    assert free.buffer(-gap / 2 - tolerance - 0.01).is_empty
    for k, shape in enumerate(heap):
        visible = shape.difference(shapely.union_all(heap[:k])).buffer(-gap - 0.01)
        assert visible.area < 1 or not shared[k].is_empty


def test_nothing_at_all() -> None:
    assert share_edges([], 1.0, 1.0) == []
    assert [shape.is_empty for shape in share_edges([Polygon(), LEFT], 1.0, 1.0)] == [True, False]


def test_distances_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="below 0"):
        share_edges([LEFT], -1.0, 0.0)
