"""`geomrcnn evaluate` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely
from click.testing import CliRunner
from geopandas import GeoDataFrame

from geomrcnn.cli.evaluate import LABELS, evaluate
from geomrcnn.cli.main import run


@pytest.fixture
def layers(tmp_path: Path) -> list[str]:
    """Two predictions, one of them right, of two true objects."""
    found = [shapely.box(0, 0, 10, 10), shapely.box(30, 0, 40, 10)]
    truth = [shapely.box(0, 0, 10, 10), shapely.box(15, 0, 25, 10)]
    paths = [tmp_path / "found.gpkg", tmp_path / "truth.gpkg"]
    for path, shapes in zip(paths, (found, truth), strict=True):
        GeoDataFrame({"score": [0.9, 0.4]}, geometry=shapes, crs=32632).to_file(path)
    return [str(path) for path in paths]


def test_a_table(layers: list[str]) -> None:
    result = CliRunner().invoke(evaluate, layers)
    assert result.exit_code == 0
    rows = dict(line.rsplit(maxsplit=1) for line in result.output.splitlines())
    assert list(rows) == list(LABELS.values())
    assert rows["predicted objects"] == "2"
    assert rows["F1 at IoU 0.5"] == "0.500"


def test_json(layers: list[str]) -> None:
    result = CliRunner().invoke(evaluate, [*layers, "--json", "--min-score", "0.5"])
    scores = json.loads(result.output)
    assert list(scores) == list(LABELS)
    assert scores["precision"] == 1
    assert scores["recall"] == 0.5


def test_figures_that_do_not_exist(layers: list[str]) -> None:
    table = CliRunner().invoke(evaluate, [*layers, "--min-score", "1"]).output
    assert "mean IoU of matches                  -" in table
    as_json = CliRunner().invoke(evaluate, [*layers, "--min-score", "1", "--json"]).output
    assert json.loads(as_json)["mean_iou"] is None


def test_wrong_usage_and_wrong_files(layers: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(evaluate, [*layers, "--min-score", "7"]) == 2
    assert run(evaluate, [layers[0], "no.gpkg"]) == 1
    assert "Error: no.gpkg: no such file\n" in capsys.readouterr().err
