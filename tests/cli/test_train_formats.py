"""From labelled data of every format to a model, by the commands a user types."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.cli.main import cli, run
from geomrcnn.training.run import RunConfig
from geomrcnn.training.table import read_table
from tests.labelled import squares, write_layer, write_scene
from tests.layouts import POND, ROOF, coco_folder, crowdai_folder, csv_table, mask_folders

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

Arguments = Sequence[object]
SMALL = {
    "pyramid_channels": 16,
    "box_units": [16],
    "mask_convolutions": 1,
    "mask_size": 14,
    "train_rois": 16,
    "train_proposals": 50,
    "proposals": 20,
    "detections": 5,
}
OPTIONS = ["--init=none", "--steps=2", "--batch=1", "--tile=64"]
OPTIONS += [f"--set={name}={json.dumps(value)}" for name, value in SMALL.items()]


def call(arguments: Arguments, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit status and what was printed."""
    code = run(cli, [str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def rasters(folder: Path) -> Arguments:
    scenes = [write_scene(folder / f"{name}.tif", 64, [ROOF, POND]) for name in "ab"]
    labels = write_layer(folder / "l.gpkg", [ROOF, POND], to="EPSG:4326", use=["roof", "pond"])
    return (scenes[0], "--labels", labels, "--class-attribute", "use", "--gsd", 2)


@pytest.mark.parametrize(
    "make",
    [coco_folder, crowdai_folder, csv_table, mask_folders, rasters],
    ids=lambda f: f.__name__,
)
def test_every_format_trains(
    make: Callable[[Path], Path | Arguments], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    data = make(tmp_path / "data")
    named = [data, "--gsd", 1] if isinstance(data, Path) else data
    code, said, wrong = call(["train", *named, "--out", tmp_path / "run", *OPTIONS], capsys)
    assert code == 0, wrong
    assert "2 objects" in said
    assert "anchors fitted to the objects" in said
    (row,) = read_table(tmp_path / "run/losses.csv")
    assert row["step"] == 2
    assert np.isfinite(row["total"])
    assert Bundle.open(tmp_path / "run/model.zip").card.classes == ("pond", "roof")
    assert "<html" in (tmp_path / "run/report.html").read_text()


def test_chips_train_measure_themselves_and_find_things(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The four commands of the README."""
    shapes = squares(8, 8, 32, 18)
    raster = write_scene(tmp_path / "ortho.tif", 256, shapes)
    labels = write_layer(tmp_path / "roofs.gpkg", shapes)
    chips, folder = tmp_path / "chips", tmp_path / "run"
    model = folder / "model.zip"
    commands = [
        ["chips", raster, "--labels", labels, "--out", chips, "--tile", 64, "--classes", "roof"],
        ["train", chips, "--out", folder, *OPTIONS],
        ["evaluate", "--data", chips, "--model", model, "--json", tmp_path / "scores.json"],
        ["predict", raster, "--out", tmp_path / "found.gpkg", "--model", model],
    ]
    for command in commands:
        code, _, wrong = call(command, capsys)
        assert code == 0, wrong
    config = RunConfig.read(folder)
    assert (config.classes, config.gsd) == (("roof",), 2.0)
    assert [row["step"] for row in read_table(folder / "validation.csv")] == [2]
    assert "mask AP" in Bundle.open(model).card.metrics
    assert json.loads((tmp_path / "scores.json").read_text())["objects"] > 0
    assert (tmp_path / "found.gpkg").exists()


def test_classes_get_other_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = coco_folder(tmp_path / "data")
    begin = ["train", data, "--gsd", 1, "--out", tmp_path / "run", *OPTIONS]
    code, _, wrong = call([*begin, "--rename", "shed=roof"], capsys)
    assert (code, wrong.count("\n")) == (1, 1)
    assert "no class 'shed' to rename; the data has pond, roof" in wrong
    begin += ["--val", data, "--rename", "pond=ignore", "--rename", "roof=house"]
    code, _, wrong = call(begin, capsys)
    assert code == 0, wrong
    assert RunConfig.read(tmp_path / "run").classes == ("house",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.json"], "nothing.json: no such file"),
        (["broken.json"], "broken.json: not a JSON file"),
        (["table.csv"], "table.csv"),
        ([], "name the DATA to train on, or a --config"),
        (["broken.json", "--aoi", "a.gpkg"], "go with --labels"),
        (["--config", "broken.json", "--steps", "3"], "--steps does not go with --config"),
        (["--config", "broken.json"], "broken.json: not the config of a training run"),
        (["data", "--patience", "2", *OPTIONS], "--val"),
        (["data", "--set", "classes=3"], "classes follow from the data"),
        (["data", "--stage", "hedas:3", "--init=none", "--tile=64"], "hedas"),
    ],
)
def test_what_cannot_be_trained_on_is_told_in_one_line(
    arguments: Arguments,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.json").write_text("{")
    Path("table.csv").write_text("a.png,1,2\n")
    coco_folder(Path("data"))
    more = [] if "--config" in arguments else ["--gsd", 1]
    code, _, wrong = call(["train", *arguments, *more, "--out", "run"], capsys)
    assert code in (1, 2)
    assert message in wrong
    assert "Traceback" not in wrong
    assert not Path("run/run.toml").exists()
