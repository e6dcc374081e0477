"""Features written, opened again by others, and read."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
from geopandas import GeoDataFrame
from shapely import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from geomrcnn.errors import DataError, OutputError
from geomrcnn.formats.formats import FORMATS
from geomrcnn.formats.reader import read_features
from geomrcnn.formats.schema import COLUMNS
from geomrcnn.formats.writer import check_output, write_features

UTM = "EPSG:32632"
ALWAYS = [name for name in COLUMNS if name != "raster"]
BARE = GeoDataFrame(geometry=[], crs=UTM)
SAME = {".geoparquet": ".parquet", ".json": ".geojson", ".ndjson": ".geojsonl"}
EVERY = sorted(set(FORMATS) - {*SAME, ".coco.json"})
"""All but second names, and the one that needs to know the raster."""
GDAL_READS = sorted(set(EVERY) - {".parquet"})


def features(crs: str | None = UTM, geometry: list[BaseGeometry] | None = None) -> GeoDataFrame:
    """Two parcels near 9 degrees east, 45 north; the second with a hole."""
    if geometry is None:
        x, y = 500_000.0, 5_000_000.0
        hole = [(x + 40, y + 10), (x + 60, y + 10), (x + 60, y + 20)]
        geometry = [
            box(x, y, x + 20, y + 30),
            Polygon(box(x + 30, y, x + 70, y + 30).exterior, [hole]),
        ]
    return GeoDataFrame(
        {
            "class": ["field", "prairie sèche"],
            "score": [0.9, 0.625],
            "area_m2": [600.0, 1100.0],
            "fragments": [1, 3],
            "status": ["traced", "regularised"],
            "tile": ["0-0", "0-1"],
        },
        geometry=geometry,
        crs=crs,
    )


def leftovers(folder: Path, path: Path) -> list[str]:
    return sorted(other.name for other in folder.iterdir() if other != path)


def members(path: Path) -> list[str]:
    """What makes up a file together with it."""
    endings = (".cpg", ".dbf", ".prj", ".shx") if path.suffix == ".shp" else ()
    return [path.with_suffix(ending).name for ending in endings]


def opened(path: Path) -> GeoDataFrame:
    """A file as geopandas has it."""
    return gpd.read_parquet(path) if path.suffix.endswith("parquet") else gpd.read_file(path)


# --- writing -------------------------------------------------------------------------------------


def test_geopackage_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "fields.gpkg"
    frame = features()
    write_features(frame, path)
    again = gpd.read_file(path)
    assert again.crs == frame.crs
    assert list(again.columns) == [*ALWAYS, "geometry"]
    assert again.geometry.geom_equals(frame.geometry).all()
    for name in ALWAYS:
        assert list(again[name]) == list(frame[name])
    info = pyogrio.read_info(path)
    assert info["layer_name"] == "fields"
    assert info["geometry_type"] == "MultiPolygon"
    assert leftovers(tmp_path, path) == []


def test_geopackage_is_of_version_1_3_with_an_index(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    write_features(features(), path, layer="parcels")
    with sqlite3.connect(path) as database:
        assert database.execute("pragma user_version").fetchone() == (10300,)
        assert database.execute("select table_name from gpkg_contents").fetchall() == [("parcels",)]
        extensions = database.execute("select extension_name from gpkg_extensions").fetchall()
    assert ("gpkg_rtree_index",) in extensions


@pytest.mark.parametrize("suffix", [".geojson", ".json", ".GeoJSON"])
def test_geojson_is_longitude_latitude_with_outer_rings_anticlockwise(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"fields{suffix}"
    frame = features()
    write_features(frame, path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["type"] == "FeatureCollection"
    assert "crs" not in document
    assert document["features"][1]["properties"]["class"] == "prairie sèche"
    for feature in document["features"]:
        rings = feature["geometry"]["coordinates"]
        assert [Polygon(ring).exterior.is_ccw for ring in rings] == [True, False][: len(rings)]
        assert all(8.99 < x < 9.01 and 45.1 < y < 45.2 for ring in rings for x, y in ring)
    back = gpd.read_file(path).to_crs(UTM)
    assert back.geometry.hausdorff_distance(frame.geometry).max() < 0.002
    assert leftovers(tmp_path, path) == []


def test_geojson_cuts_at_the_antimeridian(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    # EPSG:3832 has its central meridian at 150 degrees east: Fiji is in one piece there.
    x, y = 3_339_584.7, -2_000_000.0
    boxes = [box(x - 30, y, x + 30, y + 60), box(x - 90, y, x - 60, y + 60)]
    write_features(features("EPSG:3832", boxes), path)
    parts = [list(shape.bounds) for shape in gpd.read_file(path).geometry.iloc[0].geoms]
    assert len(parts) == 2
    assert all(abs(b[2] - b[0]) < 1e-3 for b in parts)


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".shp"])
def test_the_schema_is_the_same_with_and_without_features(tmp_path: Path, suffix: str) -> None:
    infos = []
    for name, frame in (("none", features().iloc[:0]), ("some", features()), ("bare", BARE)):
        write_features(frame, tmp_path / f"{name}{suffix}")
        infos.append(pyogrio.read_info(tmp_path / f"{name}{suffix}"))
    assert list(infos[0]["fields"]) == ALWAYS
    for info in infos[1:]:
        for key in ("fields", "ogr_types", "geometry_type", "crs"):
            np.testing.assert_array_equal(infos[0][key], info[key])


def test_columns_are_ordered_and_completed(tmp_path: Path) -> None:
    frame = features()[["tile", "class", "geometry"]].assign(osm_id=[1, 2], raster=["a", "b"])
    frame.loc[1, "class"] = None
    write_features(frame.rename_geometry("outline"), tmp_path / "a.gpkg")
    got = gpd.read_file(tmp_path / "a.gpkg")
    assert list(got.columns) == [*COLUMNS, "osm_id", "geometry"]
    assert got["class"].isna().tolist() == [False, True]
    assert got["raster"].tolist() == ["a", "b"]
    assert got["score"].isna().all()
    assert got["score"].dtype == float
    assert got.crs == UTM


def test_numbers_become_text_where_text_is_meant(tmp_path: Path) -> None:
    write_features(features().assign(tile=[3, 4]), tmp_path / "a.gpkg")
    assert gpd.read_file(tmp_path / "a.gpkg")["tile"].tolist() == ["3", "4"]


@pytest.mark.parametrize(
    "values",
    [
        pd.Categorical(["a", "b"]),
        pd.array(["a", None], dtype="string"),
        [True, False],
        [None, None],
        pd.to_datetime(["2024-05-01", "2025-05-01"]),
    ],
)
def test_other_columns_of_any_common_type(tmp_path: Path, values: object) -> None:
    frame = features().assign(other=values)
    write_features(frame, tmp_path / "a.gpkg")
    again = gpd.read_file(tmp_path / "a.gpkg")["other"]
    got = [None if missing else str(one) for one, missing in zip(again, again.isna(), strict=True)]
    want = [None if pd.isna(one) else str(one) for one in frame["other"]]
    assert got == want


@pytest.mark.parametrize("wrong", [Point(1, 2), None, box(0, 0, 1, 1).exterior, Polygon()])
def test_only_polygons(tmp_path: Path, wrong: BaseGeometry | None) -> None:
    frame = features(geometry=[box(0, 0, 1, 1), wrong])
    with pytest.raises(OutputError, match="features must be polygons; there are some with"):
        write_features(frame, tmp_path / "a.gpkg")
    assert leftovers(tmp_path, tmp_path) == []


@pytest.mark.filterwarnings("error")
def test_without_crs(tmp_path: Path) -> None:
    frame = features(crs=None)
    write_features(frame, tmp_path / "a.gpkg")
    assert read_features(tmp_path / "a.gpkg").geometry.geom_equals(frame.geometry).all()
    with pytest.raises(OutputError, match=r"GeoJSON needs a georeferenced raster; write \.gpkg"):
        write_features(frame, tmp_path / "a.geojson")
    assert leftovers(tmp_path, tmp_path / "a.gpkg") == []


def test_a_crs_without_a_number(tmp_path: Path) -> None:
    custom = "+proj=laea +lat_0=45 +lon_0=9 +ellps=GRS80 +units=m"
    boxes = [box(0, 0, 10, 10), box(20, 0, 30, 10)]
    write_features(features(custom, boxes), tmp_path / "a.gpkg")
    again = gpd.read_file(tmp_path / "a.gpkg")
    assert again.crs is not None
    np.testing.assert_allclose(again.to_crs(4326).total_bounds[:2], (9, 45), atol=1e-6)


@pytest.mark.filterwarnings("ignore:Failed to create coordinate transformation")
def test_a_crs_that_has_no_longitude(tmp_path: Path) -> None:
    local = 'LOCAL_CS["site",UNIT["metre",1]]'
    write_features(features(local), tmp_path / "a.gpkg")
    with pytest.raises(OutputError, match=r"a\.geojson: cannot be written: "):
        write_features(features(local), tmp_path / "a.geojson")
    assert leftovers(tmp_path, tmp_path / "a.gpkg") == []


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="ogrinfo is not installed")
@pytest.mark.parametrize("suffix", GDAL_READS)
def test_ogrinfo_reads_it_without_a_warning(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"fields{suffix}"
    write_features(features(), path)
    done = subprocess.run(
        ["ogrinfo", "-ro", "-so", "-al", str(path)], capture_output=True, text=True, check=True
    )
    assert "Feature Count: 2" in done.stdout
    kind = "Multi Polygon" if suffix in (".gpkg", ".fgb") else "Polygon"
    assert f"Geometry: {kind}" in done.stdout
    for name in ALWAYS:
        assert f"{name}: " in done.stdout
    assert done.stderr == ""


# --- where it goes -------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [check_output, lambda path: write_features(features(), path)])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.kml", r"a\.kml: no format for '\.kml'; use one of \.gpkg, \.parquet, .*postgresql://$"),
        ("a", r"no format for a name without a suffix; use one of"),
        ("missing/a.gpkg", r"there is no folder .*missing; make it first"),
        ("taken.gpkg", r"taken\.gpkg: exists already; say --overwrite"),
        ("folder.gpkg", r"folder\.gpkg: is a folder"),
        ("taken.gpkg/a.gpkg", r"there is no folder"),
    ],
)
def test_refused_before_the_work(tmp_path: Path, check, name: str, words: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "taken.gpkg").write_text("mine")
    (tmp_path / "folder.gpkg").mkdir()
    with pytest.raises(OutputError, match=words):
        check(tmp_path / name)
    assert (tmp_path / "taken.gpkg").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_must_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission to write in"):
        check_output(tmp_path / "a.gpkg")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs Linux' /proc")
@pytest.mark.parametrize("suffix", EVERY)
def test_a_file_system_that_takes_no_files(suffix: str) -> None:
    with pytest.raises(OutputError, match=r"a\.[a-z]+: (cannot be written|no permission to write)"):
        write_features(features(), f"/proc/self/a{suffix}")


@pytest.mark.parametrize("suffix", EVERY)
def test_overwrite_replaces_the_file_and_its_journals(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_features(features(), path)
    for ending in ("-wal", "-shm", "-journal"):
        (tmp_path / f"a{suffix}{ending}").write_bytes(b"of the old file")
    (tmp_path / f".a{suffix}.partial").mkdir()
    (tmp_path / f".a{suffix}.partial" / "rest").write_bytes(b"of a run that was killed")
    check_output(path, overwrite=True)
    write_features(features().iloc[:1], path, overwrite=True)
    assert len(opened(path)) == 1
    assert leftovers(tmp_path, path) == members(path)


@pytest.mark.parametrize("suffix", EVERY)
def test_a_failure_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_features(features(), path)
    before = path.read_bytes()
    unwritable = features().assign(broken=[1j, 2j])
    with pytest.raises(OutputError, match="column 'broken' cannot be written"):
        write_features(unwritable, path, overwrite=True)
    assert path.read_bytes() == before
    assert leftovers(tmp_path, path) == members(path)


def test_second_names() -> None:
    assert all(FORMATS[second] is FORMATS[first] for second, first in SAME.items())


def test_path_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_features(features(), "a.gpkg")
    assert len(read_features("a.gpkg")) == 2


# --- reading -------------------------------------------------------------------------------------


def test_reading_keeps_crs_and_columns(tmp_path: Path) -> None:
    features().assign(osm_id=[5, 6]).to_file(tmp_path / "a.fgb", driver="FlatGeobuf")
    frame = read_features(tmp_path / "a.fgb")
    assert frame.crs == UTM
    assert sorted(frame["osm_id"]) == [5, 6]


def test_geoparquet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_features(features(), path)
    again = read_features(path)
    assert list(again.columns) == [*ALWAYS, "geometry"]
    assert again.crs == UTM
    with pytest.raises(DataError, match=r"nowhere\.parquet: no such file"):
        read_features(tmp_path / "nowhere.parquet")
    path.write_text("text")
    with pytest.raises(DataError, match=r"a\.parquet: no GeoParquet: "):
        read_features(path)
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(DataError, match=r"a\.parquet: no GeoParquet: Missing geo metadata"):
        read_features(path)


def test_several_layers(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    for layer, count in (("parcels", 1), ("houses", 2)):
        features().iloc[:count].to_file(path, layer=layer)
    with pytest.raises(DataError, match=r"several layers \(parcels, houses\).*a\.gpkg:parcels"):
        read_features(path)
    assert len(read_features(path, layer="houses")) == 2
    with pytest.raises(DataError, match="trees"):
        read_features(path, layer="trees")


def test_a_layer_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    for layer, count in (("parcels", 1), ("houses", 2)):
        features().iloc[:count].to_file(path, layer=layer)
    assert len(read_features(f"{path}:parcels")) == 1
    assert len(read_features(f"{path}:houses")) == 2
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "a.gpkg")
    assert len(read_features(f"/vsizip/{(tmp_path / 'a.zip').as_posix()}/a.gpkg:houses")) == 2
    with pytest.raises(DataError, match=r"a\.gpkg: .*trees"):
        read_features(f"{path}:trees")
    for nowhere in (f"{tmp_path / 'no.gpkg'}:houses", "Q:\\no.gpkg", "Q:/no.gpkg"):
        with pytest.raises(DataError, match=f"^{re.escape(nowhere)}: no such file$"):
            read_features(nowhere)


@pytest.mark.skipif(os.name == "nt", reason="no file of Windows has a colon in its name")
def test_a_colon_in_the_name_of_a_file(tmp_path: Path) -> None:
    geographic = features().to_crs(4326)
    geographic.to_file(tmp_path / "a", driver="GeoJSON", layer="parcels")
    geographic.iloc[:1].to_file(tmp_path / "a:parcels", driver="GeoJSON")
    assert len(read_features(tmp_path / "a:parcels")) == 1


def test_what_is_no_vector_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.gpkg: no such file$"):
        read_features(tmp_path / "nowhere.gpkg")
    for name, content in (("a.txt", "text"), ("a.geojson", "{"), ("a.gpkg", "text")):
        (tmp_path / name).write_text(content)
        with pytest.raises(DataError, match="not vector data GDAL can read"):
            read_features(tmp_path / name)
    with pytest.raises(DataError, match="not vector data"):
        read_features(tmp_path)


def test_a_table_without_geometry(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match="no layer with geometry"):
        read_features(tmp_path / "a.csv")


def test_real_labels(shared: Path) -> None:
    frame = read_features(shared / "data/naip_fields_us/labels/train_08.geojson")
    assert frame.crs == "EPSG:4326"
    assert len(frame) > 10
    assert set(frame["class"]) == {"field"}
