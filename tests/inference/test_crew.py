"""Other processes look at the tiles: the same features, whoever dies meanwhile."""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from affine import Affine
from distributed import Client, LocalCluster
from geopandas import GeoDataFrame

from geomrcnn import errors
from geomrcnn.errors import ClusterError, MissingExtraError, ModelError, RasterError
from geomrcnn.formats.reader import read_features
from geomrcnn.formats.writer import read_provenance
from geomrcnn.inference import cluster as starting
from geomrcnn.inference import crew as crews
from geomrcnn.inference.cluster import crew_at
from geomrcnn.inference.crew import Crew
from geomrcnn.inference.journal import journal_of
from geomrcnn.inference.opening import Opening
from geomrcnn.inference.options import Options, Progress
from geomrcnn.inference.predict import predict, predict_to_file
from geomrcnn.raster.grid import Cell
from geomrcnn.raster.tile import Window
from tests.inference.crewed import Broken, Mortal, Slow
from tests.inference.patient import SIDE, Patient
from tests.rasters import write_raster

PLACE = Affine(1, 0, 500_000, 0, -1, 4_983_000)


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("raster") / "ortho.tif"
    return write_raster(path, np.ones((3, SIDE, SIDE), np.uint8), transform=PLACE, tiled=True)


@pytest.fixture(scope="module")
def alone(raster: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process writes."""
    out = tmp_path_factory.mktemp("alone") / "out.gpkg"
    predict_to_file(raster, out, Patient(0.0), Options())
    return out


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A cluster as someone else may have started it."""
    with LocalCluster(
        n_workers=4, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0,
        scheduler_kwargs={"allowed_failures": 1},
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster, set_as_default=False) as connected:
        yield connected


def same(one: Path, other: Path) -> bool:
    """Whether two files hold the same features, to the last bit, and say the same of them."""
    first, second = read_features(one), read_features(other)
    sources = [read_provenance(path) for path in (one, other)]
    said = [{**source.to_dict(), "date": ""} for source in sources if source is not None]
    return bool(
        len(first) > 20
        and first.drop(columns="geometry").equals(second.drop(columns="geometry"))
        and [g.wkb for g in first.geometry] == [g.wkb for g in second.geometry]
        and len(said) == 2
        and said[0] == said[1]
    )


@pytest.mark.parametrize("workers", [4, 1, 2])
def test_any_number_of_workers_gives_the_same(
    workers: int, cluster: LocalCluster, client: Client, raster: Path, alone: Path, tmp_path: Path
) -> None:
    cluster.scale(workers)
    while len(client.nthreads()) != workers:
        time.sleep(0.05)
    crew = Crew(client, Slow(), Patient.digest)
    out = tmp_path / "out.gpkg"
    report = predict_to_file(raster, out, Patient(0.0), Options(), crew=crew)
    assert same(out, alone)
    assert report.device == f"oracle, {workers} worker{'s' * (workers > 1)}"
    assert report.processed == report.tiles
    assert [path.name for path in tmp_path.iterdir() if "journal" in path.name] == []


def test_what_a_dead_worker_had_to_do_is_done_by_others(
    client: Client, raster: Path, alone: Path, tmp_path: Path
) -> None:
    crew = Crew(client, Mortal(tmp_path / "grave", 1), Patient.digest)
    predict_to_file(raster, tmp_path / "out.gpkg", Patient(0.0), Options(), crew=crew)
    assert (tmp_path / "grave").read_bytes() == b"+"
    assert same(tmp_path / "out.gpkg", alone)


def test_tiles_of_which_every_worker_dies_end_it(
    client: Client, raster: Path, alone: Path, tmp_path: Path
) -> None:
    crew, out = Crew(client, Mortal(tmp_path / "grave", 99), Patient.digest), tmp_path / "out.gpkg"
    with pytest.raises(ClusterError, match=r"ortho\.tif: 2 workers died .* tiles from row 0, colu"):
        predict_to_file(raster, out, Patient(0.0), Options(), crew=crew)
    assert not out.exists()
    predict_to_file(raster, out, Patient(0.0), Options())
    assert same(out, alone)


class StoppedError(Exception):
    """Nobody wants to go on."""


def test_one_goes_on_where_many_stopped_and_many_where_one_did(
    client: Client, raster: Path, alone: Path, tmp_path: Path
) -> None:
    def stop(now: Progress) -> None:
        if now.done == 20:
            raise StoppedError

    crew = Crew(client, Slow(), Patient.digest)
    for name, first, second in (("a", None, crew), ("b", crew, None)):
        out = tmp_path / f"{name}.gpkg"
        with pytest.raises(StoppedError):
            predict_to_file(raster, out, Patient(0.0), Options(), crew=first, on_progress=stop)
        report = predict_to_file(raster, out, Patient(0.0), Options(), crew=second)
        assert report.resumed == 20
        assert same(out, alone)


def test_a_client_that_is_killed_leaves_nobody_behind(
    raster: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.gpkg"
    with started(raster, out) as child:
        workers = psutil.Process(child.pid).children(recursive=True)
        assert workers
        child.kill()
    assert not psutil.wait_procs(workers, timeout=20)[1]
    assert journal_of(out).exists()
    report = predict_to_file(raster, out, Patient(0.0), Options())
    assert report.resumed >= 3
    assert same(out, alone)


def started(raster: Path, out: Path) -> subprocess.Popen[str]:
    """A run with a worker, which has looked at three tiles."""
    module = [sys.executable, "-m", "tests.inference.crewed"]
    command = [*module, str(raster), str(out), "0.1", "1"]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert child.stdout is not None
    while child.stdout.readline() != "3\n":
        assert child.poll() is None
    return child


def test_an_interrupt_of_all_processes_ends_them_soon_and_quietly(
    raster: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.gpkg"
    with started(raster, out) as child:
        workers = psutil.Process(child.pid).children(recursive=True)
        began = time.monotonic()
        os.killpg(child.pid, signal.SIGINT)  # as a terminal does
        _, error = child.communicate(timeout=60)
    assert time.monotonic() - began < 6
    assert child.returncode == 128 + signal.SIGINT
    assert error.split() == ["Error:", "interrupted"]
    assert not psutil.wait_procs(workers, timeout=5)[1]
    assert journal_of(out).exists()


def test_what_is_wrong_on_a_worker_is_one_line_here(
    client: Client, raster: Path, tmp_path: Path
) -> None:
    def run(crew: Crew, path: Path = raster, **options: Any) -> GeoDataFrame:
        return predict(path, model=Patient(0.0), crew=crew, **options)

    with pytest.raises(ModelError, match=r"^the worker at tcp://\S+ cannot load the model: fiel"):
        run(Crew(client, Broken(), Patient.digest))
    with pytest.raises(ModelError, match=r"has another model 'oracle' \(1\) than here \(2\): copy"):
        run(Crew(client, Slow(), "2"))
    damaged = tmp_path / "damaged.tif"
    pixels = np.random.default_rng(0).integers(1, 255, (3, SIDE, SIDE), np.uint8)
    write_raster(damaged, pixels, transform=PLACE, tiled=True, blockxsize=64, blockysize=64,
                 compress="deflate")  # fmt: skip
    with damaged.open("r+b") as file:
        file.seek(damaged.stat().st_size // 2)
        file.write(b"\xff" * (damaged.stat().st_size // 10))
    crew = Crew(client, Slow(), Patient.digest)
    with pytest.raises(RasterError, match=r"damaged\.tif: rows .* cannot be read"):
        run(crew, damaged, strict=True)
    report = predict_to_file(damaged, tmp_path / "out.gpkg", Patient(0.0), Options(), crew=crew)
    assert 0 < report.skipped["unreadable"] < report.tiles
    assert len(report.unreadable) == report.skipped["unreadable"]


def test_a_worker_of_another_version_or_without_the_raster_says_so(
    client: Client, raster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = Crew(client, Slow(), Patient.digest)
    lost = raster.rename(tmp_path / "elsewhere.tif")
    try:
        opening = Opening(str(raster), 1.0)
        cell = Cell(0, 0, Window(0, 0, 192, 192))
        with pytest.raises(RasterError, match=r"ortho\.tif: not there for the worker at tcp://"):
            next(crew.look([cell], opening, 0.5, strict=True))
    finally:
        lost.rename(raster)
    monkeypatch.setattr(crews, "__version__", "9.9")
    with pytest.raises(ClusterError, match=r"has geomrcnn \S+, and 9\.9 is needed: install the"):
        predict(raster, model=Patient(0.0), crew=crew)


def test_a_cluster_is_joined_by_address_or_file(
    cluster: LocalCluster, raster: Path, alone: Path, tmp_path: Path
) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": cluster.scheduler_address, "type": "Scheduler"}))
    for name, where in (("a", cluster.scheduler_address), ("b", str(file))):
        out = tmp_path / f"{name}.gpkg"
        with crew_at(where, Slow(), Patient.digest) as crew:
            predict_to_file(raster, out, Patient(0.0), Options(), crew=crew)
        assert same(out, alone)


def test_a_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "CONNECTING", 0.5)
    said = r"no scheduler answers there; give its address, such as tcp://host:8786, or its file"
    before = clients()
    for where in ("tcp://127.0.0.1:1", "nonsense", "ftp://a:1"):
        with pytest.raises(ClusterError, match=said), crew_at(where, Slow(), Patient.digest):
            pass
    # One that closes itself when it is collected, while another starts, waits for ever.
    left = [one for one in clients() if all(one is not other for other in before)]
    assert all(one.status == "closed" for one in left)


def clients() -> list[Client]:
    """All in this process."""
    return [one for one in gc.get_objects() if type(one) is Client]


def test_a_cluster_without_workers_is_given_up(
    raster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crews, "PATIENCE", 0.5)
    monkeypatch.setattr(crews, "COUNT_EVERY", 0.2)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=None) as empty,
        Client(empty, set_as_default=False) as client,
    ):
        crew = Crew(client, Slow(), Patient.digest)
        with pytest.raises(ClusterError, match=r"no worker for 0 seconds; start some, and"):
            predict(raster, model=Patient(0.0), crew=crew)


def test_a_scheduler_that_goes_is_told_and_the_journal_stays(
    raster: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.gpkg"
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False, timeout=2) as client,
    ):
        crew = Crew(client, Slow(), Patient.digest)

        def stop(now: Progress) -> None:
            if now.done == 10:
                cluster.close()

        with pytest.raises(ClusterError, match=r": the scheduler is gone; when there is one"):
            predict_to_file(raster, out, Patient(0.0), Options(), crew=crew, on_progress=stop)
    assert predict_to_file(raster, out, Patient(0.0), Options()).resumed >= 10
    assert same(out, alone)


def test_every_error_goes_from_process_to_process() -> None:
    made = [MissingExtraError("dask", "looking")]
    made += [
        kind("a line") for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.GeomrcnnError)
        and kind is not MissingExtraError
    ]  # fmt: skip
    assert len(made) > 8
    for error in made:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
