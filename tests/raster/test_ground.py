"""Ground sample distance, against figures known by other means."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from affine import Affine
from rasterio.crs import CRS

from geomrcnn.raster.ground import GroundStep, ground_step, scaled
from geomrcnn.raster.source import open_raster

# WGS 84: semi-major axis and the first eccentricity squared.
A, E2 = 6_378_137.0, 0.00669437999014


def metres_per_degree(latitude: float) -> tuple[float, float]:
    """East and north, from the radii of curvature in the prime vertical and the meridian."""
    phi = math.radians(latitude)
    w = math.sqrt(1 - E2 * math.sin(phi) ** 2)
    return math.radians(A * math.cos(phi) / w), math.radians(A * (1 - E2) / w**3)


def centred(crs: str, x: float, y: float, pixel: Affine) -> GroundStep:
    """Step of a 100 × 60 raster whose centre lies at x, y."""
    a, b, _, d, e, _ = tuple(pixel)[:6]
    corner = Affine(a, b, x - 50 * a - 30 * b, d, e, y - 50 * d - 30 * e)
    step = ground_step(corner, CRS.from_string(crs), 100, 60)
    assert step is not None
    return step


@pytest.mark.parametrize("latitude", [0.0, 45.0, 60.0, -33.0, 80.0])
def test_degrees(latitude: float) -> None:
    east, north = metres_per_degree(latitude)
    step = centred("EPSG:4326", 11.0, latitude, Affine.scale(1e-5, -2e-5))
    assert step.column == pytest.approx(1e-5 * east, rel=1e-6)
    assert step.row == pytest.approx(2e-5 * north, rel=1e-6)


@pytest.mark.parametrize("latitude", [0.0, 45.0, 60.0])
def test_web_mercator_shrinks_by_the_cosine_of_the_latitude(latitude: float) -> None:
    y = A * math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))
    step = centred("EPSG:3857", 1_000_000.0, y, Affine.scale(1.0, -1.0))
    east, north = metres_per_degree(latitude)
    assert step.column == pytest.approx(east / math.radians(A), rel=1e-6)
    assert step.row == pytest.approx(
        north * math.cos(math.radians(latitude)) / math.radians(A), rel=1e-6
    )
    assert step == pytest.approx((math.cos(math.radians(latitude)),) * 2, rel=0.007)


def test_utm_has_its_scale_factor_on_the_central_meridian() -> None:
    step = centred("EPSG:32632", 500_000.0, 5_000_000.0, Affine.scale(0.5, -0.5))
    assert step == pytest.approx((0.5 / 0.9996,) * 2, rel=1e-7)


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 213.0])
@pytest.mark.parametrize("flip", [-1.0, 1.0])
def test_turning_or_flipping_a_grid_changes_no_length(angle: float, flip: float) -> None:
    # A conformal projection: the scale is the same in all directions.
    pixel = Affine.rotation(angle) @ Affine.scale(2.0, flip * 3.0)
    step = centred("EPSG:32632", 500_000.0, 5_000_000.0, pixel)
    assert step == pytest.approx((2 / 0.9996, 3 / 0.9996), rel=1e-6)


def test_feet_and_grads() -> None:
    # US survey feet, North Carolina; the scale factor there is within 1e-4 of 1.
    step = centred("EPSG:2264", 2_000_000.0, 600_000.0, Affine.scale(1.0, -1.0))
    assert step == pytest.approx((1200 / 3937,) * 2, rel=2e-4)
    # NTF (Paris) counts grads of the Clarke ellipsoid: 0.9 degrees each.
    step = centred("EPSG:4807", 0.0, 50.0, Affine.scale(1e-4, -1e-4))
    assert step.row == pytest.approx(0.9e-4 * metres_per_degree(45.0)[1], rel=1e-4)


def test_another_planet_uses_its_own_ellipsoid() -> None:
    mars = 'GEOGCS["Mars",DATUM["Mars",SPHEROID["Mars",3396190,0]],PRIMEM["Reference",0],UNIT["degree",0.0174532925199433]]'  # noqa: E501
    step = centred(mars, 0.0, 0.0, Affine.scale(1e-3, -1e-3))
    assert step == pytest.approx((math.radians(1e-3) * 3_396_190,) * 2, rel=1e-6)


def test_compound_crs() -> None:
    step = centred("EPSG:32632+5773", 500_000.0, 5_000_000.0, Affine.scale(1.0, -1.0))
    assert step == pytest.approx((1 / 0.9996,) * 2, rel=1e-6)


def test_none_where_the_ground_is_out_of_reach() -> None:
    local = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    assert ground_step(Affine.identity(), local, 10, 10) is None
    beyond_the_pole = Affine(1.0, 0.0, 0.0, 0.0, -1.0, 140.0)
    assert ground_step(beyond_the_pole, CRS.from_epsg(4326), 10, 10) is None
    whole_turn = Affine(360.0, 0.0, -180.0, 0.0, -180.0, 90.0)
    assert ground_step(whole_turn, CRS.from_epsg(4326), 1, 1) is None


def test_scaled_keeps_the_origin_and_turns_with_the_grid() -> None:
    grid = Affine.translation(70.0, 80.0) @ Affine.rotation(30.0) @ Affine.scale(2.0, -3.0)
    assert scaled(grid, 5.0, 7.0).almost_equals(grid @ Affine.scale(5.0, 7.0))


@pytest.mark.parametrize(
    ("name", "gsd", "tolerance"),
    [
        ("naip_fields_us/images/train_08.tif", 1.0, 0.002),  # 1.31 map units
        ("oam_buildings/banepa_center/mosaic.vrt", 0.132, 0.001),
        ("s2_fields_denmark/images/denmark_s2.tif", 10.0, 0.01),
        ("tcd_trees_fixture/5b3622402b6a08001185f8d8_10_00004.tif", 0.0664, 0.0001),
    ],
)
def test_real_imagery(shared: Path, name: str, gsd: float, tolerance: float) -> None:
    with open_raster(shared / "data" / name) as source:
        assert source.native_gsd == pytest.approx(gsd, abs=tolerance)
        assert source.gsd == source.native_gsd
