"""`--progress jsonl`: the standard output holds events and nothing else, whatever happens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.cli.main import cli, run
from tests.cli.test_train_formats import OPTIONS
from tests.labelled import squares, write_layer, write_scene
from tests.oracles.bundle import write_constant_bundle
from tests.rasters import write_raster

Capture = pytest.CaptureFixture[str]


def events(capsys: Capture, *arguments: object) -> list[dict[str, Any]]:
    """What a command tells that works, each line of it."""
    assert run(cli, [*map(str, arguments), "--progress", "jsonl"]) == 0
    said = capsys.readouterr()
    assert "Error" not in said.err
    return [json.loads(line) for line in said.out.splitlines()]


def kinds(told: list[dict[str, Any]]) -> list[str]:
    """The events, but of those that follow each other the first only."""
    names = [event["event"] for event in told]
    return [name for name, before in zip(names, [None, *names], strict=False) if name != before]


def counted(told: list[dict[str, Any]], unit: str) -> list[tuple[int, int]]:
    return [(event["done"], event["total"]) for event in told if event.get("unit") == unit]


def test_from_an_orthophoto_to_a_model(tmp_path: Path, capsys: Capture) -> None:
    shapes = squares(8, 8, 32, 18)
    raster = write_scene(tmp_path / "ortho.tif", 256, shapes)
    labels = write_layer(tmp_path / "roofs.gpkg", shapes)
    chips, folder, made = tmp_path / "chips", tmp_path / "run", tmp_path / "made.zip"

    told = events(capsys, "chips", raster, "--labels", labels, "--out", chips, "--tile", 64,
                  "--classes", "roof", "--block", 1)  # fmt: skip
    assert kinds(told) == ["start", "progress", "log", "start", "progress", "done"]
    assert counted(told, "windows")[-1] == (16, 16)
    done = told[-1]
    images = sum(count["images"] for count in done["counts"].values())
    assert counted(told, "chips")[-1] == (images, images)
    assert (done["out"], done["classes"]) == (str(chips), ["roof"])
    assert json.loads((chips / "chips.json").read_text())["counts"] == done["counts"]

    told = events(capsys, "train", chips, "--out", folder, *OPTIONS, "--checkpoint-steps", 1)
    assert counted(told, "steps") == [(1, 2), (2, 2)]
    step = next(event for event in told if event.get("unit") == "steps")
    assert step["losses"]["total"] == pytest.approx(
        sum(value for name, value in step["losses"].items() if name != "total")
    )
    assert step["seconds"] > 0
    lines = [event["message"] for event in told if event["event"] == "log"]
    assert any("validation" in line for line in lines)
    assert not any(line.startswith("step 2/2") for line in lines)
    done = told[-1]
    assert (done["event"], done["classes"]) == ("done", ["roof"])
    assert Path(done["report"]).exists()
    assert Bundle.open(done["model"]).card.classes == ("roof",)

    told = events(capsys, "bundle", folder, "--out", made)
    total = json.loads((chips / "chips.json").read_text())["counts"]["val"]["images"]
    assert counted(told, "images")[-1] == (total, total)
    assert told[-1]["out"] == str(made)
    assert told[-1]["bytes"] == made.stat().st_size

    graph = tmp_path / "graph.xml"
    (done,) = events(capsys, "export", made, "--format", "openvino", "--out", graph)
    assert (done["event"], done["out"], done["format"]) == ("done", str(graph), "openvino")

    saved = tmp_path / "saved"  # Keras prints a page when it writes one
    told = events(capsys, "export", made, "--format", "saved-model", "--out", saved)
    assert told[-1]["bytes"] == sum(p.stat().st_size for p in saved.rglob("*") if p.is_file())

    scores, report = tmp_path / "scores.json", tmp_path / "report.html"
    told = events(capsys, "evaluate", "--data", chips, "--model", made, "--json", scores,
                  "--report", report)  # fmt: skip
    assert kinds(told)[-2:] == ["progress", "done"] or kinds(told) == ["start", "done"]
    done = told[-1]
    assert done.pop("event") == "done"
    assert done.pop("written") == [str(scores), str(report)]
    assert done == json.loads(scores.read_text())


def test_layers_and_seams_are_evaluated(tmp_path: Path, capsys: Capture) -> None:
    layer = write_layer(tmp_path / "a.gpkg", squares(2, 2, 32, 18))
    empty = write_layer(tmp_path / "b.gpkg", squares(1, 1, 32, 4))
    told = events(capsys, "evaluate", "--pred", layer, "--truth", empty, "--json", "-",
                  "--plots", tmp_path / "plots")  # fmt: skip
    (done,) = told
    assert (done["predictions"], done["truths"], done["mean_iou"]) == (4, 1, None)
    assert sorted(done["written"]) == sorted(map(str, (tmp_path / "plots").iterdir()))

    raster = write_raster(tmp_path / "a.tif", np.ones((3, 416, 416), np.uint8))
    model = write_constant_bundle(
        tmp_path / "one.zip", [(70, 70, 90, 90)], [0.9], gsd=2.0, tile=160, overlap=32
    )
    told = events(capsys, "evaluate", "--seams", "--image", raster, "--model", model)
    assert kinds(told) == ["start", "progress", "done"]
    assert counted(told, "tiles")[-1] == (25, 25)
    assert told[-1]["objects"] == [9, 16]
    assert told[-1]["written"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("predict no.tif --out a.gpkg", 1),
        ("predict no.tif --out a.gpkg --tile 64 --overlap 64", 2),
        ("predict no.tif --out a.gpkg --min-score 7", 2),
        ("merge no.journal --out a.gpkg", 1),
        ("chips no.tif --labels no.gpkg --out chips", 1),
        ("chips no.tif --out chips", 2),
        ("train no.json --out run --gsd 1", 1),
        ("train no.json --out run --gsd 1 --aoi no.gpkg", 2),
        ("evaluate --pred no.gpkg --truth no.gpkg", 1),
        ("evaluate --data no.json --model fields", 1),
        ("evaluate --seams --image no.tif --model fields", 1),
        ("evaluate --pred no.gpkg", 2),
        ("bundle empty --out a.zip", 1),
        ("export no --format openvino --out a.xml", 1),
        ("export fields --format openvino --out no/a.xml", 1),
    ],
)
def test_what_goes_wrong_is_one_event_and_one_line(
    arguments: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert run(cli, [*arguments.split(), "--progress", "jsonl"]) == code
    said = capsys.readouterr()
    event = json.loads(said.out)
    assert event["event"] == "error"
    errors = [line for line in said.err.splitlines() if line.startswith("Error: ")]
    assert errors == [f"Error: {event['message']}"]
    assert code == 2 or len(said.err.splitlines()) == 1


def test_without_progress_only_facts_are_told(tmp_path: Path, capsys: Capture) -> None:
    shapes = squares(8, 8, 32, 18)
    raster = write_scene(tmp_path / "ortho.tif", 256, shapes)
    labels = write_layer(tmp_path / "roofs.gpkg", shapes)
    data = [raster, "--labels", labels, "--gsd", 2, "--out", tmp_path / "run", *OPTIONS]
    assert run(cli, [*map(str, ["train", *data]), "--progress", "none"]) == 0
    said = capsys.readouterr().out
    assert "anchors fitted" in said
    assert "step 2/2" not in said
    assert "the model; finds object" in said
