"""Regularisation: made shapes found again, the contract never broken."""

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
from geomrcnn.vector.regularise import LEAST_IOU, SHAPES, regularise
from tests.oracles.outlines import (
    COURT,
    CUT_CORNER,
    DISC,
    ELL,
    RECTANGLE,
    SLANTED,
    quarter,
    traced,
    turned,
)
from tests.oracles.scenes import iou

TOLERANCE = 2.5

MADE = {
    "right-angles": (RECTANGLE, ELL, COURT),
    "right-angles-45": (RECTANGLE, ELL, CUT_CORNER),
    "any-angle": (RECTANGLE, ELL, CUT_CORNER, SLANTED),
    "circle": (DISC,),
    "rectangle": (RECTANGLE,),
    "wedge": (quarter(), quarter(50, 60)),
}
CASES = [(kind, shape) for kind, shapes in MADE.items() for shape in shapes]

angles = st.floats(0, 360, allow_nan=False)
places = st.floats(-1000, 100_000)
seeds = st.integers(0, 10**6)


def directions(polygon: Polygon) -> np.ndarray:
    """Degrees of all edges of the shell, from the first."""
    edges = np.diff(shapely.get_coordinates(polygon.exterior), axis=0)
    degrees = np.degrees(np.arctan2(edges[:, 1], edges[:, 0]))
    return degrees - degrees[0]


def off_each(degrees: np.ndarray, step: float) -> np.ndarray:
    """How far angles are from a multiple of a step."""
    return degrees - step * np.round(degrees / step)


def off_grid(degrees: np.ndarray, step: float) -> float:
    """The most that angles are off a multiple of a step."""
    return float(np.abs(off_each(degrees, step)).max())


def corners(polygon: Polygon) -> int:
    return len(polygon.exterior.coords) - 1


def apart(one: shapely.Geometry, other: shapely.Geometry) -> float:
    """Hausdorff distance of two outlines, looked at every tenth of a pixel."""
    return max(_furthest(one.boundary, other.boundary), _furthest(other.boundary, one.boundary))


def _furthest(line: shapely.Geometry, other: shapely.Geometry) -> float:
    shapely.prepare(other)
    points = shapely.points(shapely.get_coordinates(shapely.segmentize(line, 0.1)))
    return float(shapely.distance(points, other).max())


@pytest.mark.parametrize(("kind", "shape"), CASES)
@settings(max_examples=6)
@given(angle=angles, seed=seeds)
def test_noisy_outlines_become_what_they_were(
    kind: str, shape: Polygon, angle: float, seed: int
) -> None:
    truth = turned(shape, angle)
    given_outline = traced(truth, noise=0.05, seed=seed)
    regular, status = regularise(given_outline, kind, TOLERANCE)
    assert status == "regularised"
    assert iou(regular, truth) > 0.95
    assert iou(regular, truth) > iou(given_outline, truth) - 0.005
    assert corners(regular) <= corners(shape)
    assert len(regular.interiors) == len(shape.interiors)
    assert apart(regular, given_outline) <= TOLERANCE


@pytest.mark.parametrize(
    ("kind", "shape", "step"),
    [
        ("right-angles", ELL, 90),
        ("right-angles", COURT, 90),
        ("right-angles-45", CUT_CORNER, 45),
        ("rectangle", RECTANGLE, 90),
    ],
)
@settings(max_examples=3)
@given(angle=angles, seed=seeds)
def test_angles_are_exact(kind: str, shape: Polygon, step: float, angle: float, seed: int) -> None:
    regular, _ = regularise(traced(turned(shape, angle), 0.05, seed), kind, TOLERANCE)
    assert off_grid(directions(regular), step) < 1e-6
    for hole in regular.interiors:
        edge = np.diff(hole.coords[:2], axis=0)[0]
        first = np.diff(regular.exterior.coords[:2], axis=0)[0]
        between = np.degrees(np.arctan2(edge[1], edge[0]) - np.arctan2(first[1], first[0]))
        assert off_grid(np.array([between]), step) < 1e-6


def test_directions_are_found_better_than_pixels_show_them() -> None:
    found = [
        regularise(traced(turned(ELL, angle), 0.05, seed=int(angle)), "right-angles", TOLERANCE)
        for angle in np.arange(1, 89, 4.0)
    ]
    first = [np.diff(regular.exterior.coords[:2], axis=0)[0] for regular, _ in found]
    degrees = np.degrees([np.arctan2(y, x) for x, y in first])
    off = degrees - np.arange(1, 89, 4.0)
    assert np.abs(off - 90 * np.round(off / 90)).max() < 2


