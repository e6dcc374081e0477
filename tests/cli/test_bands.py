"""Imagery of four and twelve bands from the first command to the last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import geopandas
import numpy as np
import pytest
import rasterio
from click import Command
from click.testing import CliRunner

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.cli.bundle import bundle
from geomrcnn.cli.main import run
from geomrcnn.cli.predict import predict
from geomrcnn.cli.sample import sample
from geomrcnn.cli.train import train
from geomrcnn.errors import DataError
from geomrcnn.training.run import RunConfig

SCENES = ("--scenes", 3, "--size", 128, "--gsd", 6)
STEPS = ("--gsd", 6, "--steps", 12, "--tile", 128, "--batch", 1, "--checkpoint-steps", 12)


def call(command: Command, *arguments: object) -> str:
    """The output of a command that succeeds."""
    result = CliRunner().invoke(command, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


class Trained(NamedTuple):
    folder: Path
    said: str


@pytest.fixture(scope="module", params=[(4, "uint16"), (12, "uint16")], ids=str)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A folder with scenes, a raster to look at, a run and its bundle."""
    bands, dtype = request.param
    folder = tmp_path_factory.mktemp(f"bands{bands}")
    more = ("--bands", bands, "--dtype", dtype)
    call(sample, folder / "scenes", *SCENES, *more)
    call(sample, folder / "look", "--size", 128, "--gsd", 6, "--seed", 9, *more)
    said = call(train, folder / "scenes", "--out", folder / "run", *STEPS)
    call(bundle, folder / "run", "--out", folder / "model.zip")
    return Trained(folder, said)


def test_the_card_says_what_was_seen(trained: Trained) -> None:
    card = Bundle.open(trained.folder / "model.zip").card
    with rasterio.open(trained.folder / "scenes/images/scene_0000.tif") as raster:
        assert card.bands == raster.descriptions
        assert card.dtype == raster.dtypes[0]
    assert f"pixels of {card.dtype}, scaled by what was measured: {card.bands[0]} " in trained.said
    measured = RunConfig.read(trained.folder / "run").statistics._asdict()
    assert len(set(card.mean)) == len(card.bands)
    # ImageNet's deviation of 58 becomes 0.45 by the scaling the weights were learnt with.
    np.testing.assert_allclose(np.array(card.std) * 0.45, measured["std"], rtol=0.02)


def test_the_model_runs_on_a_raster(trained: Trained) -> None:
    out = trained.folder / "fields.gpkg"
    more = ("--model", trained.folder / "model.zip", "--min-score", 0.05, "--overwrite")
    said = call(predict, trained.folder / "look/ortho.tif", "--out", out, *more)
    assert " in 1 tile in " in said
    frame = geopandas.read_file(out)
    assert set(frame.columns) == {
        "class", "score", "area_m2", "fragments", "status", "tile", "geometry"
    }  # fmt: skip


def test_bands_are_found_by_their_names(trained: Trained, tmp_path: Path) -> None:
    turned, files = tmp_path / "turned.tif", []
    with rasterio.open(trained.folder / "look/ortho.tif") as source:
        order = [*range(source.count, 0, -1)]
        with rasterio.open(turned, "w", **{**source.profile, "photometric": "MINISBLACK"}) as sink:
            sink.write(source.read(order))
            sink.descriptions = [source.descriptions[band - 1] for band in order]
    for raster in (turned, trained.folder / "look/ortho.tif"):
        files.append(tmp_path / raster.stem / "fields.geojson")
        files[-1].parent.mkdir()
        more = ("--model", trained.folder / "model.zip", "--min-score", 0.05)
        call(predict, raster, "--out", files[-1], *more)
    one, other = (json.loads(file.read_bytes()) for file in files)  # but for what made them
    assert one["features"] == other["features"]
    assert len(one["features"]) > 0


def test_other_imagery_is_refused_in_a_line(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(sample, tmp_path / "plain", "--size", 64, "--gsd", 6)
    raster, out = tmp_path / "plain/ortho.tif", tmp_path / "out.gpkg"
    model = str(trained.folder / "model.zip")
    assert run(predict, [str(raster), "--out", str(out), "--model", model]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Error: {raster}: 3 bands of uint8 (red, green, blue), but the model ")
    assert error.count("\n") == 1
    assert not out.exists()


def test_a_resumed_run_keeps_what_it_measured(trained: Trained) -> None:
    before = (trained.folder / "run/run.toml").read_text()
    for path in (trained.folder / "scenes/images").iterdir():
        with rasterio.open(path, "r+") as raster:
            raster.write(raster.read() // 2)
    said = call(
        train, trained.folder / "scenes", "--out", trained.folder / "run", *STEPS, "--resume"
    )
    assert "resuming after step 12" in said
    assert (trained.folder / "run/run.toml").read_text() == before


def test_images_of_two_kinds_are_refused(tmp_path: Path) -> None:
    for bands in (3, 4):
        call(
            sample, tmp_path / str(bands), "--scenes", 2, "--size", 64, "--gsd", 6, "--bands", bands
        )
    both = [str(tmp_path / "3"), str(tmp_path / "4"), "--out", str(tmp_path / "run"), "--gsd", "6"]
    result = CliRunner().invoke(train, both)
    assert isinstance(result.exception, DataError)
    assert str(result.exception).startswith("images/scene_0000.tif: 4 bands of uint8 (red, ")
    assert not (tmp_path / "run").exists()
