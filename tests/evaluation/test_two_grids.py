"""Seams measured from a raster: a detector that knows the truth, and some that err near edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from geopandas import GeoDataFrame
from shapely import Polygon, affinity

from geomrcnn.errors import DataError, RasterError
from geomrcnn.evaluation.seams import Agreement, Fates
from geomrcnn.evaluation.two_grids import measure_seams
from geomrcnn.inference.options import Options, Progress
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections
from tests.oracles.detector import OracleDetector
from tests.oracles.scenes import lone_buildings, rotated_parcels
from tests.rasters import write_raster

TILE, OVERLAP = 288, 32
SIDE = TILE + 2 * (TILE - OVERLAP)
"""Three tiles come out even: what neighbours share is `OVERLAP` wide exactly."""

INNER = shapely.box(OVERLAP, OVERLAP, SIDE - OVERLAP, SIDE - OVERLAP)
HALF_STEP = (TILE - OVERLAP) // 2


def clear_of_borders(house: Polygon) -> bool:
    """Whether no side of its box nearly is a border of what two tiles of either grid share."""
    sides = np.array(house.bounds) % HALF_STEP
    return bool(np.abs(np.subtract.outer([0, OVERLAP, HALF_STEP], sides)).min() > 1)


HOUSES = [
    house for house in lone_buildings(SIDE)[::2] if house.within(INNER) and clear_of_borders(house)
]
FIELDS = rotated_parcels(SIDE, 180, 1)
METRE = Affine(1, 0, 500_000, 0, -1, 4_983_000)
SAME = Agreement(1.0, 1.0, 1.0, pytest.approx(1.0, abs=0.01))


def blank(path: Path, crs: str | None = "EPSG:32632") -> Path:
    pixels = np.zeros((3, SIDE, SIDE), np.uint8)
    return write_raster(path, pixels, crs=crs, transform=METRE if crs else Affine.identity())


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    return blank(tmp_path / "blank.tif")


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return write_truth(tmp_path / "truth.gpkg", HOUSES)


def write_truth(path: Path, shapes: Sequence[Polygon]) -> Path:
    """Objects as a layer in another CRS."""
    placed = [affinity.affine_transform(shape, [1, 0, 0, -1, METRE.c, METRE.f]) for shape in shapes]
    GeoDataFrame(geometry=placed, crs="EPSG:32632").to_crs(4326).to_file(path)
    return path


class Choosing(OracleDetector):
    """An oracle with other thoughts on what it saw."""

    def __init__(self, overlap: int = OVERLAP) -> None:
        super().__init__(HOUSES, tile=TILE, overlap=overlap)

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        return [self.choose(found) for found in super().detect(tiles)]

    def choose(self, found: Detections) -> Detections:
        raise NotImplementedError


def pick(found: Detections, rows: np.ndarray) -> Detections:
    return Detections(found.boxes[rows], found.scores[rows], found.classes[rows], found.masks[rows])


class ShortSighted(Choosing):
    """Does not see what lies where another tile could see it."""

    def choose(self, found: Detections) -> Detections:
        low, high = found.boxes[:, :2].min(axis=1), found.boxes[:, 2:].max(axis=1)
        return pick(found, (low >= OVERLAP) & (high <= TILE - OVERLAP))


class SeeingDouble(Choosing):
    def choose(self, found: Detections) -> Detections:
        return pick(found, np.repeat(np.arange(len(found)), 2))


@pytest.mark.parametrize("scene", [HOUSES, FIELDS], ids=["houses", "fields"])
def test_who_knows_the_truth_agrees_with_himself(raster: Path, scene: list[Polygon]) -> None:
    told: list[Progress] = []
    detector = OracleDetector(scene, tile=TILE, overlap=OVERLAP)
    scores = measure_seams(raster, detector, Options(), on_progress=told.append)
    assert scores.objects == (len(scene), len(scene))
    assert scores.agreement == SAME
    assert scores.duplicates == 0
    assert (scores.at_seams.split, scores.at_seams.missed) == (0, 0)
    assert scores.elsewhere.missed in (0, None)
    assert [now.done for now in told] == list(range(9 + 16 + 1))
    assert {now.total for now in told} == {9 + 16}


def test_objects_that_are_missed_at_seams(raster: Path, truth: Path) -> None:
    scores = measure_seams(raster, ShortSighted(), Options(), truth=truth)
    assert scores.at_seams.objects + scores.elsewhere.objects == 2 * len(HOUSES)
    assert scores.at_seams.objects > 10
    assert (scores.at_seams.split, scores.at_seams.missed) == (0, 1)
    assert replace(scores.elsewhere, objects=0) == Fates(0, 0, 0)
    # Without the truth, what one run saw tells of the other.
    alone = measure_seams(raster, ShortSighted(), Options())
    assert alone.at_seams.objects > 10
    assert (alone.at_seams.missed, alone.elsewhere.missed) == (1, 0)
    assert alone.agreement == scores.agreement
    assert alone.agreement.f1 is not None
    assert alone.agreement.f1 < 0.7


def test_objects_in_pieces(raster: Path, tmp_path: Path) -> None:
    """Tiles that share nothing cannot know what belongs together."""
    even = OracleDetector(FIELDS, tile=384, overlap=0)
    fields = write_truth(tmp_path / "fields.gpkg", FIELDS)
    scores = measure_seams(raster, even, Options(), truth=fields)
    assert scores.at_seams.split is not None
    assert scores.at_seams.split > 0.4
    assert scores.elsewhere.objects > 10
    assert replace(scores.elsewhere, objects=0) == Fates(0, 0, 0)
    assert scores.duplicates == 0


def test_objects_that_are_seen_twice(raster: Path, truth: Path) -> None:
    """Merging makes one of what several tiles saw, and of what one tile saw twice."""
    scores = measure_seams(raster, SeeingDouble(), Options(), truth=truth)
    assert scores.objects == (len(HOUSES), len(HOUSES))
    assert (scores.at_seams.split, scores.elsewhere.split) == (0, 0)
    assert scores.duplicates == 0


def test_within_an_area(raster: Path, tmp_path: Path) -> None:
    west, north = METRE.c, METRE.f
    area = tmp_path / "area.gpkg"
    half = shapely.box(west, north - SIDE, west + SIDE / 2, north)
    GeoDataFrame(geometry=[half], crs="EPSG:32632").to_file(area)
    detector = OracleDetector(HOUSES, tile=TILE, overlap=OVERLAP)
    scores = measure_seams(raster, detector, Options(aoi=area))
    assert 0 < scores.objects[0] < len(HOUSES)
    assert scores.agreement == SAME
    assert max(window.column for window in detector.seen) < SIDE / 2


def test_a_raster_without_a_place_and_without_an_object(tmp_path: Path, raster: Path) -> None:
    photo = blank(tmp_path / "photo.tif", crs=None)
    detector = OracleDetector(HOUSES, tile=TILE, overlap=OVERLAP)
    assert measure_seams(photo, detector, Options()).agreement == SAME
    nothing = measure_seams(raster, detector, Options(min_score=1.0))
    assert nothing.objects == (0, 0)
    assert nothing.duplicates is None
    assert nothing.agreement == Agreement(None, None, None, None)
    assert nothing.at_seams == nothing.elsewhere == Fates(0, None, None)


def test_what_does_not_fit_is_one_line(raster: Path, truth: Path, tmp_path: Path) -> None:
    detector = OracleDetector(HOUSES, tile=TILE, overlap=OVERLAP)
    far = tmp_path / "far.gpkg"
    GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=4326).to_file(far)
    with pytest.raises(DataError, match=r"far\.gpkg: none of its polygons lies on .*blank\.tif"):
        measure_seams(raster, detector, Options(), truth=far)
    with pytest.raises(DataError, match=r"truth\.gpkg: has no attribute 'kind'"):
        measure_seams(raster, detector, Options(), truth=truth, attribute="kind")
    damaged = raster.read_bytes()
    raster.write_bytes(damaged[: len(damaged) // 2])
    with pytest.raises(RasterError):
        measure_seams(raster, detector, Options())
