"""The same features in every format: attributes, geometry, CRS, provenance and style."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geomrcnn.errors import DataError, OutputError
from geomrcnn.formats.formats import FORMATS, style_beside
from geomrcnn.formats.writer import read_provenance, write_features
from tests.found import UTM, X, Y, features, opened, provenance

EVERY = sorted(set(FORMATS) - {".geoparquet", ".json", ".ndjson"})  # which are second names
TABLES = [suffix for suffix in EVERY if suffix != ".coco.json"]
IN_DEGREES = {".geojson", ".geojsonl", ".geojsons"}


@pytest.mark.parametrize("suffix", TABLES)
def test_attributes_geometry_and_crs_come_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    frame = features()
    write_features(frame, path, provenance=provenance())
    again = opened(path)
    if suffix == ".fgb":  # ordered by place
        again = again.set_index("area_m2", drop=False).loc[frame["area_m2"]].reset_index(drop=True)
    assert again.crs == ("EPSG:4326" if suffix in IN_DEGREES else UTM)
    for name in frame.columns.drop("geometry"):
        got, want = again[name], frame[name]
        assert got.isna().tolist() == want.isna().tolist(), name
        assert got.dropna().tolist() == want.dropna().tolist(), name
    shapes = again.to_crs(UTM).geometry
    assert shapes.hausdorff_distance(frame.geometry).max() < 0.002
    np.testing.assert_allclose(shapes.area, frame.geometry.area, rtol=1e-4)
    assert shapely.get_num_interior_rings(shapely.get_parts(shapes)).sum() == 1


@pytest.mark.parametrize("suffix", TABLES)
def test_no_features(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"none{suffix}"
    write_features([], path, crs=UTM, provenance=provenance())
    if suffix in {".geojsonl", ".geojsons"}:
        assert path.read_bytes() == b""  # nothing that GDAL could know the format by
        return
    again = opened(path)
    assert len(again) == 0
    assert again.crs == ("EPSG:4326" if suffix in IN_DEGREES else UTM)
    if suffix not in IN_DEGREES:  # where columns are those of the features
        assert set(features().columns) <= set(again.columns)
        assert again["score"].dtype == float
        assert again["fragments"].dtype.kind == "i"


@pytest.mark.parametrize("suffix", EVERY)
def test_provenance_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    found = features().fillna({"class": "field"})
    write_features(found, path, provenance=provenance())
    assert read_provenance(path) == provenance()
    if suffix != ".coco.json":
        write_features(found, path, overwrite=True)
        assert read_provenance(path) is None


@pytest.mark.parametrize("suffix", EVERY)
def test_provenance_that_cannot_be_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if FORMATS[suffix].read_provenance is None:
        (tmp_path / f"a{suffix}.provenance.json").write_text("{}")
    else:
        with pytest.raises(DataError, match=r"a\..*: "):
            read_provenance(path)  # there is no file
        path.write_text('"geomrcnn": {"a": 1}')
    with pytest.raises(DataError):
        read_provenance(path)


@pytest.mark.parametrize("suffix", sorted(set(TABLES) - {".gpkg"}))
def test_a_style_lies_beside_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_features(features(), path, provenance=provenance())
    style = style_beside(path)
    assert 'value="prairie sèche"' in style.read_text(encoding="utf-8")
    style.write_text("mine")
    write_features(features(), path, overwrite=True, provenance=provenance())
    assert style.read_text() == "mine"


@pytest.mark.parametrize("suffix", sorted(set(TABLES) - IN_DEGREES))
def test_pixels(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    frame = features(crs=None)
    write_features(frame, path)
    again = opened(path)
    assert again.crs is None or again.crs.name.startswith("Undefined")
    assert again.total_bounds.tolist() == frame.total_bounds.tolist()


@pytest.mark.parametrize("suffix", sorted(IN_DEGREES))
def test_pixels_are_no_degrees(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(OutputError, match="needs a georeferenced raster"):
        write_features(features(crs=None), tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", sorted(IN_DEGREES))
def test_degrees_are_cut_at_the_antimeridian(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    # EPSG:3832 has its central meridian at 150 degrees east: Fiji is in one piece there.
    x, y = 3_339_584.7, -2_000_000.0
    across = [shapely.box(x - 30, y + k, x + 30, y + k + 60) for k in (0, 70, 140)]
    write_features(features("EPSG:3832", across), path)
    for shape in gpd.read_file(path).geometry:
        west, east = sorted(shape.geoms, key=lambda part: part.bounds[0])
        assert west.bounds[0] == -180
        assert east.bounds[2] == 180
        assert west.bounds[2] < -179.999
        assert east.bounds[0] > 179.999


@pytest.mark.parametrize("suffix", TABLES)
def test_exteriors_turn_as_the_format_has_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    clockwise = [shape.reverse() for shape in features().geometry]
    write_features(features(geometry=clockwise), path)
    rings = shapely.get_exterior_ring(shapely.get_parts(opened(path).geometry))
    assert set(shapely.is_ccw(rings)) == {suffix != ".shp"}


@pytest.mark.parametrize("suffix", TABLES)
def test_identical_features_are_identical_files(tmp_path: Path, suffix: str) -> None:
    whole, parts = tmp_path / f"whole{suffix}", tmp_path / f"parts{suffix}"
    frame = features()
    write_features(frame, whole, layer="a", provenance=provenance())
    batches = (frame.iloc[k : k + 1] for k in range(len(frame)))
    write_features(batches, parts, layer="a", provenance=provenance())
    if suffix == ".gpkg":  # whose tables have dates
        pd.testing.assert_frame_equal(opened(whole), opened(parts))
    else:
        assert whole.read_bytes() == parts.read_bytes()


def test_the_shapefile_tells_its_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    with pytest.raises(OutputError, match=r"a\.shp: .*at most 10 characters, not 'compactness'"):
        write_features(features().assign(compactness=0.5), path)
    with pytest.raises(OutputError, match=r"at most 254 bytes; one in 'class' has 255; write"):
        write_features(features().assign(**{"class": "é" * 127 + "e"}), path)
    assert list(tmp_path.iterdir()) == []
    write_features(features().assign(**{"class": "é" * 127}), path)
    assert set(gpd.read_file(path)["class"]) == {"é" * 127}


def test_a_shapefile_never_lies_beside_another_ones_files(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    (tmp_path / "a.dbf").write_bytes(b"a table of mine")
    with pytest.raises(OutputError, match=r"a\.dbf: exists already"):
        write_features(features(), path)
    (tmp_path / "a.qix").write_bytes(b"an index of the old one")
    write_features(features(), path, overwrite=True)
    assert not (tmp_path / "a.qix").exists()
    assert len(gpd.read_file(path)) == 3


def test_geojson_says_what_made_it_before_the_features(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    long = dataclasses.replace(provenance(), options={"text": 'a "features" b\n' * 9})
    write_features(features(), path, provenance=long)
    assert read_provenance(path) == long


def test_the_raster_of_the_helpers_holds_the_features() -> None:
    raster = provenance().rasters[0]
    west, south, east, north = features().total_bounds
    assert (west, north) == (X, Y)
    assert east <= X + 2 * raster.width
    assert south >= Y - 2 * raster.height
