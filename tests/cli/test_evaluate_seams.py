"""`geomrcnn evaluate --seams` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from geomrcnn.cli.evaluate import evaluate
from geomrcnn.cli.main import run
from tests.oracles.bundle import write_constant_bundle
from tests.rasters import write_raster


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """A raster of three by three tiles, and a model that sees one house in each, at one place."""
    raster = write_raster(tmp_path / "a.tif", np.ones((3, 416, 416), np.uint8))
    model = write_constant_bundle(
        tmp_path / "one.zip", [(70, 70, 90, 90)], [0.9], gsd=2.0, tile=160, overlap=32
    )
    return ["--seams", "--image", str(raster), "--model", str(model)]


def test_tables(given: list[str]) -> None:
    result = CliRunner().invoke(evaluate, given)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    rows = dict(line.rsplit(maxsplit=1) for line in lines[:7])
    # Halfway, they lie half a step aside: nowhere does one lie on one of the other run.
    assert rows["objects of the first run"] == "9"
    assert rows["objects of the second run"] == "16"
    assert rows["F1"] == "0.000"
    assert rows["mean IoU of partners"] == "-"
    assert lines[8] == "Objects by the tiles that saw them"
    assert lines[9].split() == ["seen", "by", "objects", "split", "missed"]
    groups = [line.split() for line in lines[10:]]
    assert [group[:2] for group in groups] == [["several", "tiles"], ["one", "tile"]]
    assert sum(int(group[2]) for group in groups) == 9 + 16
    assert {group[4] for group in groups} <= {"1.000", "-"}


def test_json(given: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert run(evaluate, [*given, "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["image"] == given[2]
    assert figures["model"] == "oracle"
    assert figures["objects"] == [9, 16]
    assert figures["agreement"]["f1"] == 0
    assert figures["agreement"]["mean_iou"] is None
    assert figures["at_seams"]["missed"] == 1
    assert run(evaluate, [*given, "--json", str(out)]) == 1  # it is there


def test_other_tiles_and_scores(given: list[str]) -> None:
    def objects(*options: str) -> list[int]:
        result = CliRunner().invoke(evaluate, [*given, *options, "--json", "-"])
        found: list[int] = json.loads(result.output)["objects"]
        return found

    assert objects("--tile", "416", "--overlap", "0") == [1, 1]
    assert objects("--overlap", "16") == [9, 16]
    assert objects("--overlap", "96") == [25, 36]
    assert objects("--min-score", "0.95") == [0, 0]


def test_wrong_usage(given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(evaluate, given[:3]) == 2
    assert "--seams wants --image and --model" in capsys.readouterr().err
    for other in ("--pred", "--data", "--labels", "--plots", "--report", "--band"):
        assert run(evaluate, [*given, other, "1"]) == 2
        assert "do not go with --seams" in capsys.readouterr().err
    assert run(evaluate, [*given, "--class-attribute", "use"]) == 2
    assert run(evaluate, [*given, "--tile", "100"]) == 2
    assert run(evaluate, [*given, "--precision", "int8"]) == 1
    assert "holds no int8 graph" in capsys.readouterr().err
    layers = ["--pred", "a.gpkg", "--truth", "b.gpkg"]
    for option in (["--image", "a.tif"], ["--overlap", "0"], ["--scale", "minmax"]):
        assert run(evaluate, [*layers, *option]) == 2
        assert "go with --seams" in capsys.readouterr().err
    assert run(evaluate, [*given[:1], "--image", "no.tif", *given[3:]]) == 1
    assert "no.tif" in capsys.readouterr().err
