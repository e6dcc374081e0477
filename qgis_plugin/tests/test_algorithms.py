"""Every algorithm through qgis_process, with the real geomrcnn and the shipped model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from osgeo import gdal
from profiles import qgis_process

gdal.UseExceptions()


def results(done: subprocess.CompletedProcess[str]) -> dict:
    """What an algorithm gave back."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["results"]


def geomrcnn(interpreter: str, *arguments: object) -> str:
    command = [interpreter, "-I", "-m", "geomrcnn", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def features(path: Path) -> list[tuple[dict, str]]:
    """Attributes and outlines, in the order of the file."""
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    assert dataset is not None
    layer = dataset.GetLayer(0)
    return [(one.items(), one.GetGeometryRef().ExportToWkb().hex()) for one in layer]


def test_the_provider_lists_its_algorithms(profile: Path):
    listed = json.loads(qgis_process(profile, "--json", "list").stdout)
    provider = listed["providers"]["geomrcnn"]
    assert set(provider["algorithms"]) == {
        f"geomrcnn:{name}" for name in ("predict", "chips", "train", "evaluate", "environment")
    }


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ([], []),
        (
            ["MIN_SCORE=0.6", "MIN_AREA=5000", "SHAPE=rectangle", "PRECISION=fp32"],
            ["--min-score", 0.6, "--min-area", 5000, "--shape", "rectangle", "--precision", "fp32"],
        ),
        (
            ["SHARE_EDGES=6", "FILL_HOLES=100", "PARTS=largest", "BANDS=1, 2, 3", "GSD=2.5"],
            ["--share-edges", 6, "--fill-holes", 100, "--parts", "largest", "--bands", "1,2,3",
             "--gsd", 2.5],
        ),
    ],
    ids=["defaults", "shapes", "edges"],
)  # fmt: skip
def test_predict_finds_what_the_command_line_finds(
    profile: Path, interpreter: str, raster: Path, tmp_path: Path, parameters, options
):
    done = qgis_process(
        profile, "--json", "run", "geomrcnn:predict", "--", f"INPUT={raster}",
        f"OUTPUT={tmp_path / 'plugin.gpkg'}", *parameters,
    )  # fmt: skip
    geomrcnn(interpreter, "predict", raster, "--out", tmp_path / "cli.gpkg", *options)
    found = features(tmp_path / "plugin.gpkg")
    assert results(done)["OBJECTS"] == len(found) > 3
    assert found == features(tmp_path / "cli.gpkg")


@pytest.mark.parametrize("ending", ["fgb", "geojson", "shp"])
def test_predict_writes_other_formats(profile: Path, raster: Path, tmp_path: Path, ending: str):
    out = tmp_path / f"fields.{ending}"
    results(
        qgis_process(profile, "--json", "run", "geomrcnn:predict", "--", f"INPUT={raster}",
                     f"OUTPUT={out}")
    )  # fmt: skip
    assert len(features(out)) > 3


def test_predict_within_an_extent_in_another_crs(profile: Path, raster: Path, tmp_path: Path):
    west, east, south, north = geographic_extent(raster)
    half = f"{west},{(west + east) / 2},{south},{north} [EPSG:4326]"
    counts = {}
    for name, extent in {"all": [], "half": [f"EXTENT={half}"]}.items():
        done = qgis_process(
            profile, "--json", "run", "geomrcnn:predict", "--", f"INPUT={raster}",
            f"OUTPUT={tmp_path / name}.gpkg", *extent,
        )  # fmt: skip
        counts[name] = results(done)["OBJECTS"]
    assert 0 < counts["half"] < counts["all"]


def geographic_extent(raster: Path) -> tuple[float, float, float, float]:
    """West, east, south and north."""
    corners = gdal.Info(str(raster), format="json")["wgs84Extent"]["coordinates"][0]
    x, y = zip(*corners)
    return min(x), max(x), min(y), max(y)


def test_chips_train_evaluate(profile: Path, farmland: Path, tmp_path: Path):
    """From an orthophoto and labels to a trained model that predicts, all in the toolbox."""
    ortho, labels = farmland / "ortho.tif", farmland / "labels.gpkg"
    chips = results(
        qgis_process(profile, "--json", "run", "geomrcnn:chips", "--", f"INPUT={ortho}",
                     f"LABELS={labels}", f"OUTPUT={tmp_path / 'chips'}", "TILE=256", "GSD=2")
    )["OUTPUT"]  # fmt: skip
    assert (Path(chips) / "train" / "coco.json").is_file()
    run = results(
        qgis_process(profile, "--json", "run", "geomrcnn:train", "--", f"INPUT={chips}",
                     f"OUTPUT={tmp_path / 'run'}", "STEPS=2", "BATCH=1", "TILE=128", "GSD=2",
                     timeout=400)
    )  # fmt: skip
    assert Path(run["REPORT"]).is_file()
    found = results(
        qgis_process(profile, "--json", "run", "geomrcnn:predict", "--", f"INPUT={ortho}",
                     f"MODEL_FILE={run['MODEL']}", f"OUTPUT={tmp_path / 'found.gpkg'}")
    )  # fmt: skip
    assert found["OBJECTS"] is not None


def test_evaluate_says_what_the_command_line_says(
    profile: Path, interpreter: str, farmland: Path, tmp_path: Path
):
    found, labels = tmp_path / "found.gpkg", farmland / "labels.gpkg"
    geomrcnn(interpreter, "predict", farmland / "ortho.tif", "--out", found)
    told = results(
        qgis_process(profile, "--json", "run", "geomrcnn:evaluate", "--", f"INPUT={found}",
                     f"TRUTH={labels}", f"OUTPUT={tmp_path / 'report.html'}")
    )  # fmt: skip
    scores = json.loads(
        geomrcnn(interpreter, "evaluate", "--pred", found, "--truth", labels, "--json", "-")
    )
    for name in ("precision", "recall", "f1", "mean_iou"):
        assert told[name.upper()] == pytest.approx(scores[name])
    assert "<html" in (tmp_path / "report.html").read_text()


def test_check_the_environment(profile: Path, interpreter: str):
    told = results(qgis_process(profile, "--json", "run", "geomrcnn:environment"))
    assert told["VERSION"] in geomrcnn(interpreter, "--version")
    assert "CPU" in told["DEVICES"]
    assert "fields" in told["MODELS"]
