"""Stages in threads: the same items, the same errors, nothing left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from geomrcnn.inference.ahead import ahead


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
