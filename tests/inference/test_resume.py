"""Runs that are broken off: nothing is lost, nothing is done twice, nothing comes out otherwise."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from geopandas import GeoDataFrame

from geomrcnn.errors import OutputError, RasterError
from geomrcnn.formats.reader import read_features
from geomrcnn.inference.journal import journal_of
from geomrcnn.inference.options import Options, Progress
from geomrcnn.inference.predict import predict, predict_to_file
from tests.inference.patient import SIDE, Patient, look
from tests.rasters import write_raster


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    transform = Affine(1, 0, 500_000, 0, -1, 4_983_000)
    path = tmp_path / "ortho.tif"
    write_raster(path, np.ones((3, SIDE, SIDE), np.uint8), transform=transform, tiled=True)
    return path


@pytest.fixture
def expected(raster: Path) -> GeoDataFrame:
    """What a run gives that nobody disturbs."""
    return predict(raster, model=Patient(0.0))


def same(out: Path, expected: GeoDataFrame) -> bool:
    """Whether a file holds the expected features, to the last bit."""
    frame = read_features(out)
    return bool(
        frame.drop(columns="geometry").equals(expected.drop(columns="geometry"))
        and [g.wkb for g in frame.geometry.explode()] == [g.wkb for g in expected.geometry]
    )


# Where the system can, processes are forked from one that has imported all they need.
FORKED = "forkserver" in multiprocessing.get_all_start_methods()
PROCESSES = multiprocessing.get_context("forkserver" if FORKED else "spawn")
if FORKED:
    PROCESSES.set_forkserver_preload(["tests.inference.patient"])


def start(raster: Path, out: Path, seconds: float) -> subprocess.Popen[str]:
    module = [sys.executable, "-m", "tests.inference.patient"]
    command = [*module, str(raster), str(out), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_killed_at_any_moment_it_goes_on(
    raster: Path, expected: GeoDataFrame, tmp_path: Path
) -> None:
    out, dice = tmp_path / "out.gpkg", random.Random(1)
    for run in range(20):
        here, there = PROCESSES.Pipe(duplex=False)
        child = PROCESSES.Process(target=look, args=(raster, out, 0.03, there))
        child.start()
        there.close()
        # It looks at the first tile. Once it is waited for: on a busy machine, none may be done by
        # any of the others.
        assert here.recv() == 0
        while run == 9 and here.recv() < 3:
            pass
        time.sleep(dice.uniform(0.0, 0.1))
        child.kill()
        child.join()
        assert child.exitcode != 0
        assert not out.exists()
    assert journal_of(out).exists()
    with start(raster, out, 0.0) as child:
        told, error = child.communicate(timeout=60)
    assert child.returncode == 0, error
    tiles, resumed, processed, objects = map(int, told.splitlines()[-1].split())
    assert tiles == processed
    assert resumed > 0
    assert objects == len(expected)
    assert same(out, expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ortho.tif", "out.gpkg", "out.qml"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_signals_end_it_soon_and_cleanly(
    raster: Path, expected: GeoDataFrame, tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "out.gpkg"
    with start(raster, out, 0.3) as child:
        assert child.stdout is not None
        while child.stdout.readline() != "3\n":
            pass
        child.send_signal(how)
        began = time.monotonic()
        _, error = child.communicate(timeout=60)
    assert time.monotonic() - began < 2
    assert child.returncode == 128 + how
    assert error.splitlines()[-1] in ("Error: interrupted", "Error: terminated")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ortho.tif", "out.gpkg.journal"]
    report = predict_to_file(raster, out, Patient(0.0), Options())
    assert report.resumed >= 3
    assert same(out, expected)


class StoppedError(Exception):
    """Nobody wants to go on."""


def begin(raster: Path, out: Path, tiles: int = 10, **options: Any) -> None:
    """Break a run off after some tiles."""

    def stop(now: Progress) -> None:
        if now.done == tiles:
            raise StoppedError

    with pytest.raises(StoppedError):
        predict_to_file(raster, out, Patient(0.0), Options(**options), on_progress=stop)
    assert journal_of(out).exists()
    assert not out.exists()


def test_another_option_model_or_raster_is_refused(raster: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gpkg"
    begin(raster, out, min_score=0.6)
    with pytest.raises(OutputError, match=r"was begun with other options; repeat the command as"):
        predict_to_file(raster, out, Patient(0.0), Options(min_score=0.7))
    with pytest.raises(OutputError, match=r"was begun with other options; repeat the command as"):
        predict_to_file(raster, out, Patient(0.0), Options(min_score=0.6, halfway=True))
    other = Patient(0.0)
    other.digest = "2"
    with pytest.raises(OutputError, match=r"was begun with other model; repeat"):
        predict_to_file(raster, out, other, Options(min_score=0.6))
    state = raster.stat()
    os.utime(raster, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    with pytest.raises(OutputError, match=r"was begun with other raster; repeat"):
        predict_to_file(raster, out, Patient(0.0), Options(min_score=0.6))
    report = predict_to_file(raster, out, Patient(0.0), Options(min_score=0.6), restart=True)
    assert report.resumed == 0
    assert out.exists()
    assert not journal_of(out).exists()


def test_a_changed_area_of_interest_is_refused(raster: Path, tmp_path: Path) -> None:
    out, area = tmp_path / "out.gpkg", tmp_path / "area.gpkg"
    for side in (600, 900):
        shape = shapely.box(500_000, 4_983_000 - side, 500_000 + side, 4_983_000)
        GeoDataFrame(geometry=[shape], crs="EPSG:32632").to_file(area)
        if side == 600:
            begin(raster, out, aoi=area)
    with pytest.raises(OutputError, match=r"was begun with other options; repeat"):
        predict_to_file(raster, out, Patient(0.0), Options(aoi=area))


def damage(raster: Path, share: float) -> None:
    """Overwrite a tenth of the file; its pixels are deflated, so that tells."""
    with raster.open("r+b") as file:
        file.seek(int(raster.stat().st_size * share))
        file.write(b"\xff" * (raster.stat().st_size // 10))


def test_what_cannot_be_read_is_passed_over_and_told(
    raster: Path, expected: GeoDataFrame, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 255, (3, SIDE, SIDE), np.uint8)
    with rasterio.open(raster) as file:
        transform = file.transform
    write_raster(raster, pixels, transform=transform, tiled=True, blockxsize=64, blockysize=64,
                 compress="deflate")  # fmt: skip
    damage(raster, 0.4)
    out = tmp_path / "out.gpkg"
    report = predict_to_file(raster, out, Patient(0.0), Options())
    assert 5 < report.skipped["unreadable"] < 30
    assert report.tiles == report.processed + report.skipped["unreadable"]
    assert len(report.unreadable) == report.skipped["unreadable"]
    assert "ortho.tif: rows " in report.unreadable[0]
    assert 0.5 * len(expected) < len(read_features(out)) < len(expected)
    with pytest.raises(RasterError, match=r"ortho.tif: rows .*, columns .* cannot be read"):
        predict_to_file(raster, out, Patient(0.0), Options(strict=True), overwrite=True)
    assert len(read_features(out)) == report.objects


def test_a_raster_that_vanishes_costs_nothing(
    raster: Path, expected: GeoDataFrame, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    with rasterio.open(raster) as file:
        transform = file.transform
    write_raster(raster, rng.integers(1, 255, (3, SIDE, SIDE), np.uint8), transform=transform)
    out, content, state = tmp_path / "out.gpkg", raster.read_bytes(), raster.stat()

    def lose(now: Progress) -> None:
        if now.done == 10:
            raster.write_bytes(b"")
            raster.unlink()

    with pytest.raises(RasterError, match=r"ortho.tif"):
        predict_to_file(raster, out, Patient(0.0), Options(), on_progress=lose)
    assert not out.exists()
    raster.write_bytes(content)
    os.utime(raster, ns=(state.st_atime_ns, state.st_mtime_ns))
    report = predict_to_file(raster, out, Patient(0.0), Options())
    assert report.resumed >= 10
    assert report.processed == report.tiles
    assert same(out, expected)
