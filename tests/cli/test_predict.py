"""`geomrcnn predict` as a user meets it, with a real model file that sees two squares in a tile."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from geomrcnn.cli import predict as cli
from geomrcnn.cli.evaluate import evaluate
from geomrcnn.cli.main import run
from geomrcnn.cli.predict import predict
from geomrcnn.inference import options
from geomrcnn.raster import scaling
from geomrcnn.runtime import load
from geomrcnn.vector import outlines, regularise
from tests.oracles.bundle import write_constant_bundle
from tests.rasters import write_raster

BOXES = [(20, 20, 60, 60), (100, 40, 180, 80)]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A raster of 200 by 200 pixels of 2 m, a model for 2 m and tiles of 224, and an output."""
    raster = write_raster(tmp_path / "ortho.tif", np.full((3, 200, 200), 9, np.uint8))
    model = write_constant_bundle(
        tmp_path / "squares.zip", BOXES, [0.9, 0.6], gsd=2.0, tile=224, overlap=32
    )
    return {"raster": str(raster), "model": str(model), "out": str(tmp_path / "fields.gpkg")}


def arguments(files: dict[str, str], *more: str) -> list[str]:
    return [files["raster"], "--model", files["model"], "--out", files["out"], *more]


def test_one_line_says_what_was_done(files: dict[str, str]) -> None:
    result = CliRunner().invoke(predict, arguments(files))
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{files['out']}: 2 objects in 1 tile in ")
    assert line.endswith(" tiles/s on OpenVINO CPU fp32")
    frame = geopandas.read_file(files["out"])
    assert frame["area_m2"].tolist() == pytest.approx([6400, 12800], rel=0.01)


def test_the_options_arrive(files: dict[str, str]) -> None:
    def count(*more: str) -> int:
        result = CliRunner().invoke(predict, arguments(files, "--overwrite", *more))
        assert result.exit_code == 0, result.output
        return len(geopandas.read_file(files["out"]))

    assert count() == 2
    assert count("--min-score", "0.7") == 1
    assert count("--min-area", "10000") == 1
    assert count("--bands", "1,2,3", "--simplify", "0.5", "--runtime", "openvino") == 2
    assert count("--gsd", "4") == 1  # half as many pixels: the second square lies outside
    write_raster(Path(files["raster"]), np.full((3, 256, 256), 9, np.uint8))
    assert count("--tile", "128", "--overlap", "0") == 8  # four tiles with two squares each


def test_choices_are_those_of_the_rooms_they_come_from() -> None:
    assert tuple(regularise.SHAPES) == cli.SHAPES
    assert cli.PARTS == outlines.PARTS
    assert cli.METHODS == scaling.METHODS
    assert cli.ANY_CLASS == options.ANY_CLASS
    for command in (predict, evaluate):
        offered = {option.name: option.type for option in command.params}
        assert tuple(offered["runtime"].choices) == load.RUNTIMES  # type: ignore[attr-defined]
        assert tuple(offered["precision"].choices) == load.PRECISIONS  # type: ignore[attr-defined]


def test_outlines_are_shaped_by_class(files: dict[str, str]) -> None:
    def outcome(*more: str) -> tuple[list[str], list[float]]:
        result = CliRunner().invoke(predict, arguments(files, "--overwrite", *more))
        assert result.exit_code == 0, result.output
        frame = geopandas.read_file(files["out"])
        return frame["status"].tolist(), frame.geometry.count_coordinates().tolist()

    assert outcome("--shape", "rectangle") == (["regularised"] * 2, [5, 5])
    assert outcome("--shape", "field=rectangle")[0] == ["regularised"] * 2
    assert outcome("--shape", "pond=rectangle")[0] == ["traced"] * 2
    assert outcome("--shape", "circle")[0] == ["kept"] * 2


def test_bands_by_name_and_other_bits(files: dict[str, str], tmp_path: Path) -> None:
    wide = write_raster(tmp_path / "wide.tif", np.full((3, 200, 200), 900, np.uint16))
    with rasterio.open(wide, "r+") as file:
        file.descriptions = ("blue", "green", "red")
    files["raster"] = str(wide)
    refused = CliRunner().invoke(predict, arguments(files))
    assert "--scale" in str(refused.exception)
    result = CliRunner().invoke(
        predict, arguments(files, "--bands", "red,2,blue", "--scale", "as-trained")
    )
    assert result.exit_code == 0, result.output
    assert len(geopandas.read_file(files["out"])) == 2


def test_a_raster_without_a_place_is_told(files: dict[str, str], tmp_path: Path) -> None:
    pixels = np.full((3, 200, 200), 9, np.uint8)
    lost = write_raster(tmp_path / "lost.tif", pixels, crs=None, transform=Affine.identity())
    files["raster"] = str(lost)
    result = CliRunner().invoke(predict, arguments(files))
    assert result.exit_code == 0, result.output
    assert result.stderr == f"Warning: {lost}: has no CRS; coordinates are its pixels\n"
    frame = geopandas.read_file(files["out"])
    assert frame.total_bounds.tolist() == pytest.approx([20, 20, 180, 80], abs=0.5)


