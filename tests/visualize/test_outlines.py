"""Outlines over imagery, checked pixel by pixel on small pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from click.testing import CliRunner
from geopandas import GeoDataFrame
from rasterio.enums import ColorInterp
from shapely import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from geomrcnn.cli.main import run
from geomrcnn.cli.preview import preview
from geomrcnn.errors import DataError, OutputError
from geomrcnn.visualize.images import NODATA_GREY, to_rgb
from geomrcnn.visualize.outlines import PALETTE, coverage, draw_outlines
from tests.rasters import NORTH_UP, UTM, write_raster

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
YELLOW, CYAN = PALETTE[:2]


def on_map(shape: BaseGeometry, transform: Affine = NORTH_UP) -> BaseGeometry:
    """A shape in pixels, in map coordinates."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return shapely.transform(shape, lambda p: p @ np.array([[a, d], [b, e]]) + (c, f))


def layer(*shapes: BaseGeometry, crs: str | None = UTM, **columns: list[str]) -> GeoDataFrame:
    return GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def read_png(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        assert file.driver == "PNG"
        return np.moveaxis(file.read(), 0, -1)


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    """100 × 80 pixels of 128, three bands."""
    return write_raster(tmp_path / "grey.tif", np.full((3, 80, 100), 128, np.uint8))


def test_lines_lie_on_the_edges_and_nowhere_else(tmp_path: Path, grey: Path) -> None:
    out = tmp_path / "out.png"
    draw_outlines(grey, layer(on_map(box(20, 30, 60, 50))), out)
    picture = read_png(out)
    assert picture.shape == (80, 100, 3)
    # A line of 2 pixels covers the pixels to either side of the edge, its rim one more.
    for edge in (picture[40, 18:22], picture[28:32, 40], picture[40, 58:62], picture[48:52, 40]):
        assert (edge[1:3] == YELLOW).all()
        assert (edge[[0, 3]] == round(128 * 0.4)).all()
    assert (picture[33:47, 23:57] == 128).all()
    assert (picture[:26] == 128).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grey.tif", "out.png"]


@pytest.mark.parametrize(
    "transform",
    [NORTH_UP @ Affine.rotation(25), NORTH_UP @ Affine.scale(1, -1)],
    ids=["rotated", "south-up"],
)
def test_any_grid_and_any_crs(tmp_path: Path, transform: Affine) -> None:
    raster = write_raster(
        tmp_path / "a.tif", np.full((3, 80, 100), 128, np.uint8), transform=transform
    )
    frame = layer(on_map(box(20, 30, 60, 50), transform)).to_crs(4326)
    draw_outlines(raster, frame, tmp_path / "a.png")
    assert (read_png(tmp_path / "a.png")[40, 19:21] == YELLOW).all()


def test_a_large_raster_is_shown_small(tmp_path: Path, grey: Path) -> None:
    draw_outlines(grey, layer(on_map(box(20, 30, 60, 50))), tmp_path / "a.png", max_side=50)
    picture = read_png(tmp_path / "a.png")
    assert picture.shape == (40, 50, 3)
    assert (picture[20, 9:11] == YELLOW).all()


def test_holes_are_outlined_too(tmp_path: Path, grey: Path) -> None:
    ring = Polygon(box(10, 10, 70, 70).exterior, [box(30, 30, 50, 50).exterior])
    draw_outlines(grey, layer(on_map(ring)), tmp_path / "a.png")
    assert (read_png(tmp_path / "a.png")[40, 29:31] == YELLOW).all()


def test_classes_have_colours(tmp_path: Path, grey: Path) -> None:
    frame = layer(
        on_map(box(5, 5, 20, 20)), on_map(box(40, 5, 60, 20)), **{"class": ["tree", "field"]}
    )
    draw_outlines(grey, frame, tmp_path / "a.png")
    picture = read_png(tmp_path / "a.png")
    assert (picture[12, 39:41] == YELLOW).all()  # "field" comes first
    assert (picture[12, 4:6] == CYAN).all()
    chosen = {"tree": (255, 0, 0)}
    draw_outlines(grey, frame, tmp_path / "a.png", colours=chosen, overwrite=True)
    picture = read_png(tmp_path / "a.png")
    assert (picture[12, 39:41] == YELLOW).all()
    assert (picture[12, 4:6] == (255, 0, 0)).all()


def test_nothing_to_draw(tmp_path: Path, grey: Path) -> None:
    far_away = box(0, 0, 1, 1)
    for frame in (layer(), layer(far_away), layer(far_away).iloc[:0]):
        draw_outlines(grey, frame, tmp_path / "a.png", overwrite=True)
        assert (read_png(tmp_path / "a.png") == 128).all()


def test_bands(tmp_path: Path) -> None:
    pixels = np.stack([np.full((4, 4), value, np.uint8) for value in (10, 20, 30, 40, 255)])
    colours = (ColorInterp.undefined,) * 4 + (ColorInterp.alpha,)
    raster = write_raster(tmp_path / "a.tif", pixels, colours=colours)
    for bands, shown in ((None, (10, 20, 30)), ((4, 3, 2), (40, 30, 20)), ((4,), (40, 40, 40))):
        draw_outlines(raster, layer(), tmp_path / "a.png", bands=bands, overwrite=True)
        assert (read_png(tmp_path / "a.png") == shown).all()


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_one_band_of_wide_range_is_stretched_and_grey(tmp_path: Path, dtype: str) -> None:
    ramp = np.arange(10_000, dtype=dtype).reshape(1, 100, 100)
    ramp[0, 50, 50] = 65_000
    raster = write_raster(tmp_path / "a.tif", ramp, nodata=65_000)
    draw_outlines(raster, layer(), tmp_path / "a.png")
    picture = read_png(tmp_path / "a.png")
    assert (picture[..., 0] == picture[..., 2]).all()
    assert (picture[50, 50] == NODATA_GREY).all()
    assert picture.min() == 0
    assert picture.max() == 255
    assert int(picture[50, 0, 0]) == pytest.approx(127, abs=2)
    black = (picture[..., 0] == 0).mean()
    assert black == pytest.approx(0.02, abs=0.003)


def test_pictures_of_nothing_and_of_one_value() -> None:
    flat = np.full((2, 2, 1), 700, np.uint16)
    assert (to_rgb(flat, np.ones((2, 2), bool)) == 128).all()
    assert (to_rgb(flat, np.zeros((2, 2), bool)) == NODATA_GREY).all()


def test_coverage_is_the_area_of_the_line() -> None:
    line = LineString([(3, 4), (27, 15)])
    got = coverage([line], 2.0, (20, 30))
    assert got.sum() == pytest.approx(line.buffer(1, quad_segs=2).area, rel=0.03)
    assert ((got > 0) & (got < 1)).sum() > 20
    assert not coverage([], 2.0, (20, 30)).any()


def test_without_georeference_on_either_side(tmp_path: Path, grey: Path) -> None:
    plain = tmp_path / "plain.png"
    write_raster(
        plain,
        np.full((3, 80, 100), 128, np.uint8),
        crs=None,
        transform=Affine.identity(),
        driver="PNG",
    )
    draw_outlines(plain, layer(box(20, 30, 60, 50), crs=None), tmp_path / "a.png")
    assert (read_png(tmp_path / "a.png")[40, 19:21] == YELLOW).all()
    with pytest.raises(DataError, match=r"plain\.png has no CRS"):
        draw_outlines(plain, layer(), tmp_path / "b.png")
    with pytest.raises(DataError, match="the layer of features has no CRS"):
        draw_outlines(grey, layer(crs=None), tmp_path / "b.png")


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.jpg", r"must end in \.png"), ("b.png", "exists already"), ("x/a.png", "no folder")],
)
def test_where_no_picture_can_go(tmp_path: Path, grey: Path, name: str, words: str) -> None:
    (tmp_path / "b.png").write_text("mine")
    with pytest.raises(OutputError, match=words):
        draw_outlines(grey, layer(), tmp_path / name)
    assert (tmp_path / "b.png").read_text() == "mine"


