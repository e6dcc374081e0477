"""Features that come in batches: bounded memory, and what happens when they stop coming."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pytest
from geopandas import GeoDataFrame

from geomrcnn.errors import OutputError
from geomrcnn.formats.formats import FORMATS
from geomrcnn.formats.writer import write_features
from tests.found import UTM, features, opened, provenance

EVERY = sorted(set(FORMATS) - {".geoparquet", ".json", ".ndjson"})  # which are second names
FOUND = features().fillna({"class": "field"})

WRITE_MANY = """
import resource, sys, tempfile
import geopandas, numpy, shapely
from geomrcnn.formats.writer import write_features

def batches(total, size=4000):
    frame = geopandas.GeoDataFrame({
        "class": ["field"] * size, "score": 0.5, "area_m2": 312.0, "fragments": 1,
        "status": ["traced"] * size, "tile": ["0-0"] * size,
    }, geometry=shapely.buffer(shapely.points(numpy.arange(size), 0), 9, quad_segs=4))
    for k in range(total // size):
        yield frame.set_geometry(frame.geometry.translate(0, 20 * k))

with tempfile.TemporaryDirectory() as folder:
    write_features(batches(int(sys.argv[2])), f"{folder}/a{sys.argv[1]}", crs="EPSG:32632")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does, in KiB")
@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_memory_does_not_grow_with_the_number_of_features(suffix: str) -> None:
    few, many = (
        int(subprocess.run([sys.executable, "-c", WRITE_MANY, suffix, str(count)],
                           capture_output=True, text=True, check=True).stdout)
        for count in (20_000, 80_000)
    )  # fmt: skip
    grown = (many - few) / 1024
    assert grown < 15, f"{grown:.0f} MB, where 60,000 features have 36 MB of geometry alone"


@pytest.mark.parametrize("suffix", EVERY)
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, OutputError, StopIteration])
def test_what_the_batches_raise_comes_out_unchanged(
    tmp_path: Path, suffix: str, error: type[BaseException]
) -> None:
    raised = error("on the way")

    class Batches:
        def __init__(self) -> None:
            self.left = 2

        def __iter__(self) -> Batches:
            return self

        def __next__(self) -> GeoDataFrame:
            self.left -= 1
            if self.left < 0:
                raise raised
            return FOUND

    path = tmp_path / f"a{suffix}"
    if error is StopIteration:  # which is how an iterator ends
        write_features(Batches(), path, provenance=provenance())
        assert path.stat().st_size > 0
        return
    path.write_text("the old one")
    with pytest.raises(error) as caught:
        write_features(Batches(), path, overwrite=True, provenance=provenance())
    assert caught.value is raised
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "the old one"


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_a_failure_of_the_very_first_batch(tmp_path: Path, suffix: str) -> None:
    def batches() -> Iterator[GeoDataFrame]:
        raise ZeroDivisionError
        yield FOUND

    with pytest.raises(ZeroDivisionError):
        write_features(batches(), tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_batches_are_asked_for_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.geojsonl"
    partial = tmp_path / ".a.geojsonl.partial" / "a.geojsonl"
    sizes = []

    def batches() -> Iterator[GeoDataFrame]:
        yield FOUND.iloc[:0]
        for _ in range(3):
            yield FOUND.iloc[[0] * 2000]
            sizes.append(partial.stat().st_size)

    write_features(batches(), path, crs=UTM)
    assert sizes[0] < sizes[1] < sizes[2]
    assert len(gpd.read_file(path)) == 6000


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (FOUND.to_crs(4326), "features in WGS 84 cannot join others in WGS 84 / UTM zone 32N"),
        (FOUND.assign(osm_id=1), "features must all have the same columns; some have osm_id, too"),
        (FOUND.assign(score=["high", "low", "low"]), "column 'score' cannot be written"),
        (FOUND.set_geometry(FOUND.centroid), "features must be polygons"),
    ],
)
@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_batches_that_do_not_fit(
    tmp_path: Path, suffix: str, second: GeoDataFrame, words: str
) -> None:
    with pytest.raises(OutputError, match=rf"a{suffix}: {words}"):
        write_features([FOUND, second], tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_column_of_the_first_batch_may_be_missing_later(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_features([FOUND.assign(raster="a.tif"), FOUND], path)
    assert opened(path)["raster"].isna().tolist() == [False] * 3 + [True] * 3


FULL_DISK = """
import resource, signal, sys
import geopandas, shapely
from geomrcnn.errors import OutputError
from geomrcnn.formats.writer import write_features
from tests.found import features, provenance

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
frame = features().fillna({"class": "field"})
try:
    write_features((frame for _ in range(700)), sys.argv[1], provenance=provenance())
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
@pytest.mark.parametrize(
    ("suffix", "room"),
    [
        (".gpkg", 200_000),
        (".gpkg", 10_000),  # not even its empty tables
        (".parquet", 3_000),  # which needs little room for what is always the same
        (".geojson", 200_000),
        (".coco.json", 200_000),
    ],
)
def test_a_disk_that_is_full(tmp_path: Path, suffix: str, room: int) -> None:
    path = tmp_path / f"a{suffix}"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(room)],
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(f"{path}: cannot be written: "), done.stderr
    assert done.stdout.count("\n") == 1
    assert len(done.stdout) < len(str(path)) + 200  # without the commands that failed
    assert list(tmp_path.iterdir()) == []
