"""Overlapping polygons in GRASS, whose topology cuts them where they cross."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from pathlib import Path

import geopandas as gpd
import pytest
from geopandas import GeoDataFrame
from shapely import Point, box

from geomrcnn.formats.writer import write_features

IMPORT = """
set -e
export GRASS_VERBOSE=-1
v.in.ogr input=found.gpkg output=found
v.db.select map=found separator=comma file=table.csv
v.to.db -p map=found option=area separator=comma > areas.csv
v.category input=found layer=2 option=print > overlaps.txt
v.out.ogr -m -s input=found type=area output=back.gpkg format=GPKG
"""


@pytest.fixture(scope="module")
def found() -> GeoDataFrame:
    """A field and a building that cross, the same ground twice, one within another, neighbours."""
    x, y = 500_000.0, 5_000_000.0
    geometry = [
        box(x, y, x + 20, y + 30),
        box(x, y, x + 20, y + 30),
        box(x + 10, y + 10, x + 40, y + 25),
        Point(x + 35, y + 20).buffer(8),
        box(x + 100, y, x + 120, y + 10),
        box(x + 104, y + 2, x + 108, y + 6),
        box(x + 120, y, x + 130, y + 10),
    ]
    frame = GeoDataFrame(
        {
            "class": ["field", "building", "building", "field", "field", "building", "building"],
            "score": [0.9, 0.8125, 0.75, 0.6, 0.55, 0.5, 1 / 3],
        },
        geometry=geometry,
        crs="EPSG:32632",
    )
    return frame.assign(area_m2=frame.area, fragments=1, status="traced", tile="0-0")


@pytest.fixture(scope="module", params=["EPSG:32632", "EPSG:4326"])
def imported(
    request: pytest.FixtureRequest, found: GeoDataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with what GRASS says of them."""
    if shutil.which("grass") is None:
        missing = "needs GRASS (Debian's package grass-core)"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("grass")
    write_features(found.to_crs(request.param), folder / "found.gpkg")
    (folder / "import.sh").write_text(IMPORT)
    # GRASS is written in the system's Python, and would take another that comes first.
    environment = {**os.environ, "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    for variable in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        environment.pop(variable, None)
    for arguments in (
        ["-c", request.param, "here", "-e"],
        ["here/PERMANENT", "--exec", "bash", "import.sh"],
    ):
        done = subprocess.run(
            ["grass", "--text", *arguments],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return folder


def test_classes_and_scores_are_intact(imported: Path, found: GeoDataFrame) -> None:
    with (imported / "table.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["class"] for row in rows] == list(found["class"])
    assert [float(row["score"]) for row in rows] == pytest.approx(list(found["score"]), rel=1e-12)
    assert [float(row["area_m2"]) for row in rows] == pytest.approx(list(found.area), rel=1e-12)


def test_the_pieces_of_a_polygon_add_up_to_its_area(imported: Path, found: GeoDataFrame) -> None:
    lines = (imported / "areas.csv").read_text().split()
    areas = {int(number): float(area) for number, area in (line.split(",") for line in lines)}
    assert list(areas) == list(range(1, len(found) + 1))
    # Where degrees are the unit, on the ellipsoid instead of the plane.
    assert list(areas.values()) == pytest.approx(list(found.area), rel=2e-3)


def test_ground_under_several_polygons_is_counted(imported: Path) -> None:
    counts = sorted(map(int, (imported / "overlaps.txt").read_text().split()))
    assert counts == [2, 2, 2, 3]


def test_polygons_come_out_whole_again(imported: Path, found: GeoDataFrame) -> None:
    back = gpd.read_file(imported / "back.gpkg").to_crs(found.crs)
    # Pieces that share an edge are no valid multipolygon until they are one.
    back["geometry"] = back.geometry.buffer(0)
    assert list(back["class"]) == list(found["class"])
    left = back.geometry.symmetric_difference(found.geometry).area
    assert left.max() < 1e-3
