"""Rasters of odd shapes, in odd places, and rasters that are no longer what they were."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.rpc import RPC

from geomrcnn.errors import RasterError, RasterLostError
from geomrcnn.raster.grid import TileGrid, tiles
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.rasters import NORTH_UP, write_raster

# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (65, 64), (64, 65), (3, 20_000), (20_000, 3)])
@pytest.mark.parametrize("gsd", [None, 7.0])
def test_tiles_cover_rasters_of_any_shape(
    tmp_path: Path, size: tuple[int, int], gsd: float | None
) -> None:
    pixels = np.arange(size[0] * size[1], dtype=np.uint32).reshape(1, *size) % 251
    path = write_raster(tmp_path / "a.tif", (pixels + 1).astype(np.uint8))
    with open_raster(path, gsd=gsd) as source:
        seen = np.zeros((source.height, source.width), bool)
        for tile in tiles(source, TileGrid(source.width, source.height, 64, 16)):
            rows, columns = np.nonzero(tile.valid)
            seen[rows + tile.window.row, columns + tile.window.column] = True
            assert tile.pixels[tile.valid].all()
            assert not tile.pixels[~tile.valid].any()
    assert seen.all()


def test_a_raster_without_any_data(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.zeros((3, 70, 70), np.uint8), nodata=0)
    for gsd in (None, 5.0):
        with open_raster(path, gsd=gsd) as source:
            for tile in tiles(source, TileGrid(source.width, source.height, 64, 16)):
                assert not tile.valid.any()
                assert not tile.pixels.any()


def test_a_huge_sparse_raster(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    side = 400_000
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=3, dtype="uint8", nodata=0,
        crs="EPSG:32632", transform=NORTH_UP, tiled=True, blockxsize=1024, blockysize=1024,
        SPARSE_OK=True, BIGTIFF=True,
    ) as file:  # fmt: skip
        corner = rasterio.windows.Window(side - 1024, side - 1024, 1024, 1024)
        file.write(np.full((3, 1024, 1024), 9, np.uint8), window=corner)
    assert path.stat().st_size < 2**24
    with open_raster(path) as source:
        pixels, valid = source.read(Window(side - 1100, side - 1100, 1100, 1100))
        assert valid.sum() == 1024**2
        assert (pixels[valid] == 9).all()


# --- places --------------------------------------------------------------------------------------


def test_a_camera_model_only(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "a.tif", np.ones((1, 5, 5), np.uint8), crs=None, transform=Affine.identity()
    )
    one = [1.0] + [0.0] * 19
    with rasterio.open(path, "r+") as file:
        file.rpcs = RPC(
            height_off=0, height_scale=1, lat_off=45, lat_scale=1, long_off=9, long_scale=1,
            line_off=0, line_scale=1, samp_off=0, samp_scale=1, line_num_coeff=one,
            line_den_coeff=one, samp_num_coeff=one, samp_den_coeff=one,
        )  # fmt: skip
    with pytest.raises(RasterError, match=r"a\.tif: placed by a camera model \(RPC\) only; ortho"):
        open_raster(path)


def test_control_points_beside_a_geotransform_do_no_harm(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", np.ones((1, 5, 5), np.uint8))
    corners = "".join(
        f'<GCP Id="{k}" Pixel="{c}" Line="{r}" X="{9 + c}" Y="{50 - r}"/>'
        for k, (r, c) in enumerate([(0, 0), (0, 5), (5, 0)])
    )
    vrt = tmp_path / "a.vrt"
    vrt.write_text(
        '<VRTDataset rasterXSize="5" rasterYSize="5"><SRS>EPSG:32632</SRS>'
        f"<GeoTransform>500000, 2, 0, 5000000, 0, -2</GeoTransform><GCPList>{corners}</GCPList>"
        '<VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with open_raster(vrt) as source:
        assert source.has_crs


PLACES = {
    # name: CRS, a place there, and metres of the map to one on the ground
    "South Pole": ("EPSG:3031", (0.0, 0.0), 0.97276),
    "Antarctica": ("EPSG:3031", (1_500_000.0, 900_000.0), None),
    "Greenland": ("EPSG:3413", (-200_000.0, -2_200_000.0), None),
    "North Pole": ("EPSG:3413", (0.0, 0.0), 0.96986),
    "Fiji across 180 degrees": ("EPSG:3460", (2_200_000.0, 4_000_000.0), None),
    "Pacific, past 180 degrees": ("EPSG:3832", (3_340_000.0, -1_800_000.0), None),
}


@pytest.mark.parametrize("place", PLACES)
def test_pixels_measure_what_they_do_on_the_ground(tmp_path: Path, place: str) -> None:
    crs, (x, y), factor = PLACES[place]
    transform = Affine(3.0, 0.0, x - 60, 0.0, -3.0, y + 60)
    path = write_raster(
        tmp_path / "a.tif", np.ones((1, 40, 40), np.uint8), crs=crs, transform=transform
    )
    with open_raster(path) as source:
        assert source.gsd is not None
        if factor is not None:
            assert source.gsd == pytest.approx(3.0 / factor, rel=1e-3)
        assert 2.7 < source.gsd < 3.3
        native = source.gsd
    with open_raster(path, gsd=2 * native) as source:
        assert (source.width, source.height) == (20, 20)
        assert source.read(Window(0, 0, 20, 20))[1].all()


def test_degrees_past_180(tmp_path: Path) -> None:
    transform = Affine(1e-4, 0, 179.998, 0, -1e-4, -17.0)
    path = write_raster(
        tmp_path / "a.tif", np.ones((1, 40, 40), np.uint8), crs="EPSG:4326", transform=transform
    )
    with open_raster(path) as source:
        assert source.gsd == pytest.approx((1e-4 * 106_457 + 1e-4 * 110_667) / 2, rel=1e-3)


def test_a_grid_without_area(tmp_path: Path) -> None:
    vrt = tmp_path / "a.vrt"
    write_raster(tmp_path / "part.tif", np.ones((1, 5, 5), np.uint8))
    vrt.write_text(
        '<VRTDataset rasterXSize="5" rasterYSize="5"><SRS>EPSG:32632</SRS>'
        "<GeoTransform>500000, 2, 2, 5000000, 2, 2</GeoTransform>"
        '<VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'
    )
    with pytest.raises(RasterError, match="geotransform is singular"):
        open_raster(vrt)


@pytest.mark.parametrize("numbers", ["nan, 2, 0, 0, 0, -2", "0, 1e308, 0, 0, 0, -1e308"])
def test_a_grid_beyond_all_numbers(tmp_path: Path, numbers: str) -> None:
    vrt = tmp_path / "a.vrt"
    vrt.write_text(
        '<VRTDataset rasterXSize="5" rasterYSize="5"><SRS>EPSG:32632</SRS>'
        f"<GeoTransform>{numbers}</GeoTransform>"
        '<VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'
    )
    with pytest.raises(RasterError, match="geotransform holds numbers that are none, or far too"):
        open_raster(vrt)


# --- what changes under our hands ----------------------------------------------------------------


def strips(path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (1, 900, 900), np.uint8)
    return write_raster(path, noise, compress="deflate")


def test_a_damaged_block_is_one_place(tmp_path: Path) -> None:
    path = strips(tmp_path / "a.tif")
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 3000)
    with open_raster(path) as source:
        with pytest.raises(RasterError, match=r"rows 0 to 900, columns 0 to 900") as caught:
            source.read(Window(0, 0, 900, 900))
        assert not isinstance(caught.value, RasterLostError)
        assert source.read(Window(0, 0, 900, 300))[1].all()
        assert source.read(Window(0, 600, 900, 300))[1].all()


def test_a_file_cut_short_meanwhile_is_lost(tmp_path: Path) -> None:
    path = strips(tmp_path / "a.tif")
    with open_raster(path) as source:
        assert source.read(Window(0, 0, 900, 100))[1].all()
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(RasterLostError, match=r"a\.tif: has gone or changed since"):
            source.read(Window(0, 700, 900, 200))
