"""QGIS's real window with the plugin in it, worked as a user would and looked at afterwards.

One start of QGIS plays all scenes of the folder `window`. The pictures are in build/screenshots.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from profiles import make_profile, surroundings

SCENES = Path(__file__).resolve().parent / "window"
PICTURES = SCENES.parents[2] / "build" / "screenshots"
LONGEST = 280
"""Seconds that all scenes may take; they take 30 where nothing else runs."""

pytestmark = pytest.mark.timeout(LONGEST + 60)


@pytest.fixture(scope="module")
def seen(
    raster: Path, interpreter: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What was seen in the window."""
    if not (shutil.which("qgis") and shutil.which("Xvfb") and shutil.which("openbox")):
        missing = "needs QGIS's window, Xvfb and openbox"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("window")
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    given = {
        "raster": str(raster),
        "folder": str(folder),
        "pictures": str(PICTURES),
        "interpreter": interpreter,
    }
    profile = make_profile(folder / "profile")
    with _screen() as display:
        code = _qgis(profile, display, given, folder / "qgis.log")
    record = PICTURES / "seen.json"
    assert record.exists(), (folder / "qgis.log").read_text()
    facts = json.loads(record.read_text())
    assert "failure" not in facts, facts["failure"]
    return {**facts, "code": code, "left": _named(str(folder))}


@contextmanager
def _screen() -> Iterator[str]:
    """A screen of its own with a window manager; gives its name."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    manager = None
    try:
        with open(reading) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb has not started"
        display = f":{number}"
        manager = subprocess.Popen(
            ["openbox"], env={**os.environ, "DISPLAY": display}, stderr=subprocess.DEVNULL
        )
        yield display
    finally:
        for process in filter(None, (manager, server)):
            process.terminate()
            process.wait(10)


def _qgis(profile: Path, display: str, given: dict[str, str], log: Path) -> int:
    """Start QGIS with the scenes, wait for its end; what it returned."""
    environment = surroundings(
        profile,
        DISPLAY=display,
        QT_QPA_PLATFORM="xcb",
        # Elsewhere than the layers, which QGIS would warn of as temporary.
        TMPDIR=str(profile),
        GEOMRCNN_GIVEN=json.dumps(given),
        GEOMRCNN_SCENES=str(SCENES),
    )
    command = [
        "qgis", "--profiles-path", str(profile), "--profile", "default", "--nologo",
        "--noversioncheck", "--code", str(SCENES / "play.py"),
    ]  # fmt: skip
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            return process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            return -1
        finally:
            process.kill()
            process.wait()


def _named(word: str) -> list[str]:
    """Command lines of the processes that have a word in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in command:
            found.append(command)
    return found


def test_qgis_ends_well_and_leaves_nothing_running(seen: dict[str, Any]) -> None:
    assert seen["code"] == 0
    assert seen["left"] == []


def test_the_first_start_says_what_to_do(seen: dict[str, Any]) -> None:
    assert {"predict", "chips", "train", "evaluate", "environment"} <= set(seen["algorithms"])
    assert "environment of its own" in seen["welcome"]


def test_an_interpreter_is_chosen(seen: dict[str, Any], interpreter: str) -> None:
    assert seen["pythons"] >= 1
    assert "/usr/bin/python3: this Python has no geomrcnn" in seen["refused"]
    assert "geomrcnn is ready." in seen["taken"]
    assert "fields" in seen["taken"]
    assert seen["options"] == ["Python that has geomrcnn", interpreter]


def test_polygons_come_to_the_map_in_the_colours_of_their_classes(seen: dict[str, Any]) -> None:
    ok, outputs = seen["polygons_ended"]
    assert ok, seen["polygons_log"]
    layer = seen["polygons_layer"]
    assert layer["features"] == outputs["OBJECTS"] >= 5
    assert layer["renderer"] == "categorizedSymbol"
    assert layer["labels"]
    assert layer["crs"] == seen["raster_crs"]
    assert "with the model fields" in layer["origin"]


def test_verdicts_are_kept_in_the_layer(seen: dict[str, Any]) -> None:
    total = seen["polygons_layer"]["features"]
    assert seen["review_begins"] == f"0 accepted, 0 rejected, {total} left"
    assert seen["review_after"] == f"2 accepted, 1 rejected, {total - 3} left"
    assert seen["verdicts"] == ["accepted", "accepted", "rejected"]


def test_a_run_can_be_cancelled(seen: dict[str, Any]) -> None:
    assert any("-m geomrcnn predict" in command for command in seen["running"])
    assert not seen["cancel_ended"][0]
    assert "Cancelled" in seen["cancel_log"]
    assert seen["cancel_seconds"] < 8  # the grace period, and a little
    assert seen["still_running"] == []
    assert not seen["cancel_output"]


def test_failures_are_one_clear_line(seen: dict[str, Any]) -> None:
    assert not seen["damaged_ended"][0]
    assert "damaged.tif: " in seen["damaged_log"]
    assert "Traceback" not in seen["damaged_log"]
    assert not seen["gone_ended"][0]
    assert "/python: cannot be started: No such file or directory" in seen["gone_log"]
    assert not seen["failed_output"]
