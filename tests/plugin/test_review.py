"""The review panel's logic: orders, the queue, classes, files that appear whole."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
from geomrcnn_qgis.review import beside, classes
from geomrcnn_qgis.review.entry import Entry, Verdict
from geomrcnn_qgis.review.order import Order, along_curve, arranged
from geomrcnn_qgis.review.queue import ReviewQueue

U, A, R = Verdict.UNDECIDED, Verdict.ACCEPTED, Verdict.REJECTED


def entries(*verdicts: Verdict) -> list[Entry]:
    return [Entry(id_, None, None, verdict) for id_, verdict in enumerate(verdicts, start=10)]


def test_a_verdict_is_a_word_in_the_layer_and_back() -> None:
    assert [verdict.value_in_layer for verdict in (U, A, R)] == [None, "accepted", "rejected"]
    assert [Verdict.of(value) for value in ("accepted", "rejected")] == [A, R]
    assert {Verdict.of(value) for value in (None, "", "undecided", "maybe", 1, 0.5)} == {U}


def test_scores_go_up_or_down_and_what_has_none_comes_last() -> None:
    scored = [Entry(id_, score, None, U) for id_, score in
              ((1, 0.9), (2, None), (3, 0.2), (4, 0.5), (5, 0.2), (0, None))]  # fmt: skip
    assert [e.id for e in arranged(scored, Order.LOWEST_SCORE)] == [3, 5, 4, 1, 0, 2]
    assert [e.id for e in arranged(scored, Order.HIGHEST_SCORE)] == [1, 4, 3, 5, 0, 2]


def test_the_curve_goes_through_every_cell_and_only_to_neighbours() -> None:
    side = 16
    cells = sorted(
        ((c, r) for c in range(side) for r in range(side)), key=lambda c: along_curve(*c)
    )
    assert sorted(along_curve(*cell) for cell in cells) == list(range(side * side))
    steps = {abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairwise(cells)}
    assert steps == {1}


def test_places_make_a_short_way() -> None:
    spread = random.Random(3)
    places = [(spread.uniform(5e5, 5.1e5), spread.uniform(4e6, 4.01e6)) for _ in range(2000)]
    found = arranged([Entry(k, None, p, U) for k, p in enumerate(places)], Order.PLACE)

    def length(way: list[tuple[float, float]]) -> float:
        return sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairwise(way))

    assert sorted(entry.id for entry in found) == list(range(2000))
    assert length([places[entry.id] for entry in found]) < length(places) / 15


def test_polygons_without_a_place_and_all_in_one_place_are_no_trouble() -> None:
    found = arranged([Entry(3, None, None, U), Entry(2, None, (1.0, 1.0), U),
                      Entry(1, None, (1.0, 1.0), U)], Order.PLACE)  # fmt: skip
    assert [entry.id for entry in found] == [1, 2, 3]
    assert arranged([], Order.PLACE) == arranged([], Order.LOWEST_SCORE) == []


def test_a_review_goes_on_at_the_first_undecided_polygon() -> None:
    assert ReviewQueue(entries(A, R, U, U)).current == 12
    assert ReviewQueue(entries(A, R)).current == 10
    assert ReviewQueue([]).current is None


def test_steps_go_everywhere_or_only_to_undecided_ones() -> None:
    queue = ReviewQueue(entries(U, A, R, U, A))
    assert (queue.current, queue.number, len(queue)) == (10, 1, 5)
    assert queue.forward()
    assert queue.current == 11
    assert queue.forward(undecided_only=True)
    assert queue.current == 13
    assert not queue.forward(undecided_only=True)
    assert queue.current == 13
    assert queue.forward()
    assert not queue.forward()
    assert (queue.current, queue.number) == (14, 5)
    assert queue.back(undecided_only=True)
    assert queue.back(undecided_only=True)
    assert not queue.back(undecided_only=True)
    assert not queue.back()
    assert queue.current == 10


def test_after_the_last_undecided_polygon_comes_the_first() -> None:
    queue = ReviewQueue(entries(U, A, U))
    queue.forward(undecided_only=True)
    queue.set(12, A)
    assert queue.to_next_undecided()
    assert queue.current == 10
    queue.set(10, R)
    assert not queue.to_next_undecided()
    assert queue.current == 10


def test_counts_follow_verdicts_and_deletions() -> None:
    queue = ReviewQueue(entries(U, U, U, U))
    queue.set(10, A)
    queue.set(11, R)
    assert [queue.count(verdict) for verdict in (U, A, R)] == [2, 1, 1]
    queue.set(11, A)
    queue.remove(10)
    assert [queue.count(verdict) for verdict in (U, A, R)] == [2, 1, 0]
    assert len(queue) == 3
    queue.go_to(13)
    assert queue.number == 3


def test_a_deleted_current_polygon_makes_way_for_another() -> None:
    queue = ReviewQueue(entries(A, U, A))
    queue.remove(11)
    assert (queue.current, len(queue)) == (12, 2)
    queue.remove(12)
    assert (queue.current, queue.number) == (10, 1)
    queue.remove(10)
    assert (queue.current, queue.number, len(queue)) == (None, 0, 0)
    assert [queue.forward(), queue.back(), queue.to_next_undecided()] == [False] * 3
    with pytest.raises(KeyError):
        queue.verdict(10)


def test_new_polygons_come_last_and_restored_ones_where_they_were() -> None:
    queue = ReviewQueue(entries(U, U))
    queue.set(-5, A)
    queue.remove(11)
    queue.set(11, R)
    seen = []
    while queue.forward():
        seen.append(queue.current)
    assert seen == [11, -5]
    assert queue.verdict(11) is R
    empty = ReviewQueue([])
    empty.set(3, U)
    assert empty.current == 3


def test_classes_keep_their_keys_when_others_turn_up() -> None:
    assert classes.listed(["road", "barn"], {"shed", "barn", "annex"}) == [
        "road", "barn", "annex", "shed"]  # fmt: skip
    assert classes.typed(" road \n\nbarn\nroad\n") == ["road", "barn"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out.gpkg"
    with beside.replacing(target) as part:
        part.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"

    def half() -> None:
        with beside.replacing(target) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out.gpkg"]


def test_files_that_are_in_use_are_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out.gpkg"
    target.write_text("mine")
    with pytest.raises(beside.NotSaved, match="under review"), \
            beside.replacing(target, never=target):  # fmt: skip
        pass
    (tmp_path / "out.gpkg-wal").touch()
    with pytest.raises(beside.NotSaved, match="open in a program"), beside.replacing(target):
        pass
    with pytest.raises(beside.NotSaved, match="no such folder"), \
            beside.replacing(tmp_path / "nowhere" / "out.gpkg") as part:  # fmt: skip
        part.write_text("")
    assert target.read_text() == "mine"
