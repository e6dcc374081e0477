"""Stages in threads: the same items, the same errors, nothing left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from geomrcnn.inference.ahead import ahead, side_by_side


def counted(limit: int, log: list[str] | None = None) -> Iterator[int]:
    try:
        for number in range(limit):
            if log is not None:
                log.append(f"{number} in {threading.current_thread() is threading.main_thread()}")
            yield number
    finally:
        if log is not None:
            log.append("closed")


@pytest.mark.parametrize("limit", [0, 1, 2, 50])
def test_all_items_in_order(limit: int) -> None:
    assert list(ahead(lambda: counted(limit))) == list(range(limit))


def test_stages_can_follow_one_another() -> None:
    squares = ahead(lambda: (n * n for n in ahead(lambda: counted(20))))
    assert list(squares) == [n * n for n in range(20)]


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    items = ahead(failing)
    assert next(items) == 1
    with pytest.raises(OSError, match="gone"):
        next(items)


def test_a_stage_that_cannot_begin_says_so() -> None:
    def unable() -> Iterator[int]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(ahead(unable))


def test_it_works_ahead_but_not_far() -> None:
    log: list[str] = []
    items = ahead(lambda: counted(100, log), depth=3)
    assert next(items) == 0
    ahead_by = 5  # one taken, three waiting, one in the hand
    deadline = time.monotonic() + 30
    while len(log) < ahead_by and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert len(log) == ahead_by
    assert log[0] == "0 in False"  # not in this thread
    items.close()


def test_nobody_is_left_when_the_rest_is_not_wanted() -> None:
    log: list[str] = []
    before = threading.active_count()
    items = ahead(lambda: (n for n in ahead(lambda: counted(100, log))))
    assert next(items) == 0
    assert threading.active_count() == before + 2
    items.close()
    assert threading.active_count() == before
    assert log[-1] == "closed"


def square(number: int) -> int:
    """A square that takes longer for some."""
    time.sleep(0.002 * (number % 3))
    return number * number


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("limit", [0, 1, 2, 50])
def test_side_by_side_keeps_the_order(threads: int, limit: int) -> None:
    assert list(side_by_side(square, counted(limit), threads)) == [n * n for n in range(limit)]


def test_side_by_side_is_side_by_side() -> None:
    both = threading.Barrier(2, timeout=30)  # breaks unless two wait at once
    assert len(list(side_by_side(lambda _: both.wait(), range(8), 2))) == 8


@pytest.mark.parametrize("threads", [1, 3])
def test_errors_wait_their_turn(threads: int) -> None:
    def failing(number: int) -> int:
        if number == 4:
            raise OSError("gone")
        return square(number)

    def ending() -> Iterator[int]:
        yield from range(4)
        raise OSError("gone")

    for results in (
        side_by_side(failing, range(10), threads),
        side_by_side(square, ending(), threads),
    ):
        assert [next(results) for _ in range(4)] == [0, 1, 4, 9]
        with pytest.raises(OSError, match="gone"):
            next(results)


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_under_way_ends_with_the_results(threads: int) -> None:
    log: list[str] = []
    results = side_by_side(square, counted(100, log), threads)
    before = threading.active_count()
    assert next(results) == 0
    results.close()
    assert log[-1] == "closed"
    assert len(log) <= 1 + 2 * threads + 1
    assert threading.active_count() == before
