"""GeoParquet by its own rules, and fields by those of fiboa."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely

from geomrcnn.formats.geoparquet import ROWS
from geomrcnn.formats.writer import write_features
from tests.found import UTM, features, provenance


def metadata(path: Path, key: str) -> Any:
    return json.loads(pq.read_metadata(path).metadata[key.encode()])


@pytest.mark.parametrize("crs", [UTM, None])
def test_the_metadata_of_version_1_1(tmp_path: Path, crs: str | None) -> None:
    path = tmp_path / "a.parquet"
    write_features(features(crs), path)
    geo = metadata(path, "geo")
    assert geo["version"] == "1.1.0"
    column = geo["columns"][geo["primary_column"]]
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["MultiPolygon", "Polygon"]
    assert column["bbox"] == features().total_bounds.tolist()
    assert column["orientation"] == "counterclockwise"
    assert column["covering"]["bbox"]["xmax"] == ["bbox", "xmax"]
    if crs is None:
        assert column["crs"] is None
    else:
        assert pyproj.CRS.from_json_dict(column["crs"]) == crs
    raw = pq.read_table(path)
    shapes = shapely.from_wkb(raw["geometry"].to_numpy())
    assert shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(shapes))).all()


def test_boxes_hold_their_features_and_find_them(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = features().translate(0.123456789, 0.987654321)
    write_features(features(geometry=list(frame)), path)
    boxes = pq.read_table(path)["bbox"].combine_chunks().flatten()
    xmin, ymin, xmax, ymax = (np.asarray(side, dtype=float) for side in boxes)
    bounds = frame.bounds
    assert (xmin <= bounds["minx"]).all()
    assert (ymin <= bounds["miny"]).all()
    assert (xmax >= bounds["maxx"]).all()
    assert (ymax >= bounds["maxy"]).all()
    west, _, _, north = frame.total_bounds
    assert len(gpd.read_parquet(path, bbox=(west - 1, north - 2, west + 1, north))) == 1


def test_row_groups_do_not_depend_on_the_batches(tmp_path: Path) -> None:
    part = features().iloc[[0] * 1000]
    path = tmp_path / "a.parquet"
    write_features((part for _ in range(20)), path)
    found = pq.read_metadata(path)
    groups = [found.row_group(k).num_rows for k in range(found.num_row_groups)]
    assert groups == [ROWS, 20_000 - ROWS]
    assert len(gpd.read_parquet(path)) == 20_000


def test_fields_follow_fiboa(tmp_path: Path) -> None:
    """By the rules of fiboa 0.3.0 and Vecorel 0.1.0 for GeoParquet."""
    path = tmp_path / "a.parquet"
    frame = features().assign(area_m2=[600.0, 0.0, None])
    write_features(frame, path, layer="parish", provenance=provenance(classes=("field",)))
    collection = metadata(path, "collection")
    assert collection["collection"] == "parish"
    assert set(collection["schemas"]) == {"parish"}
    assert collection["schemas"]["parish"] == [
        "https://vecorel.org/specification/v0.1.0/schema.yaml",
        "https://fiboa.org/specification/v0.3.0/schema.yaml",
    ]
    assert collection["determination:method"] == "auto-imagery"
    assert "metrics:area" not in collection
    table = pq.read_table(path)
    physical = pq.read_metadata(path).schema
    kinds = {
        physical.column(k).path: physical.column(k).physical_type for k in range(len(physical))
    }
    assert table["id"].to_pylist() == ["1", "2", "3"]
    assert not table.schema.field("id").nullable
    assert not table.schema.field("geometry").nullable
    assert kinds["metrics:area"] == "FLOAT"
    assert kinds["bbox.xmin"] == "FLOAT"
    assert table["metrics:area"].to_pylist() == [600.0, None, None]
    assert list(gpd.read_parquet(path).columns)[:2] == ["id", "class"]


@pytest.mark.parametrize("classes", [("field", "pond"), ("roof",), None])
def test_nothing_else_follows_fiboa(tmp_path: Path, classes: tuple[str, ...] | None) -> None:
    path = tmp_path / "a.geoparquet"
    write_features(features(), path, provenance=classes and provenance(classes))
    assert b"collection" not in pq.read_metadata(path).metadata
    assert "id" not in pq.read_table(path).column_names