def test_several_rasters_and_an_output_each(files: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "sheets"
    folder.mkdir()
    for name in ("a", "b"):
        write_raster(folder / f"{name}.tif", np.full((3, 200, 200), 9, np.uint8))
    files["raster"] = str(folder)
    result = CliRunner().invoke(predict, arguments(files))
    assert result.exit_code == 0, result.output
    assert ": 2 objects in 2 tiles in " in result.stdout  # both rasters show the same ground
    files["out"] = str(tmp_path / "{name}.fgb")
    result = CliRunner().invoke(predict, arguments(files))
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        str(tmp_path / "a.fgb"), str(tmp_path / "b.fgb"),
    ]  # fmt: skip


def test_json_lines(files: dict[str, str]) -> None:
    write_raster(Path(files["raster"]), np.full((3, 256, 256), 9, np.uint8))
    more = ("--progress", "jsonl", "--tile", "128", "--overlap", "0")
    result = CliRunner().invoke(predict, arguments(files, *more))
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == ["start", *["progress"] * 4, "done"]
    assert [event["done"] for event in events[:-1]] == [0, 1, 2, 3, 4]
    assert events[-2] == {
        "event": "progress", "done": 4, "total": 4, "unit": "tiles", "skipped": 0, "objects": 8,
    }  # fmt: skip
    assert events[-1]["objects"] == 8
    assert events[-1]["out"] == files["out"]
    assert events[-1]["device"] == "OpenVINO CPU fp32"


def test_json_lines_tell_of_errors(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {**files, "raster": "no.tif"}
    assert run(predict, arguments(wrong, "--progress", "jsonl")) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"event": "error", "message": "no.tif: no such file"}
    assert captured.err == "Error: no.tif: no such file\n"


def test_skipped_tiles_are_told(files: dict[str, str], tmp_path: Path) -> None:
    pixels = np.full((3, 200, 200), 9, np.uint8)
    pixels[:, :, 60:] = 0
    files["raster"] = str(write_raster(tmp_path / "half.tif", pixels, nodata=0))
    result = CliRunner().invoke(predict, arguments(files, "--tile", "128", "--overlap", "0"))
    assert ": 2 objects in 4 tiles (2 skipped as nodata) in " in result.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--min-score", "1.5"), "1.5 is not in the range 0<=x<=1"),
        (("--tile", "100"), "100 is not a multiple of 32"),
        (("--tile", "64", "--overlap", "64"), "--overlap 64 must be less than --tile 64"),
        (("--bands", "1,,x"), "'1,,x' is no list of band numbers from 1, or names, such as 3,2,1"),
        (("--bands", "0,1,2"), "no list of band numbers"),
        (("--shape", "star"), "no shape 'star': choose one of right-angles, "),
        (("--shape", "circle", "--share-edges", "2"), "--shape and --share-edges contradict"),
        (("--min-area", "9", "--max-area", "8"), "--min-area 9 is more than --max-area 8"),
        (("--parts", "some"), "'some' is not one of"),
        (("--gsd", "0"), "0.0 is not in the range x>0"),
        (("--min-area", "-1"), "-1.0 is not in the range x>=0"),
        (("--runtime", "torch"), "'torch' is not one of"),
    ],
)
def test_wrong_usage_is_said_so(files: dict[str, str], more: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(predict, arguments(files, *more))
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path(files["out"]).exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"raster": "no.tif"}, "no.tif: no such file"),
        ({"model": "no"}, "no model 'no'"),
        ({"out": "fields.xyz"}, "fields.xyz: no format for '.xyz'"),
        ({"out": "postgresql://me:secret@host/db"}, "postgresql://me:***@host/db: name the table"),
    ],
)
def test_wrong_input_is_one_line(
    files: dict[str, str], changes: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(predict, arguments({**files, **changes})) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Error: {message}")
    assert error.count("\n") == 1


def test_an_interrupt_leaves_nothing(files: dict[str, str]) -> None:
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from geomrcnn.cli.main import main; sys.exit(main())"
    )
    more = ("--tile", "32", "--overlap", "31", "--progress", "jsonl")
    before = sorted(Path(files["out"]).parent.iterdir())
    command = [sys.executable, "-c", code, "predict", *arguments(files, *more)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["total"] == 169**2
        child.send_signal(signal.SIGINT)
        output, error = child.communicate(timeout=60)
    assert child.returncode == 130
    assert json.loads(output.splitlines()[-1]) == {"event": "error", "message": "interrupted"}
    assert error.strip() == "Error: interrupted"
    assert sorted(Path(files["out"]).parent.iterdir()) == before


def test_the_installed_command(files: dict[str, str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "geomrcnn", "predict", *arguments(files)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert answer.stdout.startswith(f"{files['out']}: 2 objects in 1 tile in ")
    assert len(geopandas.read_file(files["out"])) == 2
