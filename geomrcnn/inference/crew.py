"""Other processes that look at tiles, here or on other machines: the workers of a Dask cluster.

The tiles of a raster are divided into blocks of neighbours. Some blocks for each worker are out at
any time, and what was found in them comes back in the order of the tiles. So all that follows is
done as if one process had looked, and gives the same features to the last bit.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from geomrcnn import __version__
from geomrcnn.errors import ClusterError, GeomrcnnError
from geomrcnn.inference.looking import Looked
from geomrcnn.inference.opening import Opening
from geomrcnn.raster.grid import Cell

if TYPE_CHECKING:
    from distributed import Client, Future

    from geomrcnn.inference.order import Order, Recipe

BLOCK = 8
"""Tiles that a worker is given at once."""

AHEAD = 2
"""Blocks to a worker that are out: one that it looks at, and one that waits."""

COUNT_EVERY = 2.0
"""Seconds after which workers are counted again: they may come and go."""

PATIENCE = 60.0
"""Seconds to wait for a worker when there is none."""


class Crew:
    """The workers of a Dask cluster, each with the same detector."""

    def __init__(self, client: Client, recipe: Recipe, digest: str) -> None:
        """Take a client that is connected.

        Args:
            client: Of the cluster.
            recipe: Of the detector that each worker loads, once.
            digest: What it must have.
        """
        self._client = client
        self._recipe, self._digest = recipe, digest
        self._address: str = client.scheduler.address
        self._workers = 0
        self._counted = -COUNT_EVERY
        self._none_since: float | None = None

    @property
    def size(self) -> str:
        """How many workers there are, for people: "2 workers"."""
        workers = self._count()
        return "1 worker" if workers == 1 else f"{workers} workers"

    def look(
        self, cells: Iterable[Cell], opening: Opening, min_score: float, *, strict: bool
    ) -> Generator[Looked, None, None]:
        """The findings of each tile, in order; see `geomrcnn.inference.looking.look`.

        What a worker was doing when it died is done by another.

        Raises:
            ClusterError: there are no workers, or they die of a block, or the scheduler is gone.
            RasterError, ModelError: as they were raised on a worker.
        """
        from geomrcnn.inference.order import Order

        here, places = opening.from_anywhere(), iter(cells)
        blocks = iter(lambda: tuple(islice(places, BLOCK)), ())
        out: deque[tuple[Order, Future]] = deque()
        try:
            while True:
                for block in islice(blocks, self._room(len(out))):
                    order = Order(block, here, min_score, strict, self._recipe, self._digest,
                                  __version__)  # fmt: skip
                    out.append((order, self._submit(order)))
                if not out:
                    return
                order, future = out[0]
                looked = self._result(order, future)
                future.release()
                out.popleft()
                yield from looked
        finally:
            for _, future in out:
                future.release()  # nobody wants it any more: it is not begun

    def _room(self, out: int) -> int:
        return max(0, AHEAD * max(1, self._count()) - out)

    def _submit(self, order: Order) -> Future:
        from geomrcnn.inference.order import carry_out

        with self._reached():
            return self._client.submit(carry_out, order, pure=False)

    def _result(self, order: Order, future: Future) -> list[Looked]:
        """Wait for a block, as long as there is a worker or may come one."""
        from distributed import KilledWorker, TimeoutError

        with self._reached():
            while not future.done():
                try:
                    future.exception(timeout=COUNT_EVERY)  # only waits
                except TimeoutError:
                    self._expect_workers()
        try:
            if future.status == "error":
                raise future.exception()
            with self._reached():
                found: list[Looked] | GeomrcnnError = future.result()
        except KilledWorker as error:
            first = order.cells[0]
            raise ClusterError(
                f"{order.opening.path}: {error.allowed_failures + 1} workers died one after the "
                f"other of the tiles from row {first.row}, column {first.column} on; if memory is "
                "short, take fewer workers or smaller tiles"
            ) from error
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "geomrcnn":
                raise
            raise ClusterError(
                f"{self._address}: its workers have no geomrcnn; install the same version there"
            ) from error
        if isinstance(found, GeomrcnnError):
            raise found
        return found

    def _count(self) -> int:
        """How many workers there are, as of some seconds ago."""
        now = time.monotonic()
        if now >= self._counted + COUNT_EVERY:
            with self._reached():
                self._workers = len(self._client.nthreads())
            self._counted = now
            if self._workers:
                self._none_since = None
            elif self._none_since is None:
                self._none_since = now
        return self._workers

    def _expect_workers(self) -> None:
        """Give up if there has been no worker for long."""
        self._count()
        if self._none_since is not None and time.monotonic() > self._none_since + PATIENCE:
            raise ClusterError(
                f"{self._address}: there has been no worker for {PATIENCE:.0f} seconds; start "
                "some, and repeat the command: it goes on from there"
            )

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Say in one line that the scheduler cannot be reached."""
        from distributed import CancelledError

        try:
            if self._client.status in ("closing", "closed"):  # it has given up
                raise ConnectionError("the connection is closed")
            yield
        except (CancelledError, OSError) as error:
            raise ClusterError(
                f"{self._address}: the scheduler is gone; when there is one again, repeat the "
                "command: it goes on from there"
            ) from error
