"""Features in a real PostGIS."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import pytest
import shapely
from geopandas import GeoDataFrame

from geomrcnn.errors import OutputError
from geomrcnn.formats.postgis import parse_url
from geomrcnn.formats.writer import check_output, read_provenance, write_features
from tests.found import UTM, features, provenance

psycopg = pytest.importorskip("psycopg", reason="needs the extra 'postgis'")


def execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        answer = connection.execute(statement)
        return list(answer) if answer.description else []


def tables(url: str) -> list[str]:
    return [name for (name,) in execute(
        url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    )]  # fmt: skip


@pytest.fixture
def database(postgis: str) -> Iterator[str]:
    """The same server, without tables of other tests."""
    yield postgis
    for name in set(tables(postgis)) - {"spatial_ref_sys"}:
        execute(postgis, f'DROP TABLE "{name}" CASCADE')


def read(url: str, table: str) -> GeoDataFrame:
    with psycopg.connect(url) as connection:
        return gpd.read_postgis(f'SELECT * FROM "{table}" ORDER BY fid', connection)


@pytest.mark.filterwarnings("ignore:pandas only supports SQLAlchemy")
def test_everything_comes_back(database: str) -> None:
    target = f"{database}?table=Felder ä"
    frame = features()
    batches = (frame.iloc[k : k + 1] for k in range(len(frame)))
    write_features(batches, target, crs=UTM, provenance=provenance())
    again = read(database, "Felder ä")
    assert list(again.columns) == ["fid", *frame.columns.drop("geometry"), "geom"]
    assert again["fid"].tolist() == [1, 2, 3]
    for name in frame.columns.drop("geometry"):
        assert again[name].isna().tolist() == frame[name].isna().tolist()
        assert again[name].dropna().tolist() == frame[name].dropna().tolist()
    assert again.crs == UTM
    assert shapely.equals(again.geometry.to_numpy(), frame.geometry.to_numpy()).all()
    assert read_provenance(target) == provenance()
    assert execute(database, "SELECT type, srid FROM geometry_columns") == [("MULTIPOLYGON", 32632)]
    indexes = execute(database, "SELECT indexdef FROM pg_indexes WHERE tablename = 'Felder ä'")
    assert sum("USING gist (geom)" in index for (index,) in indexes) == 1


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="ogrinfo is not installed")
def test_gdal_reads_it(database: str) -> None:
    write_features(features(), f"{database}?table=public.parcels")
    done = subprocess.run(
        ["ogrinfo", "-ro", "-so", f"PG:{database}", "parcels"],
        capture_output=True, text=True, env={**os.environ, "PROJ_LIB": "/usr/share/proj"},
    )  # fmt: skip
    assert "Geometry: Multi Polygon" in done.stdout, done.stderr
    assert "Feature Count: 3" in done.stdout


def test_an_existing_table_is_replaced_only_when_told(database: str) -> None:
    target = f"{database}?table=parcels"
    write_features(features(), target, provenance=provenance())
    for attempt in (check_output, lambda url: write_features(features(), url)):
        with pytest.raises(OutputError, match=r"table=parcels: exists already; say --overwrite"):
            attempt(target)
    check_output(target, overwrite=True)
    write_features(features().iloc[:1], target, overwrite=True)
    assert execute(database, "SELECT count(*) FROM parcels") == [(1,)]
    assert read_provenance(target) is None
    assert tables(database) == ["parcels", "spatial_ref_sys"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, OSError])
def test_what_breaks_off_leaves_the_old_table(database: str, error: type[BaseException]) -> None:
    target = f"{database}?table=parcels"
    write_features(features(), target)

    def batches() -> Iterator[GeoDataFrame]:
        yield features()
        assert tables(database) == [".parcels.partial", "parcels", "spatial_ref_sys"]
        raise error("on the way")

    with pytest.raises(error, match="on the way"):
        write_features(batches(), target, overwrite=True)
    assert execute(database, "SELECT count(*) FROM parcels") == [(3,)]
    assert tables(database) == ["parcels", "spatial_ref_sys"]


def test_a_connection_that_is_cut(database: str) -> None:
    def batches() -> Iterator[GeoDataFrame]:
        yield features()
        execute(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%COPY%' "
            "AND pid <> pg_backend_pid()",
        )
        yield features()

    with pytest.raises(OutputError, match="terminating connection"):
        write_features(batches(), f"{database}?table=parcels")
    assert "parcels" not in tables(database)
    write_features(features(), f"{database}?table=parcels")  # clears what was left
    assert tables(database) == ["parcels", "spatial_ref_sys"]


def test_pixels_and_no_features(database: str) -> None:
    write_features(features(crs=None), f"{database}?table=pixels")
    write_features([], f"{database}?table=nothing", crs=UTM)
    assert execute(database, "SELECT f_table_name, srid FROM geometry_columns ORDER BY 1") == [
        ("nothing", 32632),
        ("pixels", 0),
    ]


def test_refused_in_one_line(database: str) -> None:
    custom = "+proj=laea +lat_0=45 +lon_0=9 +ellps=GRS80 +units=m"
    with pytest.raises(OutputError, match="knows no number for the CRS"):
        write_features(features().to_crs(custom), f"{database}?table=a")
    with pytest.raises(OutputError, match="there is no schema nowhere; make it first"):
        check_output(f"{database}?table=nowhere.a")
    execute(database, "CREATE VIEW seen AS SELECT 1")
    with pytest.raises(OutputError, match="is no plain table"):
        check_output(f"{database}?table=seen", overwrite=True)
    execute(database, "DROP VIEW seen")
    write_features(features(), f"{database}?table=a")
    execute(database, "CREATE VIEW seen AS SELECT * FROM a")
    with pytest.raises(OutputError, match="other objects depend on it"):
        write_features(features(), f"{database}?table=a", overwrite=True)
    execute(database, "DROP VIEW seen")
    execute(database, "CREATE DATABASE bare")
    with pytest.raises(OutputError, match="has no PostGIS; let its owner run"):
        check_output(database.replace("/postgres", "/bare") + "?table=a")


def test_no_password_is_ever_shown(database: str) -> None:
    wrong = database.replace("s3cret", "wr0ng%21")
    for url in (f"{wrong}?table=a", wrong, f"{wrong}?table=a&sslmode=wr0ng!"):
        with pytest.raises(OutputError) as caught:
            check_output(url)
        assert "wr0ng" not in str(caught.value)
        assert "surveyor:***@127.0.0.1" in str(caught.value)
    with pytest.raises(OutputError, match=r"127\.0\.0\.1.*(refused|failed)"):
        check_output("postgresql://me@127.0.0.1:1/db?table=a")


def test_the_parts_of_an_url() -> None:
    assert parse_url("postgres:///db?table=a").url == "postgres:///db?"
    target = parse_url("postgresql://me:a@host:1/db?table=gis.fields&sslmode=require")
    assert target.url == "postgresql://me:a@host:1/db?sslmode=require"
    assert (target.schema, target.table) == ("gis", "fields")
    assert target.shown == "postgresql://me:***@host:1/db?table=gis.fields"
    with pytest.raises(OutputError, match=r"name the table, as in postgresql:///db\?table=fields"):
        parse_url("postgresql:///db")
