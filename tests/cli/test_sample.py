"""`geomrcnn sample`: what it writes can be read by everyone, and nothing is half-written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from click.testing import CliRunner, Result
from rasterio.enums import ColorInterp
from rasterio.features import rasterize

from geomrcnn.cli.sample import sample
from geomrcnn.data.landscape import Survey, landscape, write
from geomrcnn.errors import OutputError
from geomrcnn.raster.source import open_raster


def run(*arguments: object) -> Result:
    return CliRunner().invoke(sample, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "demo"
    result = run(folder, "--size", 300, "--gsd", 2, "--seed", 5)
    assert result.exit_code == 0, result.output
    assert str(folder / "ortho.tif") in result.output
    assert str(folder / "labels.gpkg") in result.output
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "training"
    result = run(folder, "--size", 200, "--scenes", 3, "--gsd", 1.5, "--seed", 7)
    assert result.exit_code == 0, result.output
    return folder


def test_the_image_is_a_plain_orthophoto(example: Path) -> None:
    with rasterio.open(example / "ortho.tif") as raster:
        assert raster.crs == "EPSG:26915"
        assert raster.res == (2.0, 2.0)
        assert raster.shape == (300, 300)
        assert raster.dtypes == ("uint8",) * 3
        assert raster.descriptions == ("red", "green", "blue")
        assert raster.colorinterp == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        assert raster.profile["tiled"]
        assert raster.profile["compress"] == "deflate"
        assert raster.nodata is None
        scene = landscape(5, (300, 300), 2.0)
        assert np.array_equal(raster.read(), np.moveaxis(scene.image, 2, 0))


def test_the_place_is_in_iowa(example: Path) -> None:
    with rasterio.open(example / "ortho.tif") as raster:
        longitude, latitude = raster.lnglat()
    assert -96.5 < longitude < -90.2
    assert 40.4 < latitude < 43.5


def test_labels_lie_on_the_fields(example: Path) -> None:
    labels = pyogrio.read_dataframe(example / "labels.gpkg")
    scene = landscape(5, (300, 300), 2.0)
    assert len(labels) == len(scene.fields) > 0
    assert set(labels["class"]) == {"field"}
    assert labels.crs == "EPSG:26915"
    with rasterio.open(example / "ortho.tif") as raster:
        on_map = rasterize(labels.geometry, raster.shape, transform=raster.transform)
    assert np.array_equal(on_map, rasterize(scene.fields, (300, 300)))


def test_the_geopackage_is_version_1_3(example: Path) -> None:
    header = (example / "labels.gpkg").read_bytes()[:72]
    assert header[68:72] == b"GPKG"
    assert int.from_bytes(header[60:64], "big") == 10300


def test_a_data_set_loads_with_pycocotools(dataset: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco").COCO(str(dataset / "coco.json"))
    assert coco.loadCats(coco.getCatIds()) == [{"id": 1, "name": "field", "supercategory": "land"}]
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == [
        f"images/scene_{k:04d}.tif" for k in range(3)
    ]
    assert len(coco.anns) > 3
    for annotation in coco.anns.values():
        x, y, width, height = annotation["bbox"]
        assert 0 <= x < x + width <= 200
        assert 0 <= y < y + height <= 200
        assert coco.annToMask(annotation).sum() == pytest.approx(annotation["area"], rel=0.1)


def test_every_scene_of_a_data_set_is_another(dataset: Path) -> None:
    images = []
    for k in range(3):
        with rasterio.open(dataset / f"images/scene_{k:04d}.tif") as raster:
            assert raster.res == (1.5, 1.5)
            images.append(raster.read())
    assert not np.array_equal(images[0], images[1])
    assert np.array_equal(np.moveaxis(images[2], 0, 2), landscape(9, (200, 200), 1.5).image)


def test_a_full_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    result = run(tmp_path, "--size", 64)
    assert isinstance(result.exception, OutputError)
    assert "--overwrite" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_overwriting_keeps_what_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    (tmp_path / "ortho.tif").write_text("old")
    assert run(tmp_path, "--size", 64, "--overwrite").exit_code == 0
    assert (tmp_path / "mine.txt").read_text() == "keep me"
    with rasterio.open(tmp_path / "ortho.tif") as raster:
        assert raster.width == 64


def test_an_empty_folder_may_be_there_already(tmp_path: Path) -> None:
    assert run(tmp_path, "--size", 64).exit_code == 0
    assert (tmp_path / "ortho.tif").is_file()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    result = run(path, "--size", 64)
    assert isinstance(result.exception, OutputError)
    assert "is a file" in str(result.exception)


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "out"

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write.write_dataset(folder, 2, 64, 1.0, 0, overwrite=False, on_scene=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [("--size", 10), ("--gsd", 0), ("--scenes", 0), ("--seed", -1), ("--size", "big")]
)
def test_senseless_options_are_usage_errors(tmp_path: Path, arguments: tuple[object, ...]) -> None:
    result = run(tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_help_shows_examples() -> None:
    result = run("--help")
    assert "geomrcnn sample demo" in result.output
    assert "coco.json" in result.output


@pytest.mark.parametrize(("bands", "dtype"), [(4, "uint8"), (4, "uint16"), (12, "uint16")])
def test_further_bands_have_names(tmp_path: Path, bands: int, dtype: str) -> None:
    result = run(tmp_path / "out", "--size", 96, "--gsd", 4, "--bands", bands, "--dtype", dtype)
    assert result.exit_code == 0, result.output
    path = tmp_path / "out/ortho.tif"
    with rasterio.open(path) as raster:
        assert raster.count == bands
        assert set(raster.dtypes) == {dtype}
        assert ColorInterp.alpha not in raster.colorinterp
        red = raster.colorinterp.index(ColorInterp.red)
        assert raster.descriptions[red] == ("red" if bands == 4 else "b04")
        survey = Survey(bands, dtype)
        expected = landscape(0, (96, 96), 4.0, survey).image
        assert np.array_equal(raster.read(), np.moveaxis(expected, 2, 0))
    with open_raster(path) as source:
        assert source.band_names == survey.film.names


def test_another_look_is_another_land(tmp_path: Path) -> None:
    assert run(tmp_path / "a", "--size", 64, "--gsd", 4, "--bands", 4).exit_code == 0
    assert (
        run(tmp_path / "b", "--size", 64, "--gsd", 4, "--bands", 4, "--look", "alike").exit_code
        == 0
    )
    with (
        rasterio.open(tmp_path / "a/ortho.tif") as one,
        rasterio.open(tmp_path / "b/ortho.tif") as two,
    ):
        assert not np.array_equal(one.read(), two.read())
