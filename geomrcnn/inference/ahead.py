"""Stages of a stream that run side by side: each in a thread, a few items ahead of the next."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

POLL = 0.1
"""Seconds after which a stage that waits looks whether it is still wanted."""


class _End(Generic[T]):
    """After the last item: the error that ended the stage, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(stage: Callable[[], Iterator[T]], depth: int = 2) -> Generator[T, None, None]:
    """Run a stage in a thread of its own.

    The stage is made, run and closed in that thread, so that it may hold what must not be shared
    between threads, as open rasters. When nobody wants more items it is closed before its next
    item, and waited for.

    Args:
        stage: Makes the iterator.
        depth: Items that may wait to be taken.

    Yields:
        Its items in order.

    Raises:
        Whatever the stage raises, after the items before that.
    """
    waiting: queue.Queue[T | _End[T]] = queue.Queue(depth)
    unwanted = threading.Event()
    thread = threading.Thread(target=_work, args=(stage, waiting, unwanted), daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        unwanted.set()
        thread.join()


def _work(
    stage: Callable[[], Iterator[T]],
    waiting: queue.Queue[T | _End[T]],
    unwanted: threading.Event,
) -> None:
    error: BaseException | None = None
    try:
        items = stage()
        try:
            for item in items:
                if not _put(item, waiting, unwanted):
                    break
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
    except BaseException as raised:
        error = raised
    _put(_End(error), waiting, unwanted)


def _put(item: T | _End[T], waiting: queue.Queue[T | _End[T]], unwanted: threading.Event) -> bool:
    """Wait for room; False if nobody wants the item any more."""
    while not unwanted.is_set():
        try:
            waiting.put(item, timeout=POLL)
        except queue.Full:
            continue
        return True
    return False
