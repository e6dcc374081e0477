"""`geomrcnn evaluate` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from geopandas import GeoDataFrame

from geomrcnn.cli.evaluate import evaluate
from geomrcnn.cli.main import run
from geomrcnn.evaluation.tables import POLYGON_LABELS
from tests.labelled import write_layer, write_scene
from tests.oracles.bundle import write_constant_bundle
from tests.rasters import write_raster


@pytest.fixture
def layers(tmp_path: Path) -> list[str]:
    """Two predictions, one of them right, of two true objects."""
    found = [shapely.box(0, 0, 10, 10), shapely.box(30, 0, 40, 10)]
    truth = [shapely.box(0, 0, 10, 10), shapely.box(15, 0, 25, 10)]
    arguments = []
    for option, shapes in {"pred": found, "truth": truth}.items():
        path = tmp_path / f"{option}.gpkg"
        GeoDataFrame({"score": [0.9, 0.4]}, geometry=shapes, crs=32632).to_file(path)
        arguments += [f"--{option}", str(path)]
    return arguments


def rows_of(output: str) -> dict[str, str]:
    return dict(line.rsplit(maxsplit=1) for line in output.splitlines())


def test_a_table(layers: list[str]) -> None:
    result = CliRunner().invoke(evaluate, layers)
    assert result.exit_code == 0
    rows = rows_of(result.output)
    assert list(rows) == list(POLYGON_LABELS.values())
    assert rows["predicted objects"] == "2"
    assert rows["F1 at IoU 0.5"] == "0.500"
    # 5 % of 10 m of map, which UTM draws a little too large here.
    assert float(rows["width of its band, m"]) == pytest.approx(0.5, abs=0.002)
    assert rows["mean PoLiS distance of matches, m"] == "0.000"


def test_json(layers: list[str]) -> None:
    options = ["--json", "-", "--min-score", "0.5", "--band", "2"]
    scores = json.loads(CliRunner().invoke(evaluate, [*layers, *options]).output)
    assert list(scores) == list(POLYGON_LABELS)
    assert scores["precision"] == 1
    assert scores["recall"] == 0.5
    assert scores["band"] == 2


def test_figures_that_do_not_exist(layers: list[str]) -> None:
    table = CliRunner().invoke(evaluate, [*layers, "--min-score", "1"]).output
    assert rows_of(table)["mean IoU of matches"] == "-"
    as_json = CliRunner().invoke(evaluate, [*layers, "--min-score", "1", "--json", "-"]).output
    assert json.loads(as_json)["mean_iou"] is None


def test_files_of_two_layers(layers: list[str], tmp_path: Path) -> None:
    outputs = [
        "--json", str(tmp_path / "out.json"), "--plots", str(tmp_path / "plots"),
        "--report", str(tmp_path / "out.html"),
    ]  # fmt: skip
    assert run(evaluate, [*layers, *outputs]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["truths"] == 2
    assert "pred.gpkg against truth.gpkg" in (tmp_path / "out.html").read_text()
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "precision_recall.png", "reliability.png", "sizes.png", "threshold.png",
    ]  # fmt: skip
    for output in outputs[::2]:
        place = outputs.index(output)
        assert run(evaluate, [*layers, *outputs[place : place + 2]]) == 1
    assert run(evaluate, [*layers, *outputs, "--overwrite"]) == 0


def test_wrong_usage_and_wrong_files(
    layers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(evaluate, [*layers, "--min-score", "7"]) == 2
    assert run(evaluate, layers[:2]) == 2
    assert run(evaluate, [*layers, "--model", "fields"]) == 2
    for option in (["--gsd", "2"], ["--bands", "1"], ["--rename", "a=b"], ["--labels", "a"]):
        assert run(evaluate, [*layers, *option]) == 2
    assert run(evaluate, ["--data", str(tmp_path), "--model", "fields", "--aoi", "a.gpkg"]) == 2
    assert run(evaluate, ["--data", "no.json", "--model", "fields"]) == 1
    assert run(evaluate, ["--data", str(tmp_path), "--model", "fields", "--band", "2"]) == 2
    assert "give either --pred and --truth, or --data and --model" in capsys.readouterr().err
    assert run(evaluate, [*layers[:2], "--truth", "no.gpkg"]) == 1
    assert "Error: no.gpkg: no such file\n" in capsys.readouterr().err


BOXES = [(10, 10, 50, 50), (60, 10, 100, 50), (10, 60, 50, 100)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_constant_bundle(tmp_path / "three.zip", BOXES, [0.9, 0.8, 0.6], gsd=2.0)


def images(folder: Path, pixels: np.ndarray) -> Path:
    """Two images of different sizes; the first and the second box are labelled, in one each."""
    folder.mkdir()
    write_raster(folder / "a.tif", pixels)
    write_raster(folder / "b.tif", pixels[:, :120])
    document = {
        "images": [
            {"id": 7, "file_name": "a.tif", "width": 160, "height": 160, "gsd": 2.0},
            {"id": 9, "file_name": "b.tif", "width": 160, "height": 120, "gsd": 2.0},
        ],
        "categories": [{"id": 0, "name": "field"}],
        "annotations": [
            {
                "id": k, "image_id": image, "category_id": 0, "iscrowd": 0,
                "segmentation": [[x1, y1, x2, y1, x2, y2, x1, y2]],
            }
            for k, (image, (x1, y1, x2, y2)) in enumerate(zip((7, 9), BOXES[:2], strict=True))
        ],
    }  # fmt: skip
    (folder / "coco.json").write_text(json.dumps(document))
    return folder


def test_a_model_on_labelled_images(model: Path, tmp_path: Path) -> None:
    data = images(tmp_path / "data", np.full((3, 160, 160), 90, np.uint8))
    outputs = ["--plots", str(tmp_path / "plots"), "--report", str(tmp_path / "out.html")]
    arguments = ["--data", str(data), "--model", str(model)]
    result = CliRunner().invoke(evaluate, [*arguments, *outputs])
    assert result.exit_code == 0, result.output
    assert "images      2" in result.output
    assert "mask all" in result.output
    assert (tmp_path / "plots/confusion.png").exists()
    assert "Worst images" in (tmp_path / "out.html").read_text(encoding="utf-8")

    result = CliRunner().invoke(evaluate, [*arguments, "--json", "-", "--min-score", "0.85"])
    figures = json.loads(result.output)
    # Six detections, two right: with their best two, one of each.
    assert (figures["detections"], figures["objects"]) == (6, 2)
    assert figures["at_min_score"] == {
        "min_score": 0.85, "precision": 0.5, "recall": 0.5, "f1": 0.5,
    }  # fmt: skip
    assert figures["by_image"][0]["name"] == "a.tif"
    assert figures["confusion"]["true_by_predicted"] == [[1, 1], [1, 0]]


def test_images_the_model_was_not_made_for_are_named(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = images(tmp_path / "data", np.full((1, 160, 160), 90, np.uint16))
    assert run(evaluate, ["--data", str(data), "--model", str(model)]) == 1
    message = (
        "a.tif: has 1 band of uint16 (gray), but the model 'oracle' wants 3 bands of uint8 "
        "(red, green, blue); choose bands with --bands or convert it\n"
    )
    assert message in capsys.readouterr().err
    arguments = ["--data", str(data), "--model", str(model), "--bands", "1"]
    assert run(evaluate, arguments) == 1
    assert "a.tif: has 1 band of uint16, but the model" in capsys.readouterr().err


def test_rasters_with_labels_of_other_names(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two objects are found and labelled; a third is left out by the area of interest."""
    shapes = [shapely.box(*box) for box in BOXES]
    raster = write_scene(tmp_path / "ortho.tif", 160, shapes)
    layer = write_layer(tmp_path / "l.gpkg", shapes, use=["roof", "roof", "shed"])
    area = write_layer(tmp_path / "aoi.gpkg", [shapely.box(0, 0, 160, 55)])
    begin = ["--data", str(raster), "--labels", str(layer), "--model", str(model), "--json", "-"]
    begin += ["--class-attribute", "use", "--bands", "3,2,1"]
    assert run(evaluate, [*begin, "--rename", "roof=field"]) == 1
    assert "unknown class 'shed' in ortho.tif" in capsys.readouterr().err
    begin += ["--rename", "roof=field", "--rename", "shed=field"]
    for options, objects in (([], 3), (["--aoi", str(area)], 2)):
        assert run(evaluate, [*begin, *options]) == 0
        figures = json.loads(capsys.readouterr().out)
        assert (figures["images"], figures["objects"]) == (1, objects)
        assert figures["scores"]["mask AP50"] == pytest.approx(1)


def test_a_folder_that_cannot_take_results_is_told_before_the_work(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(tmp_path), "--model", str(model)]
    assert run(evaluate, [*arguments, "--report", str(tmp_path / "no/out.html")]) == 1
    assert "there is no folder" in capsys.readouterr().err
