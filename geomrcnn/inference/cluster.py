"""Getting a crew: workers that are started here, or those of a Dask cluster that is there."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from geomrcnn.errors import ClusterError, MissingExtraError
from geomrcnn.inference.crew import Crew

if TYPE_CHECKING:
    from geomrcnn.inference.order import Recipe

CONNECTING = 15.0
"""Seconds in which a scheduler must answer."""


@contextmanager
def local_crew(workers: int, recipe: Recipe, digest: str) -> Iterator[Crew]:
    """Start processes on this machine, which share its cores; they end with the context.

    Args:
        workers: How many.
        recipe: Of the detector that each loads.
        digest: What that must have.

    Raises:
        MissingExtraError: Dask is not installed.
        ClusterError: they do not start.
    """
    distributed = _distributed()
    with tempfile.TemporaryDirectory(prefix="geomrcnn-", ignore_cleanup_errors=True) as folder:
        with _interrupts_held_back():
            cluster = _start(distributed, workers, folder)
        try:
            with distributed.Client(cluster, set_as_default=False) as client:
                yield Crew(client, recipe, digest)
        finally:
            _stop(cluster)


@contextmanager
def crew_at(scheduler: str, recipe: Recipe, digest: str) -> Iterator[Crew]:
    """Join a Dask cluster.

    Args:
        scheduler: Its scheduler's address, or the JSON file that it has written.
        recipe: Of the detector that each worker loads.
        digest: What that must have.

    Raises:
        MissingExtraError: Dask is not installed.
        ClusterError: there is no scheduler.
    """
    distributed = _distributed()
    where = {"scheduler_file": scheduler} if os.path.isfile(scheduler) else {"address": scheduler}
    try:
        client = _joined(distributed, where)
    except (OSError, ValueError, KeyError, distributed.TimeoutError) as error:
        raise ClusterError(
            f"{scheduler}: no scheduler answers there; give its address, such as "
            f"tcp://host:8786, or its file ({error})"
        ) from error
    with client:
        yield Crew(client, recipe, digest)


def _joined(distributed: Any, where: dict[str, str]) -> Any:
    """A client of a scheduler.

    One that finds none closes itself when it is collected. If that happens while another starts, it
    waits for a lock that this one holds, for ever; so it is made in two steps, and closed here.
    """
    client = distributed.Client.__new__(distributed.Client)
    try:
        client.__init__(**where, timeout=CONNECTING, set_as_default=False)
    except BaseException:
        with suppress(Exception):
            client.close()
        client.status = "closed"
        raise
    return client


def _distributed() -> Any:
    """Dask's package, if it is there."""
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise MissingExtraError("dask", "looking with other processes") from error
    return distributed


def _start(distributed: Any, workers: int, folder: str) -> Any:
    """A scheduler in this process and workers in others; nobody else can give them orders."""
    import dask
    from dask.system import CPU_COUNT

    try:
        # Says the same to the workers, before they have read any configuration.
        with dask.config.set(
            {"distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical"}
        ):
            return distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=max(1, CPU_COUNT // workers),
                processes=True,
                security=True,
                memory_limit=0,
                dashboard_address="127.0.0.1:0",  # any port, though nothing is shown there
                scheduler_kwargs={"dashboard": False},
                local_directory=folder,
                silence_logs=logging.CRITICAL,
            )
    except (OSError, RuntimeError, distributed.TimeoutError) as error:
        raise ClusterError(f"{workers} workers do not start here ({error})") from error


def _stop(cluster: Any) -> None:
    """End the workers at once: they have nothing that is worth waiting for."""
    import psutil

    for nanny in cluster.workers.values():
        nanny.close_gracefully()  # not to be replaced
        if nanny.pid is not None:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(nanny.pid).kill()
    cluster.close()


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C takes effect afterwards, and never in threads and processes that begin meanwhile.

    A terminal sends it to all processes. Workers that are interrupted would each complain at
    length; they end when this process tells them to.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # by the first process that is spawned, it would end this
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
