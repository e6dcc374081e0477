"""Areas of interest and label layers that are hostile."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import shapely

from geomrcnn.data.labels import read_labels
from geomrcnn.raster.source import open_raster
from tests.fuzz.cases import Attempt
from tests.fuzz.damage import damaged
from tests.fuzz.geojson import hostile
from tests.fuzz.prediction import OBJECTS, oracle, predicted, true_places, write_scene
from tests.labelled import write_layer

ENDINGS = (".gpkg", ".shp", ".fgb", ".parquet", ".geojson", ".geojsonl", ".gml")
"""Of the files that are damaged."""


def areas(sound: Path) -> Attempt:
    """Areas of interest: what is found lies in them, as far as that can be told."""
    raster, layers = write_scene(sound / "a.tif"), _layers(sound)

    def attempt(rng: np.random.Generator, folder: Path) -> None:
        area, objects = _write(rng, folder, layers)
        found = true_places(predicted(raster, folder, oracle(), aoi=area))
        assert objects is None or found == objects, f"found {found} of {objects}"

    return attempt


def labels(sound: Path) -> Attempt:
    """Label layers: each label that lies on the raster is valid and has an area and a class."""
    raster, layers = write_scene(sound / "a.tif"), _layers(sound)

    def attempt(rng: np.random.Generator, folder: Path) -> None:
        layer, _ = _write(rng, folder, layers)
        read = read_labels(layer)
        with open_raster(raster) as source:
            placed = read.on(source)
        assert len(placed.geometries) == len(placed.numbers) <= len(read.geometries)
        assert shapely.is_valid(placed.geometries).all()
        assert (shapely.area(read.geometries) > 0).all()
        assert read.class_ids.min() >= 1
        assert read.class_ids.max() <= len(read.classes)

    return attempt


def _layers(sound: Path) -> dict[str, dict[str, bytes]]:
    """The files of a layer by their endings, for each format."""
    layers = {}
    for ending in ENDINGS:
        path = sound / f"area{ending}"
        classes = ["field", "pond"] * (len(OBJECTS) // 2)
        if ending == ".parquet":
            write_layer(sound / "area.gpkg", OBJECTS, **{"class": classes})
            geopandas.read_file(sound / "area.gpkg").to_parquet(path)
        else:
            to = None if ending in (".gpkg", ".shp", ".fgb", ".gml") else "EPSG:4326"
            write_layer(path, OBJECTS, to=to, **{"class": classes})
        files = sound.glob("area.*") if ending == ".shp" else [path]
        layers[ending] = {file.suffix: file.read_bytes() for file in files}
    layers[".shp"] = {
        ending: layers[".shp"][ending] for ending in (".cpg", ".dbf", ".prj", ".shp", ".shx")
    }
    return layers


def _write(
    rng: np.random.Generator, folder: Path, layers: dict[str, dict[str, bytes]]
) -> tuple[Path, set[int] | None]:
    """A hostile layer, and the objects in it where they are known."""
    chance = rng.random()
    if chance < 0.02:
        path = folder / f"area{rng.choice(ENDINGS)}"
        if rng.random() < 0.5:
            path.mkdir()
        return path, None
    if chance < 0.7:
        path, (content, objects) = folder / "area.geojson", hostile(rng)
        if rng.random() < 0.05:
            path, objects = folder / f"area{rng.choice(ENDINGS)}", None
        path.write_bytes(content)
        return path, objects
    ending = str(rng.choice(ENDINGS))
    files = layers[ending]
    spoilt = str(rng.choice(list(files)))
    for suffix, content in files.items():
        if suffix == spoilt and rng.random() < 0.1 and len(files) > 1:
            continue
        path = folder / f"area{suffix}"
        path.write_bytes(damaged(content, rng) if suffix == spoilt else content)
    return folder / f"area{ending}", None
