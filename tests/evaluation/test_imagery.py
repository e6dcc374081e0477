"""What a model is shown of labelled images: its bands, its classes, the part set apart."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from rasterio.enums import ColorInterp

from geomrcnn.data.dataset import Dataset
from geomrcnn.errors import DataError
from geomrcnn.evaluation.evaluation import evaluate_dataset
from geomrcnn.evaluation.imagery import open_for
from tests.labelled import write_layer
from tests.layouts import ROOF, coco_folder, csv_table
from tests.oracles.detector import OracleDetector, card
from tests.rasters import write_raster

without_place = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

RGB = ("red", "green", "blue")


def rasters(folder: Path, *colours: ColorInterp) -> dict[str, object]:
    """A raster whose band n has the value n, and a label on it."""
    folder.mkdir(exist_ok=True)
    numbers = np.arange(1, len(colours) + 1, dtype=np.uint8)
    pixels = np.broadcast_to(numbers[:, None, None], (len(colours), 64, 64))
    raster = write_raster(folder / "a.tif", pixels, colours=colours)
    return {"paths": [raster], "labels": [write_layer(folder / "l.gpkg", [ROOF])]}


def opened(paths: list[Path], **options: object) -> Dataset:
    return open_for(card(classes=("object",), gsd=2.0), *paths, **options)  # type: ignore[arg-type]


def test_a_model_sees_its_bands_in_its_order(tmp_path: Path) -> None:
    red, green, blue, nir = (
        ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined
    )  # fmt: skip
    data = rasters(tmp_path / "a", blue, green, red, nir)
    dataset = opened(**data)  # type: ignore[arg-type]
    assert dataset.sample(0).image[0, 0].tolist() == [3, 2, 1]
    assert dataset.pixel_type(0).bands == RGB
    chosen = opened(**data, bands=(4, 3, 2))  # type: ignore[arg-type]
    assert chosen.sample(0).image[0, 0].tolist() == [4, 3, 2]
    turned = opened(**rasters(tmp_path / "b", nir, red, green))  # type: ignore[arg-type]
    message = (
        "a.tif at 0,0: has 3 bands of uint8 (band 1, red, green), but the model 'oracle' wants 3 "
        "bands of uint8 (red, green, blue); choose bands with --bands"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}"):
        turned.sample(0)


@without_place
def test_classes_are_the_models_whatever_the_labels_hold(tmp_path: Path) -> None:
    detector = OracleDetector([ROOF])
    detector.card = card(classes=("roof", "tree", "pond"))
    dataset = open_for(detector.card, csv_table(tmp_path))  # of ponds and roofs
    assert [i.class_id for i in dataset.sample(0).instances] == [1, 3]
    by_class = evaluate_dataset(detector, dataset).coco.by_class
    assert by_class["roof"]["mask AP50"] > 0
    assert by_class["pond"]["mask AP50"] == 0
    assert np.isnan(by_class["tree"]["mask AP50"])


@without_place
def test_names_of_several_sources(tmp_path: Path) -> None:
    paths = csv_table(tmp_path / "a"), coco_folder(tmp_path / "b")
    dataset = open_for(card(classes=("house",)), *paths, renamed=["roof=house", "pond="])
    assert (dataset.classes, len(dataset)) == (("house",), 4)
    assert [len(dataset.sample(index).instances) for index in range(4)] == [1, 0, 1, 0]
    with pytest.raises(DataError, match="unknown class 'pond'"):
        open_for(card(classes=("house",)), *paths, renamed=["roof=house"])
    with pytest.raises(DataError, match="no class 'shed' to rename; the data has pond, roof"):
        open_for(card(classes=("house",)), *paths, renamed=["shed=house"])


@without_place
def test_the_part_set_apart_is_looked_at(tmp_path: Path) -> None:
    wanted = card(classes=("roof", "pond"))
    for part, count in (("train", 2), ("val", 3), ("test", 4)):
        folder = coco_folder(tmp_path / part)
        document = json.loads((folder / "coco.json").read_text())
        more = [{**document["images"][1], "id": 10 + k} for k in range(count - 2)]
        document["images"] += more
        (folder / "coco.json").write_text(json.dumps(document))
        assert len(open_for(wanted, tmp_path)) == count
