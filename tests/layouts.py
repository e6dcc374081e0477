"""One labelled picture, and one without objects, in every layout that training data come in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio
import shapely

from geomrcnn.data.rasterise import pixel_mask
from geomrcnn.raster.tile import Window
from tests.labelled import BRIGHT, DARK

WIDTH, HEIGHT = 60, 50
ROOF, POND = shapely.box(10, 10, 30, 20), shapely.box(40, 5, 55, 35)
WHOLE = Window(0, 0, WIDTH, HEIGHT)


def write_image(path: Path, pixels: np.ndarray, driver: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    bands, height, width = pixels.shape
    with rasterio.open(
        path, "w", driver=driver, count=bands, height=height, width=width, dtype="uint8"
    ) as file:
        file.write(pixels)
    return path


def picture(*shapes: shapely.Polygon) -> np.ndarray:
    pixels = np.full((3, HEIGHT, WIDTH), DARK, np.uint8)
    for shape in shapes:
        pixels[:, pixel_mask(shape, WHOLE) > 0] = BRIGHT
    return pixels


def mask(shape: shapely.Polygon, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    return pixel_mask(shape, Window(0, 0, size[1], size[0]))[None] * 255


def coco_folder(folder: Path, name: str = "coco.json") -> Path:
    """Category ids from 0 and with a gap; two images, one of them without objects."""
    write_image(folder / "images/a.png", picture(ROOF, POND))
    write_image(folder / "images/b.png", picture())
    ring = {box: shapely.get_coordinates(box)[:-1].ravel().tolist() for box in (ROOF, POND)}
    document = {
        "images": [
            {"id": k, "file_name": f"{n}.png", "width": WIDTH, "height": HEIGHT}
            for k, n in enumerate("ab")
        ],
        "categories": [{"id": 7, "name": "roof"}, {"id": 0, "name": "pond"}],
        "annotations": [
            {"id": k, "image_id": 0, "category_id": category, "segmentation": [ring[box]]}
            for k, (box, category) in enumerate([(ROOF, 7), (POND, 0)])
        ],
    }
    (folder / name).write_text(json.dumps(document))
    return folder


def crowdai_folder(folder: Path) -> Path:
    return coco_folder(folder / "train", "annotation.json").parent


def csv_table(folder: Path) -> Path:
    write_image(folder / "images/a.png", picture(ROOF, POND))
    write_image(folder / "images/b.png", picture())
    write_image(folder / "masks/both.png", mask(shapely.union(ROOF, POND)))
    (folder / "classes.csv").write_text("pond,0\nroof,4\n")
    table = folder / "table.csv"
    table.write_text(
        "images/a.png,10,10,30,20,roof,masks/both.png\n"
        "images/a.png,40,5,54,34,pond,masks/both.png\n"
        "images/b.png,,,,,,\n"
    )
    return table


def mask_folders(folder: Path) -> Path:
    write_image(folder / "00001/00001.jpg", picture(ROOF, POND), driver="JPEG")
    write_image(folder / "00001/00001-roof-0.png", mask(ROOF))
    write_image(folder / "00001/00001-pond-0.png", mask(POND))
    (folder / "00001/00001.txt").write_text("where it comes from")
    write_image(folder / "00002/00002.jpg", picture(), driver="JPEG")
    return folder
