"""`geomrcnn chips` as a user meets it, and its memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from click.testing import CliRunner
from pycocotools.coco import COCO

from geomrcnn.cli.chips import chips
from geomrcnn.cli.main import run
from geomrcnn.data.opening import open_data, open_splits
from tests.labelled import BRIGHT, squares, write_layer, write_scene
from tests.rasters import NORTH_UP, UTM, write_raster

RING = shapely.box(10, 10, 50, 50).difference(shapely.box(20, 20, 40, 40))
SHAPES = [RING, *squares(8, 8, 64, 24)[1:]]


@pytest.fixture
def scene(tmp_path: Path) -> list[str]:
    raster = write_scene(tmp_path / "ortho.tif", 512, SHAPES)
    kinds = ["ring", *["square"] * 63]
    labels = write_layer(tmp_path / "labels.gpkg", SHAPES, to="EPSG:4326", kind=kinds)
    return [str(raster), "--labels", str(labels), "--class-attribute", "kind", "--tile", "64",
            "--block", "1", "--negatives", "0"]  # fmt: skip


def test_chips_are_cut(scene: list[str], tmp_path: Path) -> None:
    out = tmp_path / "chips"
    result = CliRunner().invoke(chips, [*scene, "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert f"{out / 'train'}: " in result.output
    record = json.loads((out / "chips.json").read_text())
    assert record["classes"] == ["ring", "square"]
    assert record["options"]["tile"] == 64
    assert sum(count["images"] for count in record["counts"].values()) == 64
    total = sum(count["objects"]["square"] for count in record["counts"].values())
    assert total == 63
    assert list(tmp_path.glob(".*")) == []

    splits = open_splits(out, gsd=2.0)
    assert set(splits) == {"train", "val", "test"}
    assert len(open_data(out / "val", gsd=2.0)) == record["counts"]["val"]["images"]


def test_other_tools_read_them(scene: list[str], tmp_path: Path) -> None:
    """Masks, areas and boxes by pycocotools are those of the pixels; GDAL knows where they lie."""
    out = tmp_path / "chips"
    assert run(chips, [*scene, "--out", str(out), "--split", "1", "0", "0"]) == 0
    coco = COCO(str(out / "train/coco.json"))
    names = {category["id"]: category["name"] for category in coco.cats.values()}
    assert len(coco.anns) == 64
    assert len(set(coco.anns)) == 64
    for image in coco.imgs.values():
        (annotation,) = coco.imgToAnns[image["id"]]
        with rasterio.open(out / "train" / image["file_name"]) as chip:
            assert chip.crs.to_epsg() == 32632
            assert chip.descriptions == ("red", "green", "blue")
            assert chip.compression.name == "deflate"
            pixels, bounds = chip.read(1), chip.bounds
        bright = pixels == BRIGHT
        np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), bright)
        assert annotation["area"] == pytest.approx(bright.sum(), abs=0.02)
        rows, columns = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
        box = [columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]]
        np.testing.assert_allclose(annotation["bbox"], box, atol=0.02)
        is_ring = bounds.left == NORTH_UP.c and bounds.top == NORTH_UP.f
        assert names[annotation["category_id"]] == ("ring" if is_ring else "square")
        assert isinstance(annotation["segmentation"], dict) == is_ring


def test_nodata_stays_nodata_and_bands_keep_their_names(tmp_path: Path) -> None:
    pixels = np.full((4, 64, 64), 9, np.uint16)
    pixels[:, :, :10] = 0
    raster = write_raster(tmp_path / "a.tif", pixels, nodata=0)
    with rasterio.open(raster, "r+") as file:
        file.descriptions = ("red", "green", "blue", "nir")
    labels = write_layer(tmp_path / "a.gpkg", [shapely.box(20, 20, 40, 40)])
    out = tmp_path / "chips"
    arguments = [str(raster), "--labels", str(labels), "--out", str(out), "--tile", "64",
                 "--split", "1", "0", "0", "--gsd", "2"]  # fmt: skip
    assert run(chips, arguments) == 0
    dataset = open_data(out, gsd=2.0)
    assert dataset.pixel_type(0).bands == ("red", "green", "blue", "nir")
    assert dataset.pixel_type(0).dtype == "uint16"
    sample = dataset.sample(0)
    assert sample.valid is not None
    np.testing.assert_array_equal(sample.valid, pixels[0] > 0)
    assert json.loads((out / "train/coco.json").read_text())["images"][0]["gsd"] == pytest.approx(
        2.0, rel=0.01
    )


def test_a_folder_of_chips_is_replaced_only_on_demand(scene: list[str], tmp_path: Path) -> None:
    out = tmp_path / "chips"
    assert run(chips, [*scene, "--out", str(out)]) == 0
    assert run(chips, [*scene, "--out", str(out)]) == 1
    (out / "stale.txt").write_text("from before")
    assert run(chips, [*scene, "--out", str(out), "--overwrite"]) == 0
    assert not (out / "stale.txt").exists()
    other = tmp_path / "other"
    other.mkdir()
    assert run(chips, [*scene, "--out", str(other), "--overwrite"]) == 1


def test_rasters_of_like_names_have_chips_of_their_own(tmp_path: Path) -> None:
    rasters = []
    for k, name in enumerate(("x/a.tif", "y/A.tif", "a_1.tif")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        aside = Affine(NORTH_UP.a, 0, NORTH_UP.c + 1000 * k, 0, NORTH_UP.e, NORTH_UP.f)
        rasters.append(str(write_scene(tmp_path / name, 64, [], aside)))
    boxes = [shapely.box(20 + 1000 / NORTH_UP.a * k, 20, 40 + 1000 / NORTH_UP.a * k, 40)
             for k in range(3)]  # fmt: skip
    labels = write_layer(tmp_path / "a.gpkg", boxes)
    out = tmp_path / "chips"
    assert run(chips, [*rasters, "--labels", str(labels), "--out", str(out), "--tile", "64",
                       "--split", "1", "0", "0"]) == 0  # fmt: skip
    found = sorted(path.name for path in (out / "train/images").iterdir())
    assert found == [f"{name}_00000_00000.tif" for name in ("A_3", "a_1", "a_2")]


def test_a_negative_seed_is_refused(scene: list[str], tmp_path: Path) -> None:
    arguments = [*scene, "--out", str(tmp_path / "c"), "--seed", "-1"]
    result = CliRunner().invoke(chips, arguments)
    assert result.exit_code == 2
    assert "'--seed': -1" in result.output


def test_too_few_blocks_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raster = write_scene(tmp_path / "a.tif", 64, [])
    labels = write_layer(tmp_path / "a.gpkg", [shapely.box(20, 20, 40, 40)])
    assert run(chips, [str(raster), "--labels", str(labels), "--out", str(tmp_path / "c")]) == 1
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert "objects in 1 block of tiles" in errors[0]
    assert not (tmp_path / "c").exists()


PEAK = """
import resource, sys
from geomrcnn.cli.chips import chips
from geomrcnn.cli.main import run
code = run(chips, sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak // 1024 if sys.platform == "darwin" else peak)
sys.exit(code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no `resource`")
def test_memory_does_not_grow_with_the_raster(tmp_path: Path) -> None:
    """A raster of 1.2 GB, most of it a hole in the file, against one of 12 MB."""
    peaks = []
    for size in (2_000, 20_000):
        path = tmp_path / f"{size}.tif"
        profile = {"driver": "GTiff", "width": size, "height": size, "count": 3, "dtype": "uint8"}
        with rasterio.open(
            path, "w", **profile, crs=UTM, transform=NORTH_UP, tiled=True, SPARSE_OK=True
        ):
            pass
        step = size / 10
        shapes = [shapely.box(k * step, k * step, k * step + 40, k * step + 40) for k in range(10)]
        labels = write_layer(tmp_path / f"{size}.gpkg", shapes)
        arguments = [str(path), "--labels", str(labels), "--out", str(tmp_path / f"chips_{size}")]
        answer = subprocess.run(
            [sys.executable, "-c", PEAK, *arguments, "--tile", "256", "--block", "1"],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        peaks.append(int(answer.stdout.splitlines()[-1]))
    assert peaks[1] < peaks[0] + 100_000  # KiB
