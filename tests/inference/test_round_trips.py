"""Half a pixel: objects drawn on the map come back to where they were, on any grid."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio.features
import shapely
from affine import Affine
from shapely import Polygon, affinity

from geomrcnn.inference.predict import predict
from tests.oracles.detector import OracleDetector
from tests.oracles.painting import LookingDetector
from tests.oracles.scenes import iou
from tests.rasters import write_raster

SIDE, FINER, METRES = 240, 8, 0.5
DEGREE = 111_132.0
DOWN = Affine.scale(METRES, -METRES)
UTM = Affine.translation(500_000, 4_983_000)

GRIDS = {
    "north up": ("EPSG:32632", UTM @ DOWN),
    "south up": ("EPSG:32632", UTM @ Affine.scale(METRES, METRES)),
    "rotated": ("EPSG:32632", UTM @ Affine.rotation(27) @ DOWN),
    "sheared": ("EPSG:32632", UTM @ Affine.shear(12, 0) @ DOWN),
    "degrees": (
        "EPSG:4326",
        Affine.translation(9, 45)
        @ Affine.scale(METRES / DEGREE / math.cos(math.radians(45)), -METRES / DEGREE),
    ),
}


def objects() -> list[Polygon]:
    """A rectangle, an L and a disc, turned and at fractions of pixels."""
    ell = Polygon([(0, 0), (60, 0), (60, 25), (30, 25), (30, 50), (0, 50)])
    return [
        affinity.translate(affinity.rotate(shapely.box(0, 0, 61, 37), 17), 20.3, 30.6),
        affinity.translate(affinity.rotate(ell, 40), 130.7, 30.2),
        shapely.Point(90.4, 170.8).buffer(30.3, quad_segs=32),
    ]


def on_map(shapes: list[Polygon], to_map: Affine) -> list[Polygon]:
    a, b, c, d, e, f = tuple(to_map)[:6]
    return [affinity.affine_transform(shape, [a, b, d, e, c, f]) for shape in shapes]


def write(path: Path, truth: list[Polygon], crs: str, to_map: Affine) -> Path:
    """A raster with the share of each pixel that polygons, in map coordinates, cover."""
    fine = rasterio.features.rasterize(
        truth, out_shape=(SIDE * FINER,) * 2, transform=to_map @ Affine.scale(1 / FINER)
    )
    share = fine.reshape(SIDE, FINER, SIDE, FINER).mean((1, 3))
    grey = np.rint(255 * share).astype(np.uint8)
    return write_raster(path, np.stack([grey] * 3), crs=crs, transform=to_map)


def assert_back(truth: list[Polygon], found: list[Polygon], to_map: Affine, off: float) -> None:
    """Compare in pixels: centroids to `off`, areas to 1 %."""
    back = on_map(found, ~to_map)
    assert len(back) == len(truth)
    for shape in on_map(truth, ~to_map):
        nearest = min(back, key=shape.centroid.distance)
        assert iou(shape, nearest) > 0.975
        assert shape.centroid.distance(nearest.centroid) < off
        assert nearest.area == pytest.approx(shape.area, rel=0.01)


@pytest.mark.parametrize("coarser", [1, 2])
@pytest.mark.parametrize("grid", GRIDS)
def test_drawn_seen_and_traced(grid: str, coarser: int, tmp_path: Path) -> None:
    crs, to_map = GRIDS[grid]
    truth = on_map(objects(), to_map)
    raster = write(tmp_path / "a.tif", truth, crs, to_map)
    found = predict(raster, model=LookingDetector(gsd=METRES * coarser), simplify=0.05)
    assert_back(truth, list(found.geometry), to_map, off=0.06 * coarser)


# Sheared pixels are longer than METRES, so the oracle's would be other than the raster's.
@pytest.mark.parametrize("grid", sorted(GRIDS.keys() - {"sheared"}))
def test_an_oracle_in_pixels(grid: str, tmp_path: Path) -> None:
    crs, to_map = GRIDS[grid]
    raster = write(tmp_path / "a.tif", [shapely.box(0, 0, 1, 1)], crs, to_map)
    oracle = OracleDetector(objects(), gsd=METRES)
    found = predict(raster, model=oracle, gsd=METRES, simplify=0.05)
    assert_back(on_map(objects(), to_map), list(found.geometry), to_map, off=0.06)