# --- the command ---------------------------------------------------------------------------------


def test_preview(tmp_path: Path, grey: Path) -> None:
    features, out = tmp_path / "a.gpkg", tmp_path / "a.png"
    layer(on_map(box(20, 30, 60, 50))).to_file(features)
    arguments = [str(grey), str(features), "--out", str(out)]
    done = CliRunner().invoke(preview, [*arguments, "--max-side", "50"])
    assert done.exit_code == 0, done.output
    assert done.output == f"{out}: 1 features\n"
    assert read_png(out).shape == (40, 50, 3)
    assert CliRunner().invoke(preview, [*arguments, "--overwrite"]).exit_code == 0
    assert read_png(out).shape == (80, 100, 3)


def test_preview_says_what_is_wrong_in_one_line(
    tmp_path: Path, grey: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features, out = tmp_path / "a.gpkg", tmp_path / "a.png"
    layer(on_map(box(20, 30, 60, 50))).to_file(features)
    wrong = {
        "no such file": [str(tmp_path / "no.tif"), str(features), "--out", str(out)],
        "not vector data": [str(grey), str(grey), "--out", str(out)],
        "no folder": [str(grey), str(features), "--out", str(tmp_path / "x/a.png")],
    }
    for words, arguments in wrong.items():
        assert run(preview, arguments) == 1
        message = capsys.readouterr().err
        assert message.startswith("Error: ")
        assert words in message
        assert message.count("\n") == 1
    assert not out.exists()


def test_preview_help_has_examples() -> None:
    done = CliRunner().invoke(preview, ["--help"])
    assert "geomrcnn preview ortho.tif fields.gpkg --out preview.png" in done.output


def test_real_imagery_and_labels(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/naip_fields_us"
    arguments = [
        str(folder / "images/train_08.tif"),
        str(folder / "labels/train_08.geojson"),
        "--out",
        str(tmp_path / "a.png"),
    ]
    assert CliRunner().invoke(preview, arguments).exit_code == 0
    picture = read_png(tmp_path / "a.png")
    assert picture.shape == (1024, 1024, 3)
    assert 0.005 < (picture == YELLOW).all(axis=-1).mean() < 0.05
