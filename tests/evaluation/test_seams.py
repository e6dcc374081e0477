"""What tells of seams: doubles, objects in pieces, and agreement, on shapes drawn by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon

from geomrcnn.evaluation.seams import (
    Agreement,
    Objects,
    Run,
    agreement,
    duplicates,
    seam_scores,
    split_and_missed,
    tiles_that_see,
)
from geomrcnn.raster.grid import TileGrid
from tests.oracles.scenes import iou


def objects(
    *outlines: Polygon, classes: Sequence[str] = (), scores: Sequence[float] = ()
) -> Objects:
    count = len(outlines)
    return Objects(
        np.array(outlines, object),
        np.array(classes or ["house"] * count, np.str_),
        np.array(scores or [0.9] * count, np.float64),
    )


@st.composite
def boxes(draw: st.DrawFn) -> Polygon:
    x, y = draw(st.integers(0, 200)), draw(st.integers(0, 200))
    return shapely.box(x, y, x + draw(st.integers(1, 80)), y + draw(st.integers(1, 80)))


@given(st.lists(st.tuples(boxes(), st.sampled_from("ab")), max_size=12))
def test_duplicates_are_pairs_of_a_class_that_coincide(drawn: list[tuple[Polygon, str]]) -> None:
    drawn += drawn[:1]
    found = objects(*(shape for shape, _ in drawn), classes=[kind for _, kind in drawn])
    assert duplicates(found) == sum(
        iou(one, other) > 0.5 and kind == other_kind
        for (one, kind), (other, other_kind) in combinations(drawn, 2)
    )


@given(boxes(), st.integers(40, 90), st.integers(0, 19), st.booleans())
def test_tiles_that_see_an_object(shape: Polygon, tile: int, overlap: int, halfway: bool) -> None:
    grid = TileGrid(280, 280, tile, overlap, halfway)
    expected = sum(
        shape.intersection(shapely.box(left, top, left + width, top + height)).area > 0
        for *_, (left, top, width, height) in grid
    )
    assert tiles_that_see(np.array([shape], object), grid).tolist() == [expected]


HOUSE = shapely.box(10, 10, 20, 20)


@pytest.mark.parametrize(
    ("found", "split", "missed"),
    [
        ([HOUSE], False, False),
        ([], False, True),
        ([shapely.box(10, 10, 14, 20), shapely.box(16, 10, 20, 20)], True, True),
        ([shapely.box(10, 10, 17, 20), shapely.box(17, 10, 20, 20)], True, False),
        # The other piece is too small to be one.
        ([shapely.box(10, 10, 18.5, 20), shapely.box(18.5, 10, 20, 20)], False, False),
        # Twice as a whole is in pieces, too: two features of one object.
        ([HOUSE, HOUSE], True, False),
        # A block of houses taken for one is no piece of any of them.
        ([shapely.box(10, 10, 60, 20), shapely.box(10, 10, 14, 20)], False, True),
    ],
)
def test_pieces_and_misses(found: list[Polygon], split: bool, missed: bool) -> None:
    in_pieces, not_found = split_and_missed(objects(HOUSE), objects(*found))
    assert (in_pieces.tolist(), not_found.tolist()) == ([split], [missed])
    other = objects(*found, classes=["tree"] * len(found))
    in_pieces, not_found = split_and_missed(objects(HOUSE), other)
    assert (in_pieces.tolist(), not_found.tolist()) == ([False], [True])


def row_of_houses(count: int) -> list[Polygon]:
    return [shapely.box(20 * k, 0, 20 * k + 10, 10) for k in range(count)]


def test_runs_that_found_the_same_agree() -> None:
    houses = row_of_houses(5)
    assert agreement(objects(*houses), objects(*houses[::-1])) == Agreement(1, 1, 1, 1)


def test_agreement_of_runs_that_did_not() -> None:
    ours = [*row_of_houses(3), shapely.box(0, 50, 10, 60)]
    theirs = [shapely.box(0, 0, 10, 8), *row_of_houses(5)[1:]]
    found = agreement(objects(*ours), objects(*theirs))
    assert found == Agreement(3 / 4, 3 / 5, 6 / 9, pytest.approx((0.8 + 1 + 1) / 3))
    assert agreement(objects(), objects(*theirs)) == Agreement(None, 0, 0, None)
    assert agreement(objects(), objects()) == Agreement(None, None, None, None)


def test_an_object_has_one_partner() -> None:
    twice = objects(HOUSE, HOUSE, shapely.box(10, 10, 20, 16), scores=[0.7, 0.9, 0.8])
    assert agreement(twice, objects(HOUSE)) == Agreement(1 / 3, 1, 1 / 2, 1)


def test_what_the_border_of_the_area_cuts_needs_no_partner() -> None:
    houses, area = row_of_houses(4), shapely.box(-5, -5, 65, 15)
    # The last house is cut by the border; one run left it out.
    assert agreement(objects(*houses), objects(*houses[:3]), area) == Agreement(1, 1, 1, 1)
    assert agreement(objects(*houses[:3]), objects(*houses), area) == Agreement(1, 1, 1, 1)


WIDTH, HEIGHT = 180, 100
USUAL = TileGrid(WIDTH, HEIGHT, 100, 20)
HALFWAY = TileGrid(WIDTH, HEIGHT, 100, 20, halfway=True)
ALONE = shapely.box(5, 5, 15, 15)
AT_A_SEAM = shapely.box(85, 5, 95, 15)
AT_A_SEAM_HALFWAY = shapely.box(45, 5, 55, 15)
ALL = [ALONE, AT_A_SEAM, AT_A_SEAM_HALFWAY]
PIECES = [shapely.box(85, 5, 89, 15), shapely.box(91, 5, 95, 15)]


def test_each_run_is_held_against_what_a_single_tile_of_the_other_saw() -> None:
    assert USUAL.column_starts == (0, 80)
    assert HALFWAY.column_starts == (-40, 40, 120)
    first = Run(objects(ALONE, *PIECES, AT_A_SEAM_HALFWAY), USUAL)
    scores = seam_scores(first, Run(objects(*ALL), HALFWAY))
    assert scores.objects == (4, 3)
    assert scores.duplicates == 0
    assert scores.agreement.precision == 2 / 4
    assert scores.agreement.recall == 2 / 3
    # In the first run that at the seam came out in pieces, in the second that at the other one
    # came out well; both found what lies alone.
    assert (scores.at_seams.objects, scores.at_seams.split, scores.at_seams.missed) == (2, 0.5, 0.5)
    assert (scores.elsewhere.objects, scores.elsewhere.split, scores.elsewhere.missed) == (2, 0, 0)


def test_both_runs_are_held_against_the_truth() -> None:
    first, second = Run(objects(ALONE, *PIECES), USUAL), Run(objects(*ALL, HOUSE), HALFWAY)
    scores = seam_scores(first, second, objects(*ALL))
    assert (scores.at_seams.objects, scores.at_seams.split, scores.at_seams.missed) == (2, 0.5, 0.5)
    assert scores.elsewhere.objects == 4
    assert scores.elsewhere.split == 0
    assert scores.elsewhere.missed == 1 / 4
    inside = seam_scores(first, second, objects(*ALL), shapely.box(0, 0, 50, 100))
    assert inside.at_seams.objects == 0
    assert inside.at_seams.split is None
    assert (inside.elsewhere.objects, inside.elsewhere.missed) == (2, 0)


def test_duplicates_of_both_runs_to_a_thousand_objects() -> None:
    scores = seam_scores(Run(objects(*ALL, ALONE), USUAL), Run(objects(*ALL), HALFWAY))
    assert scores.duplicates == pytest.approx(1000 / 7)
    assert seam_scores(Run(objects(), USUAL), Run(objects(), HALFWAY)).duplicates is None
