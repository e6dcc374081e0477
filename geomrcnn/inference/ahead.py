"""Stages of a stream that run side by side: each in a thread, a few items ahead of the next."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

POLL = 0.1
"""Seconds after which a stage that waits looks whether it is still wanted."""

PATIENCE = 0.3
"""Seconds to wait for a stage that is no longer wanted."""


class _End(Generic[T]):
    """After the last item: the error that ended the stage, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(stage: Callable[[], Iterator[T]], depth: int = 2) -> Generator[T, None, None]:
    """Run a stage in a thread of its own.

    The stage is made, run and closed in that thread, so that it may hold what must not be shared
    between threads, as open rasters. When nobody wants more items it is closed before its next
    item, and waited for; but not for long, for a network may need seconds for what it has begun,
    and who interrupts wants an end.

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
        thread.join(PATIENCE)


def side_by_side(
    function: Callable[[T], R], items: Iterable[T], threads: int
) -> Generator[R, None, None]:
    """Apply a function to items in several threads; with one, there is no other than this.

    Twice as many items as there are threads are under way, so that none has to wait for work.

    Yields:
        The results in order.

    Raises:
        Whatever the function or the items raise, after the results before that.
    """
    if threads == 1:
        yield from map(function, items)
        return
    pool, under_way = ThreadPoolExecutor(threads), deque[Future[R]]()
    try:
        for future in _submitted(function, items, pool):
            under_way.append(future)
            if len(under_way) >= 2 * threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _submitted(
    function: Callable[[T], R], items: Iterable[T], pool: ThreadPoolExecutor
) -> Iterator[Future[R]]:
    """A future for each item, and one for the error that ends them, so that it waits its turn."""
    try:
        for item in items:
            yield pool.submit(function, item)
    except Exception as error:
        failed: Future[R] = Future()
        failed.set_exception(error)
        yield failed


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
