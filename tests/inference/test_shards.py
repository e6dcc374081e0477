"""Shards: jobs that know nothing of one another, and the output of all of them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from geomrcnn.errors import OutputError, RasterError
from geomrcnn.formats.reader import read_features
from geomrcnn.formats.writer import read_provenance
from geomrcnn.inference.journal import journal_of
from geomrcnn.inference.merging import merge_shards
from geomrcnn.inference.options import Options, Progress, Report
from geomrcnn.inference.predict import predict_to_file
from geomrcnn.inference.shards import Shard, parse_shard, predict_shard
from tests.inference.patient import SIDE, Patient
from tests.rasters import write_raster
from tests.servers import file_server

DETECTOR = Patient(0.0)


def write_ortho(path: Path, *, left: int = 0, damaged: bool = False) -> Path:
    pixels = np.random.default_rng(0).integers(1, 255, (3, SIDE, SIDE), np.uint8)
    write_raster(path, pixels, transform=Affine(1, 0, 500_000 + left, 0, -1, 4_983_000),
                 tiled=True, blockxsize=64, blockysize=64, compress="deflate")  # fmt: skip
    if damaged:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"\xff" * (path.stat().st_size // 10))
    return path


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ortho(tmp_path_factory.mktemp("raster") / "ortho.tif")


def shards(
    rasters: Sequence[Path | str], out: Path, of: int, options: Options, **how: Any
) -> list[Report]:
    return [
        predict_shard(rasters, out, DETECTOR, options, Shard(number, of), **how)
        for number in range(1, of + 1)
    ]


def journals(out: Path, of: int) -> list[Path]:
    return [Shard(number, of).journal(out) for number in range(1, of + 1)]


def same(one: Path, other: Path) -> bool:
    """Whether two files hold the same features, to the last bit, and say the same of them."""
    first, second = read_features(one), read_features(other)
    made = [read_provenance(path) for path in (one, other)]
    said = [{**source.to_dict(), "date": ""} for source in made if source is not None]
    return bool(
        len(first) > 10
        and first.drop(columns="geometry").equals(second.drop(columns="geometry"))
        and [g.wkb for g in first.geometry] == [g.wkb for g in second.geometry]
        and len(said) == 2
        and said[0] == said[1]
    )


@given(st.integers(0, 10**8), st.integers(1, 10**6), st.data())
def test_shares_are_equal_neighbours_and_all_there_is(total: int, of: int, data: Any) -> None:
    number = data.draw(st.integers(1, of))
    share = Shard(number, of).tiles(total)
    assert total // of <= len(share) <= total // of + 1
    assert share.stop == (Shard(number + 1, of).tiles(total).start if number < of else total)
    assert Shard(1, of).tiles(total).start == 0


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/3/5", "1.5/3"])
def test_what_is_no_share_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=rf"'{text}' is no share: say I/N with I from 1 to N"):
        parse_shard(text)
    assert parse_shard("2/5") == (2, 5)


@pytest.mark.parametrize("of", [1, 3, 7])
def test_shards_merge_to_what_one_process_writes(of: int, raster: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.gpkg"
    whole = predict_to_file(raster, alone, DETECTOR, Options())
    (tmp_path / "shards").mkdir()
    out = tmp_path / "shards" / "alone.gpkg"
    reports = shards([raster], out, of, Options())
    assert sum(report.tiles for report in reports) == whole.tiles
    assert all(report.processed == report.tiles for report in reports)
    assert sorted(out.parent.iterdir()) == sorted(journals(out, of))
    told: list[Progress] = []
    report = merge_shards(journals(out, of)[::-1], out, on_progress=told.append)
    assert same(out, alone)
    assert (report.objects, report.tiles) == (whole.objects, whole.tiles)
    assert [now.done for now in told] == list(range(whole.tiles + 1))
    assert all(path.exists() for path in journals(out, of))


def test_all_rasters_and_both_looks_are_divided(tmp_path: Path) -> None:
    rasters = [write_ortho(tmp_path / "west.tif"),
               write_ortho(tmp_path / "east.tif", left=800, damaged=True)]  # fmt: skip
    area = tmp_path / "area.gpkg"
    shape = shapely.box(500_100, 4_982_200, 501_600, 4_983_000).buffer(-10)
    geopandas.GeoDataFrame(geometry=[shape], crs="EPSG:32632").to_file(area)
    options = Options(coarse=True, aoi=area, min_score=0.6, shapes={"*": "rectangle"})
    alone = tmp_path / "alone.geojson"
    whole = predict_to_file(rasters, alone, DETECTOR, options)
    assert whole.unreadable
    out = tmp_path / "out.geojson"
    reports = shards(rasters, out, 5, options)
    assert sum(report.tiles for report in reports) == whole.tiles
    report = merge_shards(journals(out, 5), out)
    assert same(out, alone)
    assert report.skipped == whole.skipped
    assert report.unreadable == whole.unreadable


def test_more_shards_than_tiles_are_no_harm(raster: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.fgb"
    options = Options(tile=512, overlap=0)
    assert sum(report.tiles for report in shards([raster], out, 9, options)) == 4
    assert len(list(tmp_path.iterdir())) == 9
    filled = [path for path in journals(out, 9) if path.stat().st_size > 40_000]
    merge_shards(journals(out, 9), out)
    predict_to_file(raster, tmp_path / "alone.fgb", DETECTOR, options)
    assert same(out, tmp_path / "alone.fgb")
    assert len(filled) <= 4


class StoppedError(Exception):
    """Nobody wants to go on."""


def test_a_shard_goes_on_and_knows_when_it_is_done(raster: Path, tmp_path: Path) -> None:
    out, second = tmp_path / "out.gpkg", Shard(2, 3)

    def stop(now: Progress) -> None:
        if now.done == 5:
            raise StoppedError

    with pytest.raises(StoppedError):
        predict_shard([raster], out, DETECTOR, Options(), second, on_progress=stop)
    assert list(tmp_path.iterdir()) == [second.journal(out)]
    with pytest.raises(OutputError, match=r"2-of-3\.journal: has 5 of 16 tiles; run shard 2/3 ag"):
        merge_shards([second.journal(out)], out)
    report = predict_shard([raster], out, DETECTOR, Options(), second)
    assert (report.resumed, report.tiles) == (5, 16)
    report = predict_shard([raster], out, DETECTOR, Options(), second)
    assert report.resumed == report.tiles == 16
    with pytest.raises(OutputError, match="was begun with other options; repeat the command as"):
        predict_shard([raster], out, DETECTOR, Options(min_score=0.9), second)


def test_what_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    raster, out = write_ortho(tmp_path / "a.tif", damaged=True), tmp_path / "out.gpkg"
    state, bad = raster.stat(), raster.read_bytes()
    (first,) = shards([raster], out, 1, Options())
    assert first.skipped["unreadable"] > 0
    write_ortho(raster)
    assert raster.stat().st_size == len(bad)
    os.utime(raster, ns=(state.st_atime_ns, state.st_mtime_ns))
    (again,) = shards([raster], out, 1, Options())
    assert again.resumed == first.tiles - first.skipped["unreadable"]
    merged = merge_shards(journals(out, 1), out)
    assert not merged.unreadable
    predict_to_file(raster, tmp_path / "alone.gpkg", DETECTOR, Options())
    assert same(out, tmp_path / "alone.gpkg")


def test_shards_that_do_not_make_a_whole_are_refused(raster: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gpkg"
    shards([raster], out, 3, Options())
    one, two, _ = journals(out, 3)

    def refused(message: str, *paths: Path) -> None:
        with pytest.raises(OutputError, match=message):
            merge_shards(paths, out)
        assert not out.exists()

    refused(r"1-of-3\.journal: shard 3/3 is missing beside it", one, two)
    refused(r"2-of-3\.journal: shard 1/3 and 1 more is missing beside it", two)
    copied = Path(shutil.copy(two, tmp_path / "copy"))
    refused(r"copy: is shard 2/3, as .*2-of-3\.journal is", one, two, copied)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "out.gpkg"
    shards([raster], other, 2, Options())
    refused(r"1-of-2\.journal: is shard 1/2, but .* is one of 3", one, journals(other, 2)[0])
    shards([raster], other, 3, Options(min_score=0.7))
    refused(r"is of a run with other options than .*1-of-3", one, two, journals(other, 3)[2])
    refused("no: no such file", one, tmp_path / "no")
    (tmp_path / "letter").write_text("a letter, not a database, and long enough to be read")
    refused("letter: not a journal of a run", one, tmp_path / "letter")

    def stop(now: Progress) -> None:
        if now.done == 3:
            raise StoppedError

    usual = tmp_path / "usual.gpkg"
    with pytest.raises(StoppedError):
        predict_to_file(raster, usual, DETECTOR, Options(), on_progress=stop)
    refused("is not of a shard; the command that began it goes on from there", journal_of(usual))


def test_a_raster_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    raster, out = write_ortho(tmp_path / "a.tif"), tmp_path / "out.gpkg"
    shards([raster], out, 2, Options())
    state = raster.stat()
    os.utime(raster, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    with pytest.raises(OutputError, match=r"was begun with other raster; run all shards again wi"):
        merge_shards(journals(out, 2), out)
    raster.unlink()
    with pytest.raises(RasterError, match=r"a\.tif: no such file"):
        merge_shards(journals(out, 2), out)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tile SET scores = zeroblob(length(scores))",
        "UPDATE tile SET row = row + 100",
        "UPDATE run SET value = '[]' WHERE key = 'options'",
        """UPDATE run SET value = replace(value, '0.5', '0.6')""",
        "DELETE FROM shard WHERE key = 'checksum'",
        "UPDATE shard SET value = '7' WHERE key = 'of'",
        "UPDATE shard SET value = x'ff'",
        "DROP TABLE shard",
        "DROP TABLE tile",
    ],
)
def test_a_damaged_shard_is_refused_in_one_line(change: str, raster: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gpkg"
    shards([raster], out, 1, Options(tile=512, overlap=0))
    (path,) = journals(out, 1)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(change)
    with pytest.raises(OutputError, match=r"1-of-1\.journal: is damaged \(.+\); run this shard a"):
        merge_shards([path], out)
    assert not out.exists()


def test_relative_names_are_meant_from_where_the_shards_ran(
    raster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    there.mkdir()
    elsewhere.mkdir()
    shutil.copy(raster, there / "a.tif")
    monkeypatch.chdir(there)
    shards(["a.tif"], Path("out.gpkg"), 1, Options())
    predict_to_file("a.tif", there / "alone.gpkg", DETECTOR, Options())
    (path,) = (there / name for name in journals(Path("out.gpkg"), 1))
    monkeypatch.chdir(elsewhere)
    with pytest.raises(OutputError, match=r"a\.tif: the shards were run in .*there; merge them th"):
        merge_shards([path], "out.gpkg")
    monkeypatch.chdir(there)
    merge_shards([path], "out.gpkg")
    assert same(there / "out.gpkg", there / "alone.gpkg")


def test_keys_of_addresses_are_not_kept(raster: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gpkg"
    with file_server(raster.parent) as server:
        url = f"{server.url}/ortho.tif?key=secret"
        shards([url], out, 2, Options())
        assert all(b"secret" not in path.read_bytes() for path in journals(out, 2))
        with pytest.raises(
            OutputError, match=r"key=\*\*\*: journals hold no keys; name it again w"
        ):
            merge_shards(journals(out, 2), out)
        merge_shards(journals(out, 2), out, rasters=[url])
        predict_to_file(url, tmp_path / "alone.gpkg", DETECTOR, Options())
    assert same(out, tmp_path / "alone.gpkg")
