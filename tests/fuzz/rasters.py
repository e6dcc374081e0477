"""Raster files and VRTs that are hostile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rasterio.shutil import copy

from geomrcnn.errors import RasterError
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.fuzz.cases import Attempt
from tests.fuzz.damage import damaged
from tests.fuzz.prediction import predicted
from tests.oracles.stub import StubDetector
from tests.rasters import write_raster

LARGEST = 10**6
"""Pixels of a raster that is looked at as a whole, and not in its corners only."""


def rasters(sound: Path) -> Attempt:
    """Files of several formats: what can be read of them is looked at."""
    whole = sound_files(sound)
    names = sorted(whole)

    def attempt(rng: np.random.Generator, folder: Path) -> None:
        name = names[rng.integers(len(names))]
        path = folder / name
        path.write_bytes(damaged(whole[name], rng))
        _use(path, folder)

    return attempt


def vrts(sound: Path) -> Attempt:
    """Made-up VRTs."""
    part = write_raster(sound / "part.tif", np.ones((3, 8, 8), np.uint8)).read_bytes()

    def attempt(rng: np.random.Generator, folder: Path) -> None:
        (folder / "part.tif").write_bytes(part)
        path = folder / "self.vrt"
        path.write_text(made_up(rng))
        _use(path, folder)

    return attempt


def _use(path: Path, folder: Path) -> None:
    """Read the corners of a raster, then look at it if that does not take for ever."""
    with open_raster(path, gsd=3.0) as source:
        source.read(Window(0, 0, 40, 40))
        source.read(Window(source.width - 20, source.height - 20, 40, 40))
        pixels = source.width * source.height
    if pixels < LARGEST:
        predicted(path, folder, StubDetector(3, tile=64, overlap=16), gsd=3.0)


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
