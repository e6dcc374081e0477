"""Tiles from a server that cuts them from a raster, as a raster again."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.io import MemoryFile

from geomrcnn.errors import RasterError, RasterLostError
from geomrcnn.raster.samples import sample
from geomrcnn.raster.source import RasterSource, open_raster
from geomrcnn.raster.tile import Window
from geomrcnn.raster.tile_service import HALF_WORLD, Bounds, is_template, zoom_level
from tests.servers import Answer, Server, failing_first, serving

LEVEL = 16
TILES = 2**LEVEL
SIDE = 2 * HALF_WORLD / TILES
COLUMN, ROW = 33_500, 22_800
PLACE = Bounds(4.020, 48.27, 4.043, 48.28)
"""Some tiles around (COLUMN, ROW), in the north of France."""
GSD = 1.6
"""Of level 16 there."""


def colour(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The world's colour at pixels of level 16: [..., 3]."""
    return np.stack([column % 251, row % 241, (column + row) % 239], axis=-1).astype(np.uint8)


def tile_png(level: int, column: int, row: int, alpha: bool = False) -> bytes:
    step = 2 ** (LEVEL - level)
    rows, columns = np.mgrid[:256, :256] * step
    pixels = colour(columns + column * 256 * step, rows + row * 256 * step)
    bands = np.moveaxis(pixels, -1, 0)
    if alpha:
        bands = np.concatenate([bands, np.where(np.arange(256) < 100, 0, 255)[None, None]
                                .repeat(256, axis=1).astype(np.uint8)])  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(
            driver="PNG", width=256, height=256, count=len(bands), dtype="uint8",
            crs="EPSG:3857", transform=Affine.scale(2),
        ) as file:  # fmt: skip
            file.write(bands)
        return bytes(memory.read())


def xyz(path: str, _: str | None) -> Answer:
    """What a tile server answers; it lacks every tile whose column is a multiple of 10."""
    found = re.match(r"/(a/)?(\d+)/(\d+)/(\d+)\.png", path)
    assert found, path
    level, column, row = (int(part) for part in found.groups()[1:])
    if level == LEVEL and column % 10 == 0:
        return Answer(404, b"none here")
    return Answer(200, tile_png(level, column, row, alpha=bool(found[1])))


def tms(path: str, _: str | None) -> Answer:
    level, column, row = (int(part) for part in re.findall(r"\d+", path)[:3])
    return xyz(f"/{level}/{column}/{2**level - 1 - row}.png", None)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.01")


@pytest.fixture
def tiles() -> Iterator[Server]:
    with serving(xyz) as server:
        yield server


def opened(url: str, gsd: float = GSD) -> RasterSource:
    return open_raster(url, gsd=gsd, within=PLACE, bands=(1, 2, 3))


