"""Scenes on disk: one georeferenced example, or a data set with COCO labels."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
from rasterio.enums import ColorInterp
from rasterio.transform import Affine

from geomrcnn.data.landscape.scene import COLOURS, Scene, Survey, landscape
from geomrcnn.data.landscape.spectra import Film
from geomrcnn.errors import OutputError

CRS = "EPSG:26915"  # NAD83 / UTM zone 15N, as aerial surveys of Iowa use
ORIGIN = (448_000.0, 4_652_000.0)  # upper left corner of the first scene, north of Des Moines
CATEGORY = {"id": 1, "name": "field", "supercategory": "land"}


def write_example(
    folder: Path, size: int, gsd: float, seed: int, overwrite: bool, survey: Survey = COLOURS
) -> list[Path]:
    """Write one scene as `ortho.tif` and `labels.gpkg` into `folder`; returns the paths.

    Raises: OutputError when the folder holds something and `overwrite` is off, or cannot be
    written.
    """
    with _beside(folder, overwrite) as draft:
        scene = landscape(seed, (size, size), gsd, survey)
        transform = _transform(gsd, ORIGIN)
        _write_image(draft / "ortho.tif", scene, transform)
        _write_labels(draft / "labels.gpkg", scene, transform)
    return [folder / "ortho.tif", folder / "labels.gpkg"]


def write_dataset(
    folder: Path,
    scenes: int,
    size: int,
    gsd: float,
    seed: int,
    overwrite: bool,
    on_scene: Callable[[int], None] = lambda done: None,
    survey: Survey = COLOURS,
) -> list[Path]:
    """Write scenes `seed`, `seed + 1`, ... as a training set; returns the paths of what matters.

    The folder gets `images/scene_0000.tif` and so on, and `coco.json` with outlines in pixels.
    `on_scene` hears the number of scenes written so far. Raises: OutputError as `write_example`.
    """
    with _beside(folder, overwrite) as draft:
        (draft / "images").mkdir()
        images: list[dict[str, object]] = []
        annotations: list[dict[str, object]] = []
        for k in range(scenes):
            scene = landscape(seed + k, (size, size), gsd, survey)
            name = f"images/scene_{k:04d}.tif"
            corner = (ORIGIN[0] + k * size * gsd, ORIGIN[1])
            _write_image(draft / name, scene, _transform(gsd, corner))
            record = {"id": k + 1, "file_name": name, "width": size, "height": size, "gsd": gsd}
            images.append(record)
            annotations.extend(_annotations(scene, k + 1, len(annotations) + 1))
            on_scene(k + 1)
        coco = {
            "info": {"description": f"geomrcnn synthetic farmland, seeds {seed} and following"},
            "images": images,
            "annotations": annotations,
            "categories": [CATEGORY],
        }
        (draft / "coco.json").write_text(json.dumps(coco), encoding="utf-8")
    return [folder / "images", folder / "coco.json"]


@contextmanager
def _beside(folder: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary sibling of `folder` whose files move into it once all are written."""
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is a file; give a folder to write into.")
        if folder.is_dir() and any(folder.iterdir()) and not overwrite:
            raise OutputError(f"{folder} is not empty; give another folder or --overwrite.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=f".{folder.name}.partial-"
        ) as name:
            draft = Path(name)
            yield draft
            for path in sorted(path for path in draft.rglob("*") if path.is_file()):
                target = folder / path.relative_to(draft)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{folder} cannot be written: {reason}.") from error


def _transform(gsd: float, corner: tuple[float, float]) -> Affine:
    return Affine(gsd, 0.0, corner[0], 0.0, -gsd, corner[1])


def _write_image(path: Path, scene: Scene, transform: Affine) -> None:
    height, width, count = scene.image.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=count,
        dtype=scene.image.dtype,
        crs=CRS,
        transform=transform,
        tiled=True,
        blockxsize=256,
        blockysize=256,
        compress="deflate",
        predictor=2,
        interleave="pixel",
        # TIFF's photometric RGB means the first three samples.
        photometric="RGB" if scene.film.names[0] == scene.film.red else "MINISBLACK",
    ) as raster:
        raster.colorinterp = _colours(scene.film)
        raster.descriptions = scene.film.names
        raster.write(np.moveaxis(scene.image, 2, 0))


def _colours(film: Film) -> tuple[ColorInterp, ...]:
    """The colour that each band stands for; GDAL takes a fourth one that is none for alpha."""
    meaning = {
        film.red: ColorInterp.red,
        film.green: ColorInterp.green,
        film.blue: ColorInterp.blue,
    }
    return tuple(meaning.get(name, ColorInterp.undefined) for name in film.names)


def _write_labels(path: Path, scene: Scene, transform: Affine) -> None:
    matrix = [transform.a, transform.b, transform.d, transform.e, transform.c, transform.f]
    outlines = [_moved(field, matrix) for field in scene.fields]
    frame = geopandas.GeoDataFrame({"class": ["field"] * len(outlines)}, geometry=outlines, crs=CRS)
    frame.to_file(
        path,
        driver="GPKG",
        layer="labels",
        engine="pyogrio",
        geometry_type="Polygon",
        dataset_options={"VERSION": "1.3"},
    )


def _moved(field: shapely.Polygon, matrix: list[float]) -> shapely.Polygon:
    """A pixel outline on the map; `matrix` as in shapely.affinity: a, b, d, e, x, y."""
    a, b, d, e, x, y = matrix
    turn = np.array([[a, b], [d, e]])
    moved: shapely.Polygon = shapely.transform(field, lambda xy: xy @ turn.T + (x, y))
    return moved


def _annotations(scene: Scene, image_id: int, first_id: int) -> list[dict[str, object]]:
    """COCO records of a scene's fields; corners to the hundredth of a pixel."""
    records: list[dict[str, object]] = []
    for k, field in enumerate(scene.fields):
        ring = np.round(shapely.get_coordinates(field.exterior)[:-1], 2)
        x1, y1 = ring.min(axis=0)
        x2, y2 = ring.max(axis=0)
        records.append(
            {
                "id": first_id + k,
                "image_id": image_id,
                "category_id": CATEGORY["id"],
                "iscrowd": 0,
                "segmentation": [ring.ravel().tolist()],
                "area": round(field.area, 2),
                "bbox": [round(float(v), 2) for v in (x1, y1, x2 - x1, y2 - y1)],
            }
        )
    return records
