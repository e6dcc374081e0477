"""`--workers`, `--scheduler`, `--shard` and `geomrcnn merge` as they are typed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import geopandas
import numpy as np
import pytest
from click.testing import CliRunner

from geomrcnn.cli.main import run
from geomrcnn.cli.merge import merge
from geomrcnn.cli.predict import predict
from geomrcnn.inference import cluster
from tests.oracles.bundle import write_constant_bundle
from tests.rasters import write_raster

TILES = ("--tile", "128", "--overlap", "0")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Arguments: a raster of four tiles, a model that sees one square in each."""
    raster = write_raster(tmp_path / "ortho.tif", np.full((3, 256, 256), 9, np.uint8))
    model = write_constant_bundle(
        tmp_path / "squares.zip", [(20, 20, 60, 60)], [0.9], gsd=2.0, tile=128, overlap=0
    )
    return [str(raster), "--model", str(model), *TILES]


def lines(out: Path) -> list[str]:
    """The lines of a GeoJSON file, but for the one that says when."""
    return [re.sub(r'"date": ?"[^"]*"', "", line) for line in out.read_text().splitlines()]


def typed(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "geomrcnn", *command], capture_output=True, text=True, timeout=300
    )


def test_two_workers_write_what_one_process_does(files: list[str], tmp_path: Path) -> None:
    alone, many = tmp_path / "alone.geojson", tmp_path / "many.geojson"
    assert CliRunner().invoke(predict, [*files, "--out", str(alone)]).exit_code == 0
    answer = typed("predict", *files, "--out", str(many), "--workers", "2")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert answer.stdout.endswith(" tiles/s on OpenVINO CPU fp32, 2 workers\n")
    name = '"name": "{}"'
    assert [line.replace(name.format("many"), name.format("alone")) for line in lines(many)] == (
        lines(alone)
    )


def test_what_is_wrong_on_a_worker_is_one_line(files: list[str], tmp_path: Path) -> None:
    raster = Path(files[0])
    pixels = np.random.default_rng(0).integers(1, 255, (3, 256, 256), np.uint8)
    write_raster(raster, pixels, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    with raster.open("r+b") as file:
        file.seek(raster.stat().st_size // 3)
        file.write(b"\xff" * (raster.stat().st_size // 3))
    out = tmp_path / "out.gpkg"
    answer = typed("predict", *files, "--out", str(out), "--workers", "1", "--strict")
    assert answer.returncode == 1
    assert answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    assert re.match(r"Error: .*ortho\.tif: rows .* cannot be read", line)


def test_shards_are_merged(files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.geojson"
    for number in (1, 2, 3):
        shard = ["--out", str(out), "--shard", f"{number}/3"]
        result = CliRunner().invoke(predict, [*files, *shard])
        assert result.exit_code == 0, result.output
        tiles = "2 tiles" if number == 3 else "1 tile"
        detections = "2 detections" if number == 3 else "1 detection"
        journal = f"{out}.{number}-of-3.journal"
        assert result.stdout.startswith(f"{journal}: shard {number}/3 with {detections} in {tiles}")
    again = CliRunner().invoke(predict, [*files, *shard])
    assert again.stdout == f"{journal}: has all of the 2 tiles of shard 3/3 already\n"
    told = CliRunner().invoke(predict, [*files, *shard, "--progress", "jsonl"])
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(event["event"], event.get("total")) for event in events[:2]] == [
        ("start", 2), ("progress", 2),
    ]  # fmt: skip
    assert (events[-1]["out"], events[-1]["resumed"]) == (journal, 2)
    journals = [f"{out}.{number}-of-3.journal" for number in (1, 2, 3)]
    result = CliRunner().invoke(merge, [*journals, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{out}: 4 objects in 4 tiles of 3 shards in ")
    expected = lines(out)
    assert CliRunner().invoke(predict, [*files, "--out", str(out)]).exit_code == 1
    result = CliRunner().invoke(predict, [*files, "--out", str(out), "--overwrite"])
    assert result.exit_code == 0, result.output
    assert lines(out) == expected
    told = CliRunner().invoke(
        merge, [*journals, "--out", str(out), "--overwrite", "--progress", "jsonl"]
    )
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert [event["event"] for event in events] == ["start", *["progress"] * 4, "done"]
    assert events[-1]["objects"] == 4


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--shard", "4/3"), "'4/3' is no share: say I/N with I from 1 to N, such as 2/5"),
        (("--shard", "1/2", "--out", "{name}.gpkg"), "leave {name} out of --out"),
        (("--workers", "0"), "0 is not in the range x>=1"),
        (("--workers", "2", "--scheduler", "tcp://a:1"), "--workers and --scheduler contradict"),
    ],
)
def test_wrong_usage_is_said_so(files: list[str], more: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(predict, [*files, "--out", "out.gpkg", *more])
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_scheduler_that_is_not_there_is_one_line(
    files: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "CONNECTING", 0.5)
    more = ["--out", str(tmp_path / "out.gpkg"), "--scheduler", "tcp://127.0.0.1:1"]
    assert run(predict, [*files, *more]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: tcp://127.0.0.1:1: no scheduler answers there; ")
    assert error.count("\n") == 1


def test_the_examples_of_merge_work(files: list[str], tmp_path: Path) -> None:
    """As they stand in its help, with other names."""
    raster, *options = files
    for line in merge.epilog.splitlines():
        if not line.startswith("  geomrcnn "):
            continue
        words = shlex.split(line, comments=True)[2:]
        if words[0].startswith("country.vrt"):
            words = [raster, *options, *words[1:]]
        out = words.index("--out") + 1
        words[out] = str(tmp_path / words[out])
        if "*" in words[0]:
            words = [*map(str, tmp_path.glob(words[0])), *words[1:]]
        verb = merge if "merge" in line else predict
        result = CliRunner().invoke(verb, words)
        assert result.exit_code == 0, result.output
    assert len(geopandas.read_parquet(tmp_path / "country.parquet")) == 4