def check(source: RasterSource) -> None:
    """All pixels show the colour of their place, but where the server has no tile."""
    got, valid = source.read(Window(0, 0, source.width, source.height))
    first = ~Affine(SIDE / 256, 0, -HALF_WORLD, 0, -SIDE / 256, HALF_WORLD) @ (
        source.transform.c,
        source.transform.f,
    )
    columns = round(first[0]) + np.arange(source.width)
    rows = round(first[1]) + np.arange(source.height)
    want = colour(*np.broadcast_arrays(columns[None], rows[:, None]))
    there = np.broadcast_to(columns // 256 % 10 != 0, valid.shape)
    np.testing.assert_array_equal(valid, there)
    np.testing.assert_array_equal(got[valid], want[there])


def test_pixels_are_those_of_the_place(tiles: Server) -> None:
    with opened(f"{tiles.url}/{{z}}/{{x}}/{{y}}.png") as source:
        assert source.native_gsd == pytest.approx(1.589, abs=0.01)
        assert source.dtype == "uint8"
        assert source.band_names == ("red", "green", "blue")
        assert 900 < source.width < 1200
        assert 500 < source.height < 1000
        check(source)
    assert len(set(tiles.seen)) == len(tiles.seen)  # no tile is asked for twice


def test_rows_may_count_from_the_south() -> None:
    with serving(tms) as server, opened(f"{server.url}/{{z}}/{{x}}/{{-y}}.png") as source:
        check(source)


def test_the_level_follows_from_the_size_of_pixels(tiles: Server) -> None:
    with opened(f"{tiles.url}/{{z}}/{{x}}/{{y}}.png", gsd=5.0) as source:
        assert source.native_gsd == pytest.approx(3.18, abs=0.02)
        source.read(Window(0, 0, 64, 64))
    assert all(path.startswith("/15/") for path in tiles.seen)


@pytest.mark.parametrize("latitude", [0.0, -35.0, 67.0])
@pytest.mark.parametrize("gsd", [0.1, 0.5, 2.0, 77.0])
def test_levels_are_just_fine_enough(gsd: float, latitude: float) -> None:
    level = zoom_level(gsd, latitude)
    size = 40_075_016.686 * math.cos(math.radians(latitude)) / 256 / 2**level
    assert size <= gsd * 1.011
    assert size > gsd / 2


def test_transparent_pixels_are_no_data(tiles: Server) -> None:
    with opened(f"{tiles.url}/a/{{z}}/{{x}}/{{y}}.png") as source:
        _, valid = source.read(Window(0, 0, source.width, source.height))
    assert 0.2 < valid.mean() < 0.8


def test_a_look_at_the_whole_asks_for_few_tiles(tiles: Server) -> None:
    with opened(f"{tiles.url}/{{z}}/{{x}}/{{y}}.png", gsd=0.2) as source:
        values = sample(source)
    assert len(values) > 100_000
    assert len(tiles.seen) < 40


@pytest.mark.parametrize("status", [500, 503, 429])
def test_failures_that_pass_are_waited_for(status: int) -> None:
    with (
        serving(failing_first(xyz, status, times=2)) as server,
        opened(f"{server.url}/{{z}}/{{x}}/{{y}}.png") as source,
    ):
        check(source)


def one_tile(source: RasterSource) -> None:
    source.read(Window(300, 300, 10, 10))


def test_a_tile_that_always_fails_is_one_line_about_its_place() -> None:
    with (
        serving(lambda path, _: Answer(500, b"<html>\noops")) as server,
        opened(f"{server.url}/{{z}}/{{x}}/{{y}}.png?token=geheim") as source,
        pytest.raises(RasterError, match=r"rows \d+ .* cannot be read: .* error 500$") as caught,
    ):
        one_tile(source)
    assert not isinstance(caught.value, RasterLostError)
    assert "geheim" not in str(caught.value)
    assert "token=***" in str(caught.value)


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_lets_nobody_in_is_lost(status: int) -> None:
    with (
        serving(lambda path, _: Answer(status)) as server,
        opened(f"{server.url}/{{z}}/{{x}}/{{y}}.png") as source,
        pytest.raises(RasterLostError, match=f"error {status}$"),
    ):
        one_tile(source)


def test_a_server_that_is_down_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(xyz) as server:
        url = server.url
    with (
        opened(f"{url}/{{z}}/{{x}}/{{y}}.png") as source,
        pytest.raises(RasterLostError, match=r"127\.0\.0\.1.*ould not connect|refused"),
    ):
        one_tile(source)


@pytest.mark.parametrize(
    ("template", "options", "message"),
    [
        ("http://h/{z}/{x}/{y}.png?key=abc", {"gsd": 1.0}, r"key=\*\*\*.*covers the world.*--aoi"),
        ("http://h/{z}/{x}/{y}.png", {"within": PLACE}, "--gsd"),
        ("http://{s}.h/{z}/{x}/{y}.png", {"gsd": 1.0, "within": PLACE}, r"'\{s\}' is none of"),
        (
            "http://h/{z}/{x}/{y}.png",
            {"gsd": 1.0, "within": Bounds(0, 88, 1, 89)},
            "ends at 85.05 degrees",
        ),
    ],
)
def test_what_is_refused(template: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(RasterError, match=message):
        open_raster(template, **options)  # type: ignore[arg-type]


def test_what_is_a_template() -> None:
    assert is_template("https://h/{z}/{x}/{y}.png")
    assert is_template("https://h?x={x}&y={-y}&z={z}")
    assert not is_template("https://h/{z}/{x}.png")
    assert not is_template("folder/{z}/{x}/{y}.png")


# --- services that describe themselves -----------------------------------------------------------

CAPABILITIES = """<?xml version="1.0"?>
<Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1"
 version="1.0.0"><Contents><Layer><ows:Title>world</ows:Title><ows:Identifier>world</ows:Identifier>
<Style isDefault="true"><ows:Identifier>default</ows:Identifier></Style>
<Format>image/png</Format><TileMatrixSetLink><TileMatrixSet>web</TileMatrixSet></TileMatrixSetLink>
<ResourceURL format="image/png" resourceType="tile"
 template="{url}/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.png"/></Layer>
<TileMatrixSet><ows:Identifier>web</ows:Identifier>
<ows:SupportedCRS>urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>{levels}</TileMatrixSet>
</Contents></Capabilities>"""


def with_capabilities(url: Callable[[], str]) -> Callable[[str, str | None], Answer]:
    levels = "".join(
        f"<TileMatrix><ows:Identifier>{level}</ows:Identifier><ScaleDenominator>"
        f"{2 * HALF_WORLD / 256 / 2**level / 0.00028}</ScaleDenominator>"
        f"<TopLeftCorner>{-HALF_WORLD} {HALF_WORLD}</TopLeftCorner><TileWidth>256</TileWidth>"
        f"<TileHeight>256</TileHeight><MatrixWidth>{2**level}</MatrixWidth>"
        f"<MatrixHeight>{2**level}</MatrixHeight></TileMatrix>"
        for level in range(LEVEL + 1)
    )

    def answer(path: str, wanted: str | None) -> Answer:
        if path.startswith("/wmts"):
            return Answer(200, CAPABILITIES.format(url=url(), levels=levels).encode())
        return xyz(path, wanted)

    return answer


def test_wmts_is_cut_to_the_area_and_read_at_the_level_that_is_fine_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GDAL_ENABLE_WMS_CACHE", "NO")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    address: list[str] = []
    with serving(with_capabilities(lambda: address[0])) as server:
        address.append(server.url)
        connection = f"WMTS:{server.url}/wmts.xml,layer=world"
        with opened(connection) as source:
            assert source.native_gsd == pytest.approx(1.589, abs=0.01)
            check(source)
        server.seen.clear()
        with opened(connection, gsd=13.0) as source:
            source.read(Window(0, 0, source.width, source.height))
        assert {path.split("/")[1] for path in server.seen if path.endswith("png")} == {"14"}
        with pytest.raises(RasterError, match="covers the world; say where to look with --aoi"):
            open_raster(connection)