def test_free_edges_are_only_those_that_need_it() -> None:
    regular, _ = regularise(traced(SLANTED, 0.03, seed=1), "any-angle", TOLERANCE)
    degrees = directions(regular)
    right = [np.abs(off_each(degrees - degree, 90)) < 1e-6 for degree in degrees]
    assert sorted(np.sum(right, axis=1)) == [1, 3, 3, 3]


def test_a_shape_that_is_not_there_is_not_made() -> None:
    for shape, kind in [
        (DISC, "right-angles"),
        (RECTANGLE, "circle"),
        (ELL, "rectangle"),
        (RECTANGLE, "wedge"),
        (SLANTED, "right-angles"),
        (DISC, "wedge"),
    ]:
        given_outline = traced(turned(shape, 20), 0.05, seed=3)
        assert regularise(given_outline, kind, TOLERANCE) == (given_outline, "kept")


def test_long_oblique_edges_do_not_become_stairs() -> None:
    diagonal = Polygon([(0, 0), (300, 0), (300, 100), (200, 200), (0, 200)])
    jagged = shapely.segmentize(diagonal, 3)
    assert regularise(jagged, "right-angles", 3).status == "kept"
    assert regularise(jagged, "right-angles-45", 3).status == "regularised"


@pytest.mark.parametrize("kind", SHAPES)
@settings(max_examples=15)
@given(
    mask=hnp.arrays(np.float32, (7, 7), elements=st.floats(0, 1, width=32)),
    tolerance=st.floats(0.05, 40),
)
def test_the_contract_holds_for_anything(kind: str, mask: np.ndarray, tolerance: float) -> None:
    given_outline = outline(mask, Box(3, 5, 63, 45))
    regular, status = regularise(given_outline, kind, tolerance)
    if status == "kept":
        assert regular is given_outline
    else:
        assert regular.is_valid
        assert regular.geom_type in {"Polygon", "MultiPolygon"}
        assert iou(regular, given_outline) >= LEAST_IOU
        assert apart(regular, given_outline) <= tolerance + 0.05


@pytest.mark.parametrize(("kind", "shape"), CASES)
def test_again_changes_nothing(kind: str, shape: Polygon) -> None:
    once, _ = regularise(traced(turned(shape, 33), 0.05, seed=2), kind, TOLERANCE)
    again, status = regularise(once, kind, TOLERANCE)
    assert status == "regularised"
    assert apart(once, again) < 0.1 * TOLERANCE


@pytest.mark.parametrize(("kind", "shape"), CASES)
@settings(max_examples=3)
@given(angle=angles, x=places, y=places)
def test_turned_and_moved_outlines_have_turned_and_moved_shapes(
    kind: str, shape: Polygon, angle: float, x: float, y: float
) -> None:
    given_outline = traced(turned(shape, 12), 0.04, seed=4)
    there = regularise(turned(given_outline, angle, x, y), kind, TOLERANCE).polygon
    assert apart(there, turned(regularise(given_outline, kind, TOLERANCE).polygon, angle, x, y)) < (
        0.15
    )


def test_all_parts_or_none() -> None:
    house, shed = traced(RECTANGLE, 0.03, 1), turned(traced(RECTANGLE, 0.03, 2), 0, 90)
    tree = turned(traced(DISC, 0.03, 3), 0, 100, 100)
    both, status = regularise(MultiPolygon([house, shed]), "right-angles", TOLERANCE)
    assert status == "regularised"
    assert [corners(part) for part in both.geoms] == [4, 4]
    assert regularise(MultiPolygon([house, tree]), "right-angles", TOLERANCE).status == "kept"


def test_a_hole_that_does_not_fit_stays() -> None:
    pond = DISC
    yard = shapely.box(-40, -40, 40, 40).difference(pond)
    regular, status = regularise(yard, "right-angles", TOLERANCE)
    assert status == "regularised"
    assert Polygon(regular.interiors[0]).equals(pond)


def test_nothing_stays_nothing() -> None:
    assert regularise(Polygon(), "circle", 1.0) == (Polygon(), "kept")


def test_a_tolerance_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves nothing to fit"):
        regularise(RECTANGLE, "circle", 0.0)
