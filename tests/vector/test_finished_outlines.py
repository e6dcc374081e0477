"""Holes, parts, sizes and shapes, in their order."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shapely import MultiPolygon, Polygon

from geomrcnn.vector.contour import outline
from geomrcnn.vector.instance import Box
from geomrcnn.vector.outlines import PARTS, OutlineOptions, finish
from geomrcnn.vector.regularise import SHAPES
from tests.oracles.outlines import DISC, RECTANGLE, traced

LARGE, SMALL = shapely.box(0, 0, 40, 40), shapely.box(60, 0, 70, 10)
HOLES = LARGE.difference(shapely.box(5, 5, 8, 8)).difference(shapely.box(20, 20, 30, 30))


def areas(polygon: Polygon | MultiPolygon, **options: object) -> list[float]:
    done = finish(polygon, OutlineOptions(simplify=0, **options))  # type: ignore[arg-type]
    return [outline.polygon.area for outline in done]


def test_by_default_outlines_are_simplified() -> None:
    shape = traced(RECTANGLE, 0.03, seed=0)
    ((simpler, status),) = finish(shape, OutlineOptions())
    assert status == "traced"
    assert shapely.get_num_coordinates(simpler) < shapely.get_num_coordinates(shape) / 2


def test_shapes_come_from_the_outline_as_it_was_traced() -> None:
    shape = traced(RECTANGLE, 0.03, seed=0)
    options = OutlineOptions(simplify=5.0, shape="right-angles", shape_tolerance=2.5)
    ((regular, status),) = finish(shape, options)
    assert status == "regularised"
    assert len(regular.exterior.coords) == 5
    assert regular.hausdorff_distance(shape) <= 2.5


def test_what_has_no_shape_is_simplified_and_says_so() -> None:
    options = OutlineOptions(shape="right-angles")
    assert finish(DISC, options) == [(finish(DISC, OutlineOptions())[0].polygon, "kept")]


@pytest.mark.parametrize(("below", "left"), [(0, 1491), (9, 1491), (9.5, 1500), (1e9, 1600)])
def test_holes_are_filled_by_area(below: float, left: float) -> None:
    assert areas(HOLES, fill_holes=below) == pytest.approx([left])


def test_an_island_in_a_filled_hole_is_swallowed() -> None:
    island = MultiPolygon([HOLES, shapely.box(23, 23, 27, 27)])
    assert areas(island, fill_holes=np.inf) == pytest.approx([1600])


def test_parts_are_kept_split_or_dropped() -> None:
    both = MultiPolygon([SMALL, LARGE])
    assert areas(both) == pytest.approx([1700])
    assert areas(both, parts="split") == pytest.approx([100, 1600])
    assert areas(both, parts="largest") == pytest.approx([1600])


def test_sizes_are_of_what_comes_out() -> None:
    both = MultiPolygon([SMALL, LARGE])
    assert areas(both, min_area=1700) == pytest.approx([1700])
    assert areas(both, parts="split", min_area=101) == pytest.approx([1600])
    assert areas(both, parts="split", max_area=101) == pytest.approx([100])
    assert areas(HOLES, fill_holes=50, min_area=1500) == pytest.approx([1500])
    assert areas(Polygon()) == []


@pytest.mark.parametrize("shape", [None, *SHAPES])
@settings(max_examples=10)
@given(
    mask=hnp.arrays(np.float32, (8, 8), elements=st.floats(0, 1, width=32)),
    parts=st.sampled_from(PARTS),
    holes=st.sampled_from([0.0, 60.0, np.inf]),
    simplify=st.floats(0, 10),
)
def test_outlines_are_always_valid(
    shape: str | None, mask: np.ndarray, parts: str, holes: float, simplify: float
) -> None:
    options = OutlineOptions(simplify, shape, fill_holes=holes, parts=parts)
    for polygon, status in finish(outline(mask, Box(0, 0, 50, 70)), options):
        assert polygon.is_valid
        assert polygon.area > 0
        assert status in ({"traced"} if shape is None else {"regularised", "kept"})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"simplify": -1}, "below 0"),
        ({"min_area": float("nan")}, "below 0"),
        ({"shape_tolerance": 0}, "above 0"),
        ({"shape": "star"}, r"no shape 'star': choose one of right-angles, .*wedge"),
        ({"parts": "some"}, "no choice 'some': choose one of keep, split, largest"),
    ],
)
def test_nonsense_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OutlineOptions(**wrong)  # type: ignore[arg-type]
