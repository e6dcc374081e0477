"""The second look with larger pixels, for objects longer than a tile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import shapely
from affine import Affine
from shapely import Polygon, affinity

from geomrcnn.errors import RasterError
from geomrcnn.formats.reader import read_features
from geomrcnn.inference.options import Options, Progress
from geomrcnn.inference.predict import predict, predict_to_file
from geomrcnn.raster.tile import Tile
from geomrcnn.runtime.detector import Detections
from tests.oracles.painting import LookingDetector, write_painting
from tests.oracles.scenes import iou

LENGTH = 900
WEST, NORTH = 500_000, 4_983_000
UTM = {"crs": "EPSG:32632", "transform": Affine(1, 0, WEST, 0, -1, NORTH)}


class Overlooking(LookingDetector):
    """Sees nothing in the tiles of one column, so that objects come out in pieces."""

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        seen = super().detect(tiles)
        nothing = Detections(*(value[:0] for value in vars(seen[0]).values()))
        return [nothing if tile.column == 2 else one for tile, one in zip(tiles, seen, strict=True)]


def painting(path: Path, *objects: Polygon) -> Path:
    return write_painting(path, objects, LENGTH, 300, **UTM)


def on_map(shape: Polygon) -> Polygon:
    return affinity.affine_transform(shape, [1, 0, 0, -1, WEST, NORTH])


def test_an_object_in_pieces_comes_out_whole(tmp_path: Path) -> None:
    field, house = shapely.box(40, 100, 860, 160), shapely.box(60, 200, 90, 240)
    path = painting(tmp_path / "a.tif", field, house)
    pieces = predict(path, model=Overlooking())
    assert len(pieces) > 2
    frame = predict(path, model=Overlooking(), coarse=True).sort_values("area_m2")
    assert len(frame) == 2
    assert iou(frame.geometry.iloc[1], on_map(field)) > 0.93
    assert frame["fragments"].tolist()[0] == 1
    assert frame["fragments"].tolist()[1] >= 2
    (same,) = pieces[pieces.geometry.intersects(on_map(house))].geometry
    assert frame.geometry.iloc[0].equals(same)


def test_what_merging_put_together_stays_as_it_is(tmp_path: Path) -> None:
    path = painting(tmp_path / "a.tif", shapely.box(40, 100, 860, 160))
    usual, both = (predict(path, model=LookingDetector(), coarse=c) for c in (False, True))
    assert len(usual) == 1
    assert both.geometry.iloc[0].equals(usual.geometry.iloc[0])


def test_neighbours_that_run_together_from_afar_stay_apart(tmp_path: Path) -> None:
    """Of three houses in a row one is cut; what is complete speaks against the coarse view."""
    row = [shapely.box(x, 100, x + 97, 160) for x in range(300, 700, 100)]
    frame = predict(painting(tmp_path / "a.tif", *row), model=Overlooking(), coarse=True)
    assert len(frame) > 2
    assert frame.geometry.area.max() < 1.5 * row[0].area


def test_the_second_look_is_counted_and_kept(tmp_path: Path) -> None:
    path = painting(tmp_path / "a.tif", shapely.box(40, 100, 860, 160))
    totals, out = [], tmp_path / "out.geojsonl"
    options = Options(coarse=True)
    report = predict_to_file(
        path, out, Overlooking(), options, on_progress=lambda now: totals.append(now)
    )
    once = predict_to_file(path, tmp_path / "once.geojsonl", Overlooking(), Options())
    assert report.tiles == once.tiles + 1
    assert report.tiles == report.processed + sum(report.skipped.values())
    assert [now.done for now in totals] == list(range(report.tiles + 1))
    assert report.objects == 1


@pytest.mark.parametrize("broken_off_after", [1, 6], ids=["larger pixels", "usual pixels"])
def test_broken_off_in_either_look_it_goes_on(tmp_path: Path, broken_off_after: int) -> None:
    path = painting(tmp_path / "a.tif", shapely.box(40, 100, 860, 160))
    options, out = Options(coarse=True), tmp_path / "out.gpkg"

    def stop(now: Progress) -> None:
        if now.done == broken_off_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_to_file(path, out, Overlooking(), options, on_progress=stop)
    assert not out.exists()
    report = predict_to_file(path, out, Overlooking(), options)
    assert report.resumed >= broken_off_after
    expected = predict(path, model=Overlooking(), coarse=True)
    found = read_features(out)
    assert [g.wkb for g in found.geometry.explode()] == [g.wkb for g in expected.geometry]


def test_a_raster_without_a_place_has_no_coarser_pixels(tmp_path: Path) -> None:
    path = write_painting(tmp_path / "a.tif", [shapely.box(10, 10, 90, 60)], 300, 100, crs=None)
    with pytest.raises(RasterError, match="leave --coarse out"):
        predict(path, model=LookingDetector(), coarse=True)
