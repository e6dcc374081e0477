"""`geomrcnn inspect data` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rasterio
from click.testing import CliRunner

from geomrcnn.cli.inspect_data import data
from geomrcnn.cli.main import run
from tests.labelled import squares, write_layer, write_scene

SHAPES = squares(4, 4, 64, 24)


@pytest.fixture
def scene(tmp_path: Path) -> list[str]:
    raster = write_scene(tmp_path / "ortho.tif", 256, SHAPES)
    labels = write_layer(tmp_path / "labels.gpkg", SHAPES)
    return [str(raster), "--labels", str(labels), "--gsd", "2", "--tile", "128"]


def test_a_table_and_a_figure(scene: list[str], tmp_path: Path) -> None:
    plot = tmp_path / "sizes.png"
    result = CliRunner().invoke(data, [*scene, "--plot", str(plot)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "objects: object    16" in result.output
    assert "median 4, 95 % 4, most 4" in result.output
    assert "warning: fewer than 20 objects of object" in result.output
    with rasterio.open(plot) as drawn:
        assert drawn.width > 500
        assert drawn.read(1).std() > 10


def test_json(scene: list[str]) -> None:
    result = CliRunner().invoke(data, [*scene, "--json", "-"], catch_exceptions=False)
    figures = json.loads(result.output)
    assert figures["objects"] == {"object": 16}
    assert figures["side_metres"][2] == pytest.approx(48, rel=0.01)
    assert figures["gsd"] == pytest.approx(2, rel=0.01)
    assert len(figures["anchors"]["anchor_sizes"]) == 5


def test_files_are_replaced_only_on_demand(
    scene: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "sizes.json"
    precious.write_text("precious")
    for option in ("--json", "--plot"):
        assert run(data, ["nowhere", option, str(precious)]) == 1
        assert "sizes.json: exists already" in capsys.readouterr().err
    assert precious.read_text() == "precious"
    assert run(data, [*scene, "--json", str(precious), "--overwrite"]) == 0
    assert json.loads(precious.read_text())["images"] == 4


def test_an_unknown_preset_is_said_before_images_are_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(data, ["nowhere", "--preset", "huge"]) == 1
    assert "huge" in capsys.readouterr().err


def test_what_is_no_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, [str(tmp_path)]) == 1
    assert "nothing that can be trained on" in capsys.readouterr().err
