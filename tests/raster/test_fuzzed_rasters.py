"""Broken files by the thousand: each is read, or refused in one line, soon and in little memory."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

from geomrcnn.errors import RasterError
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.rasters import write_raster

resource = pytest.importorskip("resource")

CASES = 400
"""For each kind of file."""
SLOW = 10.0
"""Seconds."""
MUCH = 2**30
"""Bytes."""


def peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def look_at(path: Path) -> bool:
    """Open and read a corner; whether that went well. Anything but a RasterError is a fault."""
    try:
        with open_raster(path, gsd=3.0) as source:
            source.read(Window(0, 0, 40, 40))
            source.read(Window(source.width - 20, source.height - 20, 40, 40))
    except RasterError as error:
        said = str(error)
    else:
        return True
    assert "\n" not in said
    assert path.name in said
    return False


def sound_files(folder: Path) -> dict[str, bytes]:
    """Small rasters of all kinds, as bytes by name."""
    rng = np.random.default_rng(4)
    pixels = rng.integers(1, 255, (3, 50, 60), np.uint8)
    options: dict[str, dict[str, object]] = {
        "strips.tif": {"nodata": 0},
        "deflate.tif": {"compress": "deflate", "predictor": 2},
        "lzw_tiles.tif": {"compress": "lzw", "tiled": True, "blockxsize": 16, "blockysize": 16},
        "mask.tif": {"mask": pixels[0] > 9, "compress": "deflate"},
        "big.tif": {"BIGTIFF": "YES", "interleave": "band"},
        "jpeg.tif": {"compress": "jpeg", "tiled": True, "blockxsize": 16, "blockysize": 16},
    }
    for name, how in options.items():
        write_raster(folder / name, pixels, **how)  # type: ignore[arg-type]
    for name, driver in {"a.png": "PNG", "a.jpg": "JPEG", "a.jp2": "JP2OpenJPEG"}.items():
        copy(str(folder / "strips.tif"), str(folder / name), driver=driver)
    names = [*options, "a.png", "a.jpg", "a.jp2"]
    return {name: (folder / name).read_bytes() for name in names}


def truncated(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(0, len(content)))]


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """Up to eight bytes changed, most of them near the beginning, where the headers are."""
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        reach = len(damaged) if rng.random() < 0.4 else min(400, len(damaged))
        damaged[int(rng.integers(0, reach))] = int(rng.integers(0, 256))
    return bytes(damaged)


def lying(content: bytes, rng: np.random.Generator) -> bytes:
    """Two or four bytes at a time replaced by numbers that hurt."""
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        size = int(rng.choice([2, 4]))
        value = int(rng.choice([0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 2**31 - 1, 2**32 - 1]))
        where = int(rng.integers(0, min(500, len(damaged) - 4)))
        damaged[where : where + size] = (value % 256**size).to_bytes(size, "little")
    return bytes(damaged)


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

PARTS = {
    "rasterXSize": ["8", "0", "-1", "1", "2147483647", "99999999999", "x", ""],
    "rasterYSize": ["8", "0", "2147483647", "-5"],
    "GeoTransform": ["500000, 2, 0, 5000000, 0, -2", "0, 1, 0, 0, 0, 1", "0,0,0,0,0,0", "nan",
                     "1e308, 1e308, 0, 1e308, 0, -1e308", "500000, 1e-300, 0, 5000000, 0, -1e-300"],
    "SRS": ["EPSG:32632", "EPSG:4326", "EPSG:99999", "", "LOCAL_CS[\"x\"]", "EPSG:4978"],
    "dataType": ["Byte", "UInt16", "Float32", "Float64", "CFloat32", "Nonsense", "Int8", "UInt64"],
    "NoDataValue": ["0", "nan", "1e400", "-9999", "words"],
    "SourceFilename": ["part.tif", "self.vrt", "none.tif", "", "/dev/null", "vrt://self.vrt",
                       "http://127.0.0.1:1/x.tif", "."],
    "SourceBand": ["1", "0", "7", "mask", "mask,1"],
    "SrcRect": ['xOff="0" yOff="0" xSize="8" ySize="8"', 'xOff="-9" yOff="5" xSize="0" ySize="-1"',
                'xOff="nan" yOff="1e99" xSize="1e99" ySize="1"'],
    "bands": ["1", "3", "0", "200"],
    "BlockXSize": ["8", "0", "2147483647", "100000"],
}  # fmt: skip

VRT = """<VRTDataset rasterXSize="{rasterXSize}" rasterYSize="{rasterYSize}"><SRS>{SRS}</SRS>
<GeoTransform>{GeoTransform}</GeoTransform>{all_bands}</VRTDataset>"""

BAND = """<VRTRasterBand dataType="{dataType}" band="{number}" blockXSize="{BlockXSize}"
 blockYSize="{BlockXSize}"><NoDataValue>{NoDataValue}</NoDataValue>
<SimpleSource><SourceFilename relativeToVRT="1">{SourceFilename}</SourceFilename>
<SourceBand>{SourceBand}</SourceBand><SrcRect {SrcRect}/>
<DstRect xOff="0" yOff="0" xSize="8" ySize="8"/></SimpleSource></VRTRasterBand>"""


def made_up(rng: np.random.Generator) -> str:
    """A VRT whose parts are right more often than not."""
    chosen = {
        part: options[0] if rng.random() < 0.75 else str(rng.choice(options))
        for part, options in PARTS.items()
    }
    count = int(chosen.pop("bands"))
    bands = "".join(BAND.format(number=number + 1, **chosen) for number in range(count))
    return VRT.format(all_bands=bands, **chosen)


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
