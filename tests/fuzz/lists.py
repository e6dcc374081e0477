"""Lists of rasters, and STAC items, that are hostile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.cases import Attempt
from tests.fuzz.damage import damaged
from tests.fuzz.geojson import with_something_else
from tests.fuzz.prediction import OBJECTS, oracle, predicted, true_places, write_scene


def lists(sound: Path) -> Attempt:
    """Lists and STAC items: every raster that they name is looked at, each object found once."""
    raster = write_scene(sound / "a.tif")

    def attempt(rng: np.random.Generator, folder: Path) -> None:
        named = [_write_list, _write_items][rng.integers(2)](rng, folder, raster)
        found = true_places(predicted(named, folder, oracle()))
        assert found == set(range(len(OBJECTS)))

    return attempt


def _entries(folder: Path, raster: Path) -> tuple[Any, ...]:
    """What lists may name: the sound raster, and worse."""
    return (
        *[str(raster)] * 50, f"../{raster.parent.name}/{raster.name}", f"{raster.parent}/./a.tif",
        str(raster.parent), f"{raster.parent}/*.tif", "list.txt", "items.json", str(folder), ".",
        "", " ", "~/a.tif", "none.tif", "/dev/null", "/", "a\0b.tif", "\ud800.tif", "a\nb.tif",
        "x" * 400, "../" * 1_500, "é" * 300, "http://127.0.0.1:1/a.tif", "http://[::1", "ftp:x",
        "/vsicurl/http://127.0.0.1:1/a.tif", "/vsizip/a.zip/a.tif", "/vsimem/none.tif", "/vsi",
        "http://127.0.0.1:1/{z}/{x}/{y}.png", "<GDAL_WMS>", "<VRTDataset>", "file:///dev/null",
        f"GTIFF_DIR:1:{raster}", f"GTIFF_DIR:9:{raster}", f"vrt://{raster}", f"vrt://{raster}?x=1",
        "MEM:::DATAPOINTER=0,PIXELS=9", "NETCDF:x:y", "s3://a/b.tif",
    )  # fmt: skip


def _write_list(rng: np.random.Generator, folder: Path, raster: Path) -> Path:
    entries = _entries(folder, raster)
    lines = [str(entries[rng.integers(len(entries))]) for _ in range(rng.integers(0, 4))]
    lines += ["# a remark", "", str(raster)][: rng.integers(0, 4)]
    ends = str(rng.choice(["\n", "\r\n", "\r", "\n\n"]))
    content = ends.join(lines).encode("utf-8", "surrogatepass")
    chance = rng.random()
    if chance < 0.15 and content:
        content = damaged(content * 9, rng)
    elif chance < 0.2:
        content = content.decode("utf-8", "replace").encode("utf-16")
    path = folder / "list.txt"
    path.write_bytes(content)
    return path


def _write_items(rng: np.random.Generator, folder: Path, raster: Path) -> Path:
    entries = _entries(folder, raster)
    items = []
    for _ in range(rng.integers(1, 4)):
        href: Any = entries[rng.integers(len(entries))]
        if rng.random() < 0.1:
            href = [None, 7, [], {}, True, 1e308][rng.integers(6)]
        key = str(rng.choice(["visual", "image", "B04", "thumbnail", ""]))
        asset = {"href": href, "type": "image/tiff", "roles": ["data"]}
        items.append({"type": "Feature", "stac_version": "1.0.0", "assets": {key: asset}})
    document: Any = {"type": "FeatureCollection", "features": items}
    if rng.random() < 0.3:
        document = items[0]
    for _ in range(rng.integers(0, 3)):
        document = with_something_else(document, rng)
    content = json.dumps(document).encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        content = damaged(content, rng)
    elif rng.random() < 0.05:
        content = b'{"features": ' * 100_000 + content
    path = folder / str(rng.choice(["items.json", "items.geojson"]))
    path.write_bytes(content)
    return path
