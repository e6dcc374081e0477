"""What a command line names, and which rasters that is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from geomrcnn.errors import RasterError
from geomrcnn.inference.inputs import expand


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.tif", "a.TIF", "c.vrt", "notes.md", "a.tif.aux.xml", "a.gpkg"):
        (tmp_path / name).write_text("")
    return tmp_path


def test_a_folder_stands_for_its_rasters(folder: Path) -> None:
    assert expand([folder]) == [str(folder / name) for name in ("a.TIF", "b.tif", "c.vrt")]


def test_patterns_and_repetitions(folder: Path) -> None:
    assert expand([f"{folder}/*.tif", folder / "b.tif", folder / "c.vrt"]) == [
        str(folder / "b.tif"),
        str(folder / "c.vrt"),
    ]
    with pytest.raises(RasterError, match=r"\*\.jp2: there is no raster there"):
        expand([f"{folder}/*.jp2"])


def test_a_file_with_a_star_in_its_name_is_a_file(folder: Path) -> None:
    (folder / "a[1].tif").write_text("")
    assert expand([folder / "a[1].tif"]) == [str(folder / "a[1].tif")]


@pytest.mark.parametrize(
    "name",
    ["no.tif", "/vsicurl/https://host/a.tif?x=1", "https://host/{z}/{x}/{y}.png", "<GDAL_WMS>"],
)
def test_all_else_is_for_gdal_to_judge(name: str) -> None:
    assert expand([name]) == [name]


def test_a_list_is_relative_to_itself(folder: Path) -> None:
    (folder / "list.txt").write_text(
        "b.tif  # the first\n\n# all others\n/data/x.tif\n/vsis3/b/c.tif\n"
    )
    assert expand([folder / "list.txt"]) == [
        str(folder / "b.tif"), "/data/x.tif", "/vsis3/b/c.tif",
    ]  # fmt: skip
    (folder / "empty.txt").write_text("# nothing\n")
    with pytest.raises(RasterError, match=r"empty\.txt: there is no raster there"):
        expand([folder / "empty.txt"])


def item(assets: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "stac_version": "1.0.0", "assets": assets}


def test_stac_items_stand_for_their_images(folder: Path) -> None:
    tiff = "image/tiff; application=geotiff; profile=cloud-optimized"
    items = [
        item({"thumbnail": {"href": "t.png"}, "visual": {"href": "./b.tif"}}),
        item({"meta": {"href": "m.xml"}, "B04": {"href": "https://host/x.tif", "type": tiff}}),
        item({"meta": {"href": "m.xml"}, "ortho": {"href": "../o.tif", "roles": ["data"]}}),
    ]
    path = folder / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    assert expand([path]) == [
        str(folder / "b.tif"), "https://host/x.tif", str(folder.parent / "o.tif"),
    ]  # fmt: skip
    path.write_text(json.dumps(items[0]))
    assert expand([path]) == [str(folder / "b.tif")]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "7", '{"features": [{"assets": {}}]}', '{"features": [1]}', '{"type": "Point"}',
     json.dumps(item({"thumbnail": {"href": "t.png"}}))],
)  # fmt: skip
def test_other_json_is_refused_in_one_line(text: str, folder: Path) -> None:
    (folder / "x.json").write_text(text)
    with pytest.raises(
        RasterError, match=r"x\.json: not a STAC item, or collection of items"
    ) as error:
        expand([folder / "x.json"])
    assert "\n" not in str(error.value)


def test_json_that_is_nested_too_deep_is_refused(folder: Path) -> None:
    (folder / "x.json").write_text('{"features": ' * 100_000)
    with pytest.raises(RasterError, match=r"x\.json: not a STAC item"):
        expand([folder / "x.json"])


def test_json_that_is_no_text_is_refused_in_one_short_line(folder: Path) -> None:
    (folder / "x.json").write_bytes(b'{"features": "\xfc", ' + 5000 * b" " + b"}")
    with pytest.raises(RasterError, match=r"x\.json: not a STAC item") as refused:
        expand([folder / "x.json"])
    assert len(str(refused.value)) < 400


def test_names_that_no_file_can_have_are_for_gdal_to_judge() -> None:
    assert expand(["x" * 400, "a\0b"]) == ["x" * 400, "a\0b"]
