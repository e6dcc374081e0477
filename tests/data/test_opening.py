"""Every format through the one door, and one clear line for what is wrong with each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely

from geomrcnn.data.opening import open_data, open_splits
from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.errors import GeomrcnnError
from tests.labelled import BRIGHT, DARK, write_layer, write_scene
from tests.layouts import (
    HEIGHT,
    POND,
    ROOF,
    WHOLE,
    WIDTH,
    coco_folder,
    crowdai_folder,
    csv_table,
    mask,
    mask_folders,
    picture,
    write_image,
)

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.mark.parametrize("make", [coco_folder, crowdai_folder, csv_table, mask_folders])
def test_one_picture_in_every_format(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    dataset = open_data(make(tmp_path), gsd=None)
    assert (len(dataset), dataset.classes) == (2, ("pond", "roof"))
    assert (dataset.report.images, dataset.report.instances) == (2, 2)
    sample = dataset.sample(0)
    assert sample.image.shape == (HEIGHT, WIDTH, 3)
    boxes = {dataset.classes[i.class_id - 1]: i.box for i in sample.instances}
    assert boxes == {"roof": ROOF.bounds, "pond": POND.bounds}
    bright = sample.image[..., 0] > (BRIGHT + DARK) / 2
    labelled = sum(pixel_mask(i.geometry, WHOLE) for i in sample.instances)
    assert (bright != labelled.astype(bool)).mean() < 0.01  # JPEG blurs edges
    assert dataset.sample(1).instances == ()


def test_rasters_and_labels_without_chips(tmp_path: Path) -> None:
    raster = write_scene(tmp_path / "a.tif", 64, [ROOF])
    labels = write_layer(tmp_path / "a.gpkg", [ROOF], to="EPSG:4326")
    dataset = open_data(raster, gsd=4.0, labels=labels, classes=("roof",))
    assert dataset.classes == ("roof",)
    assert dataset.gsd(0) == 4.0
    assert dataset.sample(0).instances[0].geometry.area == pytest.approx(ROOF.area / 4, rel=0.01)
    assert str(dataset.report).startswith("1 images, 1 objects")


def test_splits_are_found(tmp_path: Path) -> None:
    for name in ("train", "val"):
        coco_folder(tmp_path / name)
    assert set(open_splits(tmp_path, gsd=None)) == {"train", "val"}
    assert set(open_splits(tmp_path / "val", gsd=None)) == {"train"}
    assert len(open_data(tmp_path, gsd=None)) == 2


def broken_coco(change: Callable[[dict], None]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = coco_folder(folder) / "coco.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))
        return path

    return make


def broken_csv(line: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        table = csv_table(folder)
        table.write_text(table.read_text() + line + "\n")
        return table

    return make


def broken_json(folder: Path) -> Path:
    (folder / "coco.json").write_text('{"images": [')
    return folder


def wrong_mask(folder: Path) -> Path:
    mask_folders(folder)
    write_image(folder / "00001/00001-roof-1.png", mask(ROOF, (HEIGHT, WIDTH - 1)))
    return folder


def nameless_mask(folder: Path) -> Path:
    mask_folders(folder)
    write_image(folder / "00001/roof.png", mask(ROOF))
    return folder


def folder_without_image(folder: Path) -> Path:
    mask_folders(folder)
    (folder / "00003").mkdir()
    return folder


def small_mask(folder: Path) -> Path:
    write_image(folder / "masks/small.png", mask(ROOF, (40, 40)))
    return broken_csv("images/a.png,10,10,30,20,roof,masks/small.png")(folder)


def bad_classes(folder: Path) -> Path:
    table = csv_table(folder)
    (folder / "classes.csv").write_text("pond,0\nroof,zero\n")
    return table


def move_out(document: dict) -> None:
    document["annotations"][1]["segmentation"] = [[70, 5, 80, 5, 80, 9]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (broken_json, r"coco\.json: not a JSON file"),
        (broken_coco(lambda d: d["images"][1].update(file_name="c.png")), "image c.png not found"),
        (broken_coco(move_out), r"annotation 1 of image a\.png: lies outside, at x 70 to 80"),
        (broken_coco(lambda d: d["annotations"][0].update(category_id=3)),
         "annotation 0: there is no category with id 3"),
        (broken_coco(lambda d: d["annotations"].clear()),
         "no labelled object in the 2 images for train"),
        (broken_csv("images/c.png,1,1,9,9,roof,masks/both.png"), r"line 4: there is no image .*c"),
        (broken_csv("images/a.png,1,1,9,roof,masks/both.png"), "line 4: has 6 columns"),
        (broken_csv("images/a.png,9,1,1,9,roof,masks/both.png"), "line 4: the box 9,1,1,9 must be"),
        (broken_csv("images/a.png,a,1,1,9,roof,masks/both.png"), "line 4: the box .* not four"),
        (broken_csv("images/a.png,1,1,99,9,roof,masks/both.png"), "line 4: the box reaches beyond"),
        (broken_csv("images/a.png,10,10,30,20,tree,masks/both.png"), "line 4: class 'tree' is not"),
        (broken_csv("images/a.png,10,10,30,20,roof,masks/no.png"), r"line 4: .*no\.png: no such"),
        (broken_csv("images/a.png,1,40,9,49,roof,masks/both.png"), "line 4: .* is empty within"),
        (broken_csv("images/a.png,1,40,9,49,,"), "line 4: the class or the mask is missing"),
        (small_mask, "line 4: the mask small.png is 40x40 pixels, its image 60x50"),
        (bad_classes, r"classes\.csv, line 2: must be name,id"),
        (wrong_mask, r"00001-roof-1\.png: the mask .* is 59x50 pixels, its image 60x50"),
        (nameless_mask, r"roof\.png: a mask must be named image-class-number: 00001-roof-0\.png"),
        (folder_without_image, r"00003: there is no image 00003\.jpg"),
        (lambda folder: folder, "a folder of nothing that can be trained on; data can be a COCO"),
        (lambda folder: folder / "no", "no such file or folder"),
        (lambda folder: write_scene(folder / "a.tif", 8, []), r"not recognised; .*with --labels"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    path = make(tmp_path)
    with pytest.raises(GeomrcnnError, match=message) as caught:
        open_data(path, gsd=None)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_reader_of_ones_own(tmp_path: Path) -> None:
    """The code on the page does what the page says."""
    page = (Path(__file__).parents[2] / "docs/training-data.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example is not None
    names: dict[str, Any] = {}
    exec(example[1], names)
    write_image(tmp_path / "a.png", picture(ROOF))
    x, y = shapely.get_coordinates(ROOF).T.tolist()
    shape = {"name": "polygon", "all_points_x": x, "all_points_y": y}
    region = {"shape_attributes": shape, "region_attributes": {}}
    export = {"a.png1234": {"filename": "a.png", "size": 1234, "regions": [region]}}
    (tmp_path / "via.json").write_text(json.dumps(export))
    balloons = names["Balloons"](tmp_path / "via.json")
    assert (len(balloons), balloons.classes, balloons.report.instances) == (1, ("balloon",), 1)
    assert balloons.sample(0).instances[0].box == ROOF.bounds
