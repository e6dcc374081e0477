"""`--exit-with-parent`: a real child of a real parent, which is killed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import click
import pytest
from click.testing import CliRunner

from geomrcnn.cli.main import LazyGroup, cli
from geomrcnn.data.landscape.write import write_example
from tests.cli.test_train_formats import OPTIONS
from tests.layouts import coco_folder

SOON = 2.0
"""Seconds in which a child must be gone."""

PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
time.sleep(600)
"""


def command(*arguments: object) -> list[str]:
    words = [sys.executable, "-m", "geomrcnn", *map(str, arguments)]
    return [*words, "--progress", "jsonl", "--exit-with-parent"]


def started(*words: str, **streams: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **streams)  # fmt: skip


def progress(stream: IO[str], least: int) -> dict[str, Any]:
    """The first event that says so many steps are done."""
    for line in stream:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "progress" and event["done"] >= least:
            return event
    raise AssertionError("it ended before")


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Farmland of 1024 pixels of 2 m, which is 225 of the tiles below."""
    folder = tmp_path_factory.mktemp("scene") / "farmland"
    return write_example(folder, 1024, 2.0, 1, overwrite=False)[0]


def predict(raster: Path, out: Path) -> list[str]:
    return ["predict", str(raster), "--out", str(out), "--tile", "128", "--overlap", "64"]


def lines(out: Path) -> list[str]:
    """The lines of a GeoJSON file, but for the one that says when."""
    return [re.sub(r'"date": ?"[^"]*"', "", line) for line in out.read_text().splitlines()]


def test_a_prediction_ends_with_its_parent_and_goes_on_later(raster: Path, tmp_path: Path) -> None:
    out = tmp_path / "fields.geojson"
    with started(sys.executable, "-c", PARENT, *command(*predict(raster, out))) as parent:
        assert parent.stdout is not None
        assert progress(parent.stdout, 3)["total"] == 225
        parent.kill()
        began = time.monotonic()
        told, error = parent.communicate(timeout=60)  # both have closed their ends
    assert time.monotonic() - began < SOON
    assert json.loads(told.splitlines()[-1]) == {"event": "error", "message": "terminated"}
    assert error.split("\n")[:1] == ["What was found is kept; the same command goes on from there."]
    assert [path.name for path in tmp_path.iterdir()] == ["fields.geojson.journal"]

    whole = tmp_path / "whole"
    whole.mkdir()
    reports = []
    for path in (out, whole / "fields.geojson"):
        words = [sys.executable, "-m", "geomrcnn", *predict(raster, path), "--progress", "jsonl"]
        answer = subprocess.run(words, capture_output=True, text=True, timeout=120)
        assert answer.returncode == 0, answer.stderr
        reports.append(json.loads(answer.stdout.splitlines()[-1]))
    assert reports[0]["resumed"] >= 3
    assert reports[1]["resumed"] == 0
    assert reports[0]["objects"] > 20
    assert lines(out) == lines(whole / "fields.geojson")


def test_the_end_of_the_standard_input_ends_it_like_sigterm(raster: Path, tmp_path: Path) -> None:
    out = tmp_path / "fields.gpkg"
    with started(*command(*predict(raster, out)), stdin=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        progress(child.stdout, 3)
        child.stdin.close()
        began = time.monotonic()
        assert child.wait(60) == 143
        assert time.monotonic() - began < SOON
        assert child.stderr is not None
        assert child.stderr.read().splitlines()[-1] == "Error: terminated"
    assert [path.name for path in tmp_path.iterdir()] == ["fields.gpkg.journal"]


@pytest.mark.parametrize("seconds", [0.0, 0.15, 0.3, 0.45, 0.6, 0.9])
def test_it_ends_while_it_starts(raster: Path, tmp_path: Path, seconds: float) -> None:
    words = command(*predict(raster, tmp_path / "fields.gpkg"))
    with started(*words, stdin=subprocess.PIPE) as child:
        time.sleep(seconds)
        began = time.monotonic()
        told, error = child.communicate(timeout=60)
    assert time.monotonic() - began < SOON
    assert child.returncode == 143, error
    assert json.loads(told.splitlines()[-1]) == {"event": "error", "message": "terminated"}
    assert "Traceback" not in error


def test_training_ends_with_its_parent(tmp_path: Path) -> None:
    data, run = coco_folder(tmp_path / "data"), tmp_path / "run"
    words = command("train", data, "--gsd", 1, "--out", run, *OPTIONS, "--steps", 100_000)
    with started(sys.executable, "-c", PARENT, *words) as parent:
        assert parent.stdout is not None
        event = progress(parent.stdout, 2)
        parent.kill()
        began = time.monotonic()
        told, _ = parent.communicate(timeout=60)
    assert time.monotonic() - began < SOON
    assert event["total"] == 100_000
    assert json.loads(told.splitlines()[-1]) == {"event": "error", "message": "terminated"}
    assert (run / "run.toml").exists()
    assert not (run / "model.zip").exists()


def test_a_parent_that_waits_gets_the_result(raster: Path, tmp_path: Path) -> None:
    words = command("inspect", "data", raster, "--labels", raster.with_name("labels.gpkg"))
    del words[-3:-1]  # it has no progress
    with started(*words, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        told = child.stdout.read() if child.stdout else ""
        child.stdin.close()  # while it winds up, or afterwards
        assert child.wait(60) == 0
    assert "anchors" in told


STUCK = """
import signal, sys, time
import click
from geomrcnn.cli import ending
from geomrcnn.cli.main import LazyGroup, Verb, run

@click.command()
def stuck():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # as in C code that never returns
    print("stuck", flush=True)
    time.sleep(600)

ending.GRACE = 0.5
sys.modules["stuck"] = sys.modules["__main__"]
ending.wind_up_when_terminated()
run(LazyGroup("toy", {"stuck": Verb("stuck:stuck", "")}, ""))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no masks for signals")
def test_what_hangs_is_ended_hard() -> None:
    words = [sys.executable, "-c", STUCK, "stuck", "--exit-with-parent"]
    with started(*words, stdin=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "stuck\n"
        child.stdin.close()
        began = time.monotonic()
        assert child.wait(60) == 143
    assert time.monotonic() - began >= 0.5


def verbs(group: LazyGroup, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, verb in group.verbs.items():
        command = verb.load()
        here = (*path, name)
        found += verbs(command, here) if isinstance(command, LazyGroup) else [here]
        assert isinstance(command, LazyGroup) or not isinstance(command, click.Group)
    return found


@pytest.mark.parametrize("path", verbs(cli), ids=" ".join)
def test_every_verb_takes_it(path: tuple[str, ...]) -> None:
    for _ in range(2):  # it is added once only
        result = CliRunner().invoke(cli, [*path, "--help"])
        assert result.output.count("  --exit-with-parent ") == 1
