"""What a worker of a crew does: it looks at a few neighbouring tiles, as one process looks at all.

This is imported on workers, which have Dask.
"""

from __future__ import annotations

import os
import threading
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from distributed import get_worker

from geomrcnn import __version__
from geomrcnn.errors import ClusterError, GeomrcnnError, ModelError, RasterError
from geomrcnn.inference.looking import Looked, look
from geomrcnn.inference.opening import Opening
from geomrcnn.raster.grid import Cell
from geomrcnn.runtime import Detector


class Recipe(Protocol):
    """How to load a detector in any process; equal to another if what they load is."""

    def __hash__(self) -> int:
        """As of all that can be compared."""

    def load(self, threads: int | None = None) -> Detector:
        """Load it; see `geomrcnn.runtime.load.Recipe`."""


@dataclass(frozen=True)
class Order:
    """Tiles to look at, and with what.

    Attributes:
        cells: Their places.
        opening: Of their raster.
        min_score: What scores less is left out.
        strict: Whether a tile that cannot be read is an error.
        recipe: Of the detector.
        digest: The detector's: a worker may have another file under the same name.
        version: Of geomrcnn, where the order is given.
    """

    cells: tuple[Cell, ...]
    opening: Opening
    min_score: float
    strict: bool
    recipe: Recipe
    digest: str
    version: str


_TURN = threading.Lock()
"""One order at a time in a process: its detector takes all threads of the worker."""


def carry_out(order: Order) -> list[Looked] | GeomrcnnError:
    """Look at the tiles of an order, in a thread of a Dask worker.

    Returns:
        What was found, or what is wrong: what lies behind an error, as Dask would send it along,
        may not be fit for sending, and it would log all of that.
    """
    try:
        return _look_at(order)
    except GeomrcnnError as error:
        error.__cause__ = error.__context__ = error.__traceback__ = None
        return error


def _look_at(order: Order) -> list[Looked]:
    """Look at the tiles of an order.

    Raises:
        ClusterError: the worker has another version of geomrcnn.
        ModelError: it has not the same model, or cannot run it.
        RasterError: it has not the raster, or `strict`.
    """
    worker = get_worker()
    if order.version != __version__:
        raise ClusterError(
            f"the worker at {worker.address} has geomrcnn {__version__}, and {order.version} is "
            "needed: install the same everywhere"
        )
    path = order.opening.path
    if os.path.isabs(path) and not os.path.exists(path):
        raise RasterError(
            f"{path}: not there for the worker at {worker.address}; all workers must have the "
            "rasters under the same path"
        )
    with _TURN:
        detector = _loaded(order.recipe, order.digest, worker.state.nthreads)
        with closing(
            look(detector, order.cells, order.opening, order.min_score, strict=order.strict)
        ) as looked:
            return list(looked)


@lru_cache(maxsize=1)
def _loaded(recipe: Recipe, digest: str, threads: int) -> Detector:
    """The detector of the last orders, loaded once."""
    address = get_worker().address
    try:
        detector = recipe.load(threads)
    except ModelError as error:
        raise ModelError(f"the worker at {address} cannot load the model: {error}") from error
    if detector.digest != digest:
        raise ModelError(
            f"the worker at {address} has another model '{detector.card.name}' "
            f"({detector.digest}) than here ({digest}): copy the same file everywhere"
        )
    return detector
