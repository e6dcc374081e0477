"""How much faster several workers are than one: scripts/bench scaling.

Synthetic farmland is predicted on Dask clusters of one, two and more processes of this machine,
each of which computes in one thread. A cluster has seen a small raster before, so that its
processes have started and loaded the model. Printed are tiles a second, and the ratio to one
worker, which at best is the number of workers, while there are as many cores.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from geomrcnn.bundle.bundle import Bundle
from scripts.benchmarks.common.machine import cores
from scripts.benchmarks.common.ortho import write_farmland
from scripts.benchmarks.common.tables import markdown, report, write_json
from scripts.benchmarks.common.whole import run_command

THREADS = 1
"""In which a worker computes."""


@dataclass(frozen=True)
class Run:
    """A prediction by a number of workers."""

    workers: int
    tiles: int
    objects: int
    seconds: float

    @property
    def speed(self) -> float:
        """Tiles a second."""
        return self.tiles / self.seconds


@click.command()
@click.option("--workers", "crews", multiple=True, type=click.IntRange(min=1), default=(1, 2),
              show_default=True, help="Processes. May be given again.")  # fmt: skip
@click.option("--model", default="fields", show_default=True, metavar="NAME|PATH")
@click.option("--precision", type=click.Choice(["fp32", "int8"]), default="fp32",
              show_default=True)  # fmt: skip
@click.option("--size", default=8192, show_default=True, metavar="PX", help="Side of the raster.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(crews: tuple[int, ...], model: str, precision: str, size: int, out: Path | None) -> None:
    """Print a row for each number of workers."""
    card = Bundle.open(model).card
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder) / "large.tif", Path(folder) / "small.tif"
        write_farmland(large, size, card.gsd)
        # A tile for every worker and more, whoever gets which.
        write_farmland(small, 4 * card.tile, card.gsd)
        runs = []
        for workers in sorted(crews):
            with cluster(workers) as address:
                predict(small, address, workers, model, precision)
                runs.append(predict(large, address, workers, model, precision))
    alone = f"{cores()} cores; {THREADS} thread to a worker; `{card.name}` in {precision}."
    report("Speed by workers", alone, table(runs))
    write_json(out, [{**asdict(run), "tiles_per_s": run.speed} for run in runs])


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """A Dask cluster of processes on this machine; its address."""
    from dask.distributed import LocalCluster

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=workers, threads_per_worker=THREADS, processes=True, memory_limit=0,
            dashboard_address=None, local_directory=folder, silence_logs=logging.CRITICAL,
        ) as made,
    ):  # fmt: skip
        yield made.scheduler_address


def predict(raster: Path, address: str, workers: int, model: str, precision: str) -> Run:
    """Predict by the command on a cluster."""
    out = raster.with_suffix(".gpkg")
    events, _, _ = run_command([
        "predict", str(raster), "--out", str(out), "--overwrite", "--model", model,
        "--precision", precision, "--scheduler", address,
    ])  # fmt: skip
    done = events[-1]
    return Run(workers, done["processed"], done["objects"], done["seconds"])


def table(runs: Sequence[Run]) -> str:
    """A row a run."""
    head = ["workers", "tiles", "objects", "seconds", "tiles/s", f"times that of {runs[0].workers}"]
    rows = [
        [run.workers, run.tiles, run.objects, f"{run.seconds:.1f}", f"{run.speed:.2f}",
         f"{run.speed / runs[0].speed:.2f}"]
        for run in runs
    ]  # fmt: skip
    return markdown(head, rows)


if __name__ == "__main__":
    main()
