"""What can go wrong: each time one clear line, no process left, no half-written layer."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from profiles import make_profile, program, qgis_process, surroundings
from running import children_running, wait_for

SLOW = "GSD=0.25"
"""Looks at pixels so small that it takes a while."""


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed run says."""
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr


def predict(
    profile: Path, raster: object, out: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    return qgis_process(
        profile, "run", "geomrcnn:predict", "--", f"INPUT={raster}", f"OUTPUT={out}", *more
    )


def test_no_interpreter(raster: Path, tmp_path: Path):
    told = error_of(predict(make_profile(tmp_path / "profile"), raster, tmp_path / "out.gpkg"))
    assert "needs a Python of its own and none is chosen" in told


def test_a_missing_interpreter(raster: Path, tmp_path: Path):
    profile = make_profile(tmp_path / "profile", "/nowhere/bin/python")
    told = error_of(predict(profile, raster, tmp_path / "out.gpkg"))
    assert "/nowhere/bin/python: cannot be started: No such file or directory" in told


def test_an_interpreter_without_geomrcnn(raster: Path, tmp_path: Path):
    profile = make_profile(tmp_path / "profile", "/usr/bin/python3")
    told = error_of(predict(profile, raster, tmp_path / "out.gpkg"))
    assert "/usr/bin/python3: this Python has no geomrcnn" in told


def test_something_that_is_no_interpreter(raster: Path, tmp_path: Path):
    profile = make_profile(tmp_path / "profile", "/usr/bin/true")
    told = error_of(qgis_process(profile, "run", "geomrcnn:environment"))
    assert "/usr/bin/true: does not answer as geomrcnn does" in told


def test_an_unreadable_raster(profile: Path, tmp_path: Path):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 and then nothing")
    told = error_of(predict(profile, broken, tmp_path / "out.gpkg"))
    assert "broken.tif" in told
    assert list(tmp_path.glob("out*")) == []


def test_a_truncated_raster(profile: Path, raster: Path, tmp_path: Path):
    """QGIS opens it; what lacks is told, and the rest is looked at."""
    cut = tmp_path / "cut.tif"
    cut.write_bytes(raster.read_bytes()[: -raster.stat().st_size // 2])
    done = predict(profile, cut, tmp_path / "out.gpkg")
    told = done.stdout + done.stderr
    assert "cut.tif" in told
    assert "passed over" in told or done.returncode != 0


def test_a_model_that_is_none(profile: Path, raster: Path, tmp_path: Path):
    model = tmp_path / "model.zip"
    model.write_bytes(b"PK no")
    told = error_of(predict(profile, raster, tmp_path / "out.gpkg", f"MODEL_FILE={model}"))
    assert "model.zip" in told


def test_contradictions_are_told_before_anything_runs(profile: Path, raster: Path, tmp_path: Path):
    told = error_of(predict(profile, raster, tmp_path / "o.gpkg", "MIN_AREA=9", "MAX_AREA=3"))
    assert "The least area is more than the greatest" in told


def test_a_full_disk(profile: Path, raster: Path, small_disk: Path, tmp_path: Path):
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * (small_disk_free(small_disk) - 16384))
    told = error_of(predict(profile, raster, small_disk / "out.gpkg"))
    assert re.search(r"out\.gpkg(\.journal)?: cannot be written: database or disk is full\n", told)
    assert not (small_disk / "out.gpkg").exists()


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of one megabyte."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def small_disk_free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@pytest.fixture
def running(profile: Path, raster: Path, tmp_path: Path):
    """QGIS while it predicts, the process of geomrcnn, and the output."""
    out = tmp_path / "out.gpkg"
    qgis = subprocess.Popen(
        [program(), "run", "geomrcnn:predict", "--", f"INPUT={raster}",
         f"OUTPUT={out}", SLOW],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=surroundings(profile, QT_QPA_PLATFORM="offscreen"),
    )  # fmt: skip
    (child,) = wait_for(lambda: children_running(str(out)))
    wait_for((tmp_path / "out.gpkg.journal").exists)
    yield qgis, child, out
    qgis.kill()
    qgis.wait()


def test_a_crash(running, profile: Path, raster: Path):
    qgis, child, out = running
    os.kill(child, signal.SIGSEGV)
    _, told = qgis.communicate(timeout=30)
    assert qgis.returncode == 1
    assert "geomrcnn crashed (SIGSEGV)" in told
    assert "Traceback" not in told
    assert not out.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda n: n.name)
def test_qgis_is_killed(running, number: signal.Signals):
    qgis, _, out = running
    began = time.monotonic()
    qgis.send_signal(number)
    qgis.wait(timeout=30)
    wait_for(lambda: not children_running(str(out)), 10)
    assert time.monotonic() - began < 8
    assert not out.exists()


def test_what_was_broken_off_goes_on(running, profile: Path, raster: Path, tmp_path: Path):
    qgis, _, out = running
    qgis.kill()
    wait_for(lambda: not children_running(str(out)), 10)
    done = predict(profile, raster, out, SLOW)
    assert done.returncode == 0, done.stderr
    assert out.exists()
    assert not out.with_name("out.gpkg.journal").exists()
