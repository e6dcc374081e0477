"""Broken files by the thousand: each is read, or refused in one line, soon and in little memory."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio

from geomrcnn.errors import RasterError
from geomrcnn.raster.source import open_raster
from tests.fuzz.cases import MUCH, SLOW, peak
from tests.fuzz.damage import flipped, lying, truncated
from tests.fuzz.rasters import BAND, PARTS, VRT, look_at, made_up, sound_files
from tests.rasters import write_raster

pytest.importorskip("resource")

CASES = 400
"""For each kind of file."""


@pytest.mark.parametrize("damage", [truncated, flipped, lying])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_damaged_files(
    tmp_path: Path, damage: Callable[[bytes, np.random.Generator], bytes]
) -> None:
    whole = sound_files(tmp_path)
    rng = np.random.default_rng(8)
    before, fates = peak(), {True: 0, False: 0}
    names = sorted(whole)
    for case in range(CASES * 2):
        name = names[case % len(names)]
        path = tmp_path / f"{case}-{name}"
        path.write_bytes(damage(whole[name], rng))
        began = time.perf_counter()
        fates[look_at(path)] += 1
        assert time.perf_counter() - began < SLOW, path
        assert peak() - before < MUCH, path
        path.unlink()
    assert fates[False] > CASES / 10


# --- VRTs ----------------------------------------------------------------------------------------


def alone(function: Callable[[Path], None], folder: Path) -> None:
    """Call in another process: once GDAL has met a VRT that holds itself, it reads the missing
    parts of later ones as nodata, without a word."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        process.submit(function, folder).result()


def test_made_up_vrts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "0")
    alone(look_at_made_up_vrts, tmp_path)


def look_at_made_up_vrts(folder: Path) -> None:
    write_raster(folder / "part.tif", np.ones((3, 8, 8), np.uint8))
    rng = np.random.default_rng(6)
    before, fates = peak(), {True: 0, False: 0}
    for _ in range(CASES * 2):
        path = folder / "self.vrt"
        path.write_text(made_up(rng))
        began = time.perf_counter()
        fates[look_at(path)] += 1
        assert time.perf_counter() - began < SLOW, path.read_text()
        assert peak() - before < MUCH, path.read_text()
    assert min(fates.values()) > CASES / 10


def test_a_ring_of_vrts(tmp_path: Path) -> None:
    alone(look_at_a_ring, tmp_path)


def look_at_a_ring(folder: Path) -> None:
    for here, there in (("a.vrt", "b.vrt"), ("b.vrt", "c.vrt"), ("c.vrt", "a.vrt")):
        chosen = {part: options[0] for part, options in PARTS.items()}
        chosen["SourceFilename"] = there
        chosen.pop("bands")
        text = VRT.format(all_bands=BAND.format(number=1, **chosen), **chosen)
        (folder / here).write_text(text)
    assert not look_at(folder / "a.vrt")


# --- headers that promise too much ---------------------------------------------------------------


def test_blocks_too_large_to_read_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=40_000, height=40_000, count=1, dtype="uint8", tiled=True,
        blockxsize=32_768, blockysize=32_768, SPARSE_OK=True, compress="deflate",
    ) as file:  # fmt: skip
        assert file.block_shapes[0] == (32_768, 32_768)
    before = peak()
    with pytest.raises(RasterError, match=r"stored in pieces of 32768 × 32768 .* TILED=YES"):
        open_raster(path)
    assert peak() - before < MUCH


def test_no_bands(tmp_path: Path) -> None:
    path = tmp_path / "a.vrt"
    path.write_text('<VRTDataset rasterXSize="8" rasterYSize="8"></VRTDataset>')
    with pytest.raises(RasterError, match=r"a\.vrt: (has no bands|not a raster)"):
        open_raster(path)
