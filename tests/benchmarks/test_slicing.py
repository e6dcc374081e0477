"""SAHI beside geomrcnn, on one network."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from click.testing import CliRunner

from scripts.benchmarks import slicing
from scripts.benchmarks.common.ortho import fields_of_farmland, write_farmland
from tests.oracles.paste import paste

needs_sahi = pytest.mark.skipif(
    find_spec("sahi") is None, reason="SAHI is not installed; scripts/bench slicing says how"
)


def test_the_true_fields_lie_where_the_raster_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "farmland.tif"
    write_farmland(path, 1100, 2.0)
    fields = fields_of_farmland(1100, 2.0)
    with rasterio.open(path) as source:
        assert shapely.covers(shapely.box(*source.bounds), fields).all()
        left, _, _, top = source.bounds
        image = source.read()
    # The scene begins anew after 1024 pixels, and so do its fields.
    assert np.array_equal(image[:, :, :76], image[:, :, 1024:])
    first, again = (
        shapely.area(shapely.intersection(fields, shapely.box(x, top - 2048, x + 152, top))).sum()
        for x in (left, left + 2048)
    )
    assert first == pytest.approx(again)
    assert first > 100_000


@pytest.mark.parametrize(
    "python",
    [
        "/nowhere/python",
        pytest.param(sys.executable, marks=pytest.mark.skipif(
            find_spec("sahi") is not None, reason="SAHI is installed"
        )),
    ],
)  # fmt: skip
def test_without_sahi_a_line_says_how_to_get_it(python: str) -> None:
    ended = CliRunner().invoke(slicing.main, ["--python", python])
    assert ended.exit_code == 1
    assert ended.output.startswith(f"Error: {python} cannot run SAHI (")
    assert "pip install . sahi" in ended.output
    assert ended.output.count("\n") == 1


@needs_sahi
def test_masks_are_brought_into_slices_as_one_would_pixel_by_pixel() -> None:
    from scripts.benchmarks.common.sahi_child import in_slice

    rng = np.random.default_rng(0)
    for box in ([3.3, 5.1, 30.7, 22.4], [0, 0, 40, 30], [30.2, 25.5, 40, 30], [7, 7, 7, 9]):
        mask, corners = rng.random((28, 28)), np.array(box, np.float32)
        if box[2] > box[0]:
            expected = paste(mask, corners, 30, 40)
            rows, columns = (slice(int(box[k]), int(np.ceil(box[k + 2]))) for k in (1, 0))
            inside = np.zeros((30, 40), bool)
            inside[rows, columns] = True
            # OpenCV counts in 1/32 of a cell.
            assert in_slice(mask, corners, 30, 40) == pytest.approx(expected * inside, abs=0.04)
        else:
            assert not in_slice(mask, corners, 30, 40).any()


@needs_sahi
def test_both_find_fields_in_the_same_tiles(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    ended = CliRunner().invoke(
        slicing.main, ["--size", "1024", "--tile", "512", "--overlap", "128", "--json", str(out)]
    )
    assert ended.exit_code == 0, ended.output
    sahi, ours = json.loads(out.read_text())["figures"]
    assert [sahi["name"], ours["name"]] == ["SAHI", "geomrcnn"]
    assert sahi["tiles"] == ours["tiles"] == 9
    for one in (sahi, ours):
        assert 0 < one["seconds"] < 300
        assert one["peak_mb"] > 100
        assert one["found"]["f1"] > 0.5
