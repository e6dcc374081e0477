"""Which of two objects on the same ground stays."""

from __future__ import annotations

import itertools

import shapely

from geomrcnn.vector.rivals import Claim, survivors

FIELD = shapely.box(0, 0, 100, 40)
SPECK = shapely.box(20, 10, 26, 16)


def claim(
    outline: shapely.Polygon,
    views: str,
    *,
    score: float = 0.9,
    complete: bool = True,
    kind: int = 1,
) -> Claim:
    return Claim(outline, kind, complete, frozenset(views), (-score, views))


def staying(*claims: Claim) -> set[int]:
    """What stays, in whatever order the objects come."""
    results = {
        frozenset(order[k] for k in survivors([claims[i] for i in order]))
        for order in itertools.permutations(range(len(claims)))
    }
    assert len(results) == 1
    return set(results.pop())


def test_of_two_that_coincide_the_better_stays() -> None:
    moved = shapely.box(3, 0, 103, 40)
    assert staying(claim(FIELD, "a", score=0.8), claim(moved, "b", score=0.9)) == {1}
    cut = claim(moved, "b", score=0.9, complete=False)
    assert staying(claim(FIELD, "a", score=0.8), cut) == {0}


def test_one_view_may_see_one_within_another_but_none_twice() -> None:
    moved = shapely.box(3, 0, 103, 40)
    assert staying(claim(FIELD, "a", score=0.8), claim(moved, "a", score=0.9)) == {1}
    assert staying(claim(FIELD, "ab"), claim(SPECK, "a")) == {0, 1}


def test_what_more_views_saw_outdoes_a_better_score() -> None:
    assert staying(claim(FIELD, "ab", score=0.5), claim(SPECK, "c", score=0.99)) == {0}
    assert staying(claim(FIELD, "c", score=0.99), claim(SPECK, "ab", score=0.5)) == {1}
    put_together = claim(FIELD, "ab", score=0.5, complete=False)
    assert staying(put_together, claim(SPECK, "c", score=0.99)) == {0}


def test_a_cut_piece_never_outdoes_what_covers_it() -> None:
    piece = claim(SPECK, "bcd", score=0.99, complete=False)
    assert staying(claim(FIELD, "a", score=0.3), piece) == {0}


def test_other_classes_and_other_ground_are_no_rivals() -> None:
    assert staying(claim(FIELD, "a"), claim(FIELD, "b", kind=2)) == {0, 1}
    assert staying(claim(FIELD, "a"), claim(shapely.box(90, 0, 190, 40), "b")) == {0, 1}
    assert survivors([]) == []
