"""What a review writes, and that `geomrcnn chips` learns from it what it should."""

from __future__ import annotations

import json
import resource
import subprocess
from pathlib import Path

import pytest
from geomrcnn_qgis.review.beside import NotSaved
from geomrcnn_qgis.review.saving import save_accepted, save_copy
from geomrcnn_qgis.review.training import Ruler, complete_area, save_training_data
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QVariant
from qgis.PyQt.QtGui import QColor
from review_layers import COLUMNS, LEFT, LOW, square, write

REVIEWED = {**COLUMNS, "review": QVariant.Type.String}
A, R, U = "accepted", "rejected", None


def reviewed(path: Path, *rows: tuple[QgsGeometry, str | None, str | None]) -> QgsVectorLayer:
    """A layer of outlines, classes and verdicts."""
    return write(path, ((shape, (name, 0.5, 1.0, word)) for shape, name, word in rows), REVIEWED)


def opened(path: Path, layer: str) -> QgsVectorLayer:
    found = QgsVectorLayer(f"{path}|layername={layer}", layer, "ogr")
    assert found.isValid()
    return found


@pytest.fixture
def layer(tmp_path: Path, qgis_new_project) -> QgsVectorLayer:
    return reviewed(
        tmp_path / "roofs.gpkg",
        (square(0, 0), "roof", A),
        (square(9, 0), "pond", R),
        (square(0, 9), "pond", A),
        (square(9, 9), "roof", U),
    )


def test_accepted_polygons_are_saved_with_their_attributes(layer, tmp_path) -> None:
    assert save_accepted(layer, tmp_path / "accepted.gpkg") == 2
    saved = QgsVectorLayer(str(tmp_path / "accepted.gpkg"), "saved", "ogr")
    assert [field.name() for field in saved.fields()] == ["fid", *REVIEWED]
    assert [f.attributes()[1:] for f in saved.getFeatures()] == [
        ["roof", 0.5, 1.0, A],
        ["pond", 0.5, 1.0, A],
    ]
    assert saved.crs() == layer.crs()
    assert saved.getFeature(2).geometry().boundingBox() == square(0, 9).boundingBox()
    assert {path.name for path in tmp_path.iterdir()} == {"roofs.gpkg", "accepted.gpkg"}


def test_what_is_not_saved_yet_is_saved_too(layer, tmp_path) -> None:
    layer.startEditing()
    layer.changeAttributeValue(4, layer.fields().lookupField("review"), A)
    assert save_accepted(layer, tmp_path / "accepted.gpkg") == 3
    layer.rollBack()


def test_nothing_is_saved_over_the_layer_or_without_accepted_polygons(layer, tmp_path) -> None:
    before = (tmp_path / "roofs.gpkg").read_bytes()
    with pytest.raises(NotSaved, match="under review"):
        save_accepted(layer, tmp_path / "roofs.gpkg")
    with pytest.raises(NotSaved, match="no such folder"):
        save_accepted(layer, tmp_path / "nowhere" / "accepted.gpkg")
    none = reviewed(tmp_path / "none.gpkg", (square(0, 0), "roof", R))
    with pytest.raises(NotSaved, match="No polygon"):
        save_accepted(none, tmp_path / "accepted.gpkg")
    with pytest.raises(NotSaved, match="No polygon"):
        save_training_data(none, tmp_path / "training.gpkg", 5.0)
    assert (tmp_path / "roofs.gpkg").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"roofs.gpkg", "none.gpkg"}


@pytest.mark.parametrize("kilobytes", [40, 80, 200, 1500, 2300])
def test_a_full_disk_leaves_nothing_behind(tmp_path, qgis_app, kilobytes) -> None:
    many = write(
        tmp_path / "many.gpkg",
        ((square(k % 100, k // 100), ("roof", 0.5, 1.0, A)) for k in range(10_000)),
        REVIEWED,
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1000, before[1]))
    try:
        with pytest.raises(NotSaved):
            save_accepted(many, tmp_path / "accepted.gpkg")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["many.gpkg"]
    assert save_accepted(many, tmp_path / "accepted.gpkg") == 10_000


def test_a_copy_looks_the_same(layer, tmp_path) -> None:
    layer.renderer().symbol().setColor(QColor("#1b9e77"))
    copy = save_copy(layer, tmp_path / "copy.gpkg")
    assert copy.isValid()
    assert copy.featureCount() == 4
    assert copy.name() == layer.name()
    assert copy.renderer().symbol().color().name() == "#1b9e77"


def test_labels_and_the_area_where_they_are_complete(layer, tmp_path) -> None:
    path = tmp_path / "training.gpkg"
    assert save_training_data(layer, path, 15.0) == (2, 1)
    labels = [(f["class"], f.geometry().area()) for f in opened(path, "labels").getFeatures()]
    assert labels == [("roof", pytest.approx(100)), ("pond", pytest.approx(100))]
    area = QgsGeometry.unaryUnion([f.geometry() for f in opened(path, "aoi").getFeatures()])
    assert area.area() == pytest.approx(3 * 40 * 40, rel=0.002)
    assert area.contains(square(9, 0))
    assert not area.intersects(square(9, 9))


def test_undecided_polygons_are_cut_out_but_not_of_accepted_ones() -> None:
    ruler = Ruler(QgsCoordinateReferenceSystem("EPSG:32632"))
    accepted, rejected = square(0, 0), square(2, 0)
    undecided = square(0.25, 0)
    area = QgsGeometry.unaryUnion(complete_area([accepted], [rejected], [undecided], ruler, 20))
    assert area.contains(accepted)
    assert area.contains(rejected)
    assert undecided.difference(accepted).intersection(area).area() == pytest.approx(0)
    alone = complete_area([accepted], [], [square(0, 0, side=10)], ruler, 0)
    assert QgsGeometry.unaryUnion(alone).area() == pytest.approx(100)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32632", "EPSG:2263"])
def test_margins_are_metres_in_any_crs(crs: str, qgis_app) -> None:
    crs = QgsCoordinateReferenceSystem(crs)
    place = {"EPSG:4326": (9.0, 60.0), "EPSG:3857": (1e6, 8.4e6), "EPSG:2263": (1e6, 2e5)}
    x, y = place.get(crs.authid(), (5e5, 6.6e6))
    ruler = QgsDistanceArea()
    ruler.setSourceCrs(crs, QgsProject.instance().transformContext())
    ruler.setEllipsoid(crs.ellipsoidAcronym())
    grown = Ruler(crs).grown(QgsRectangle(x, y, x, y), 25.0)
    for far in (QgsPointXY(grown.xMaximum(), y), QgsPointXY(x, grown.yMinimum())):
        assert ruler.measureLine(QgsPointXY(x, y), far) == pytest.approx(25.0, rel=0.002)


def test_labels_without_a_class_are_refused_or_need_none(layer, tmp_path) -> None:
    layer.dataProvider().changeAttributeValues({1: {layer.fields().lookupField("class"): None}})
    with pytest.raises(NotSaved, match="1 accepted polygons have no class"):
        save_training_data(layer, tmp_path / "training.gpkg", 5.0)
    plain = write(tmp_path / "plain.gpkg", [(square(0, 0), (A,))], {"review": REVIEWED["review"]})
    save_training_data(plain, tmp_path / "training.gpkg", 5.0)
    assert opened(tmp_path / "training.gpkg", "labels").fields().names() == ["fid"]


def test_outlines_that_cross_themselves_and_missing_ones_are_no_trouble(tmp_path, qgis_app) -> None:
    def bow(column: float) -> QgsGeometry:
        x, y = LEFT + 20 * column, LOW
        return QgsGeometry.fromWkt(
            f"POLYGON(({x} {y},{x + 9} {y + 9},{x + 9} {y},{x} {y + 9},{x} {y}))"
        )

    strange = reviewed(
        tmp_path / "strange.gpkg",
        (bow(0), "roof", A), (bow(0.2), "roof", U), (bow(0.3), "roof", R),
        (QgsGeometry(), "roof", A), (QgsGeometry(), "roof", U),
    )  # fmt: skip
    assert save_training_data(strange, tmp_path / "training.gpkg", 5.0) == (1, 1)


def ground(path: Path, side: int, pixel: float) -> Path:
    """An image that is grey everywhere, with its lower left corner at the grid's."""
    raster = gdal.GetDriverByName("GTiff").Create(str(path), side, side, 3, gdal.GDT_Byte)
    raster.SetProjection(QgsCoordinateReferenceSystem("EPSG:32632").toWkt())
    raster.SetGeoTransform((LEFT, pixel, 0, LOW + side * pixel, 0, -pixel))
    for band in (1, 2, 3):
        raster.GetRasterBand(band).Fill(120)
    return path


def chips_at(folder: Path, place: QgsPointXY) -> list[int]:
    """How many objects the chips have that show data at a place."""
    coco = json.loads((folder / "coco.json").read_text())
    found = []
    for image in coco["images"]:
        chip = gdal.Open(str(next(folder.rglob(Path(image["file_name"]).name))))
        left, size, _, top, _, _ = chip.GetGeoTransform()
        column, row = int((place.x() - left) / size), int((top - place.y()) / size)
        inside = 0 <= column < chip.RasterXSize and 0 <= row < chip.RasterYSize
        if inside and chip.GetRasterBand(1).ReadAsArray(column, row, 1, 1)[0][0]:
            found.append(sum(note["image_id"] == image["id"] for note in coco["annotations"]))
    return found


def test_chips_learn_that_a_rejected_polygon_is_no_object(layer, tmp_path, interpreter) -> None:
    raster = ground(tmp_path / "ortho.tif", 480, 0.5)
    training = tmp_path / "training.gpkg"
    save_training_data(layer, training, 20.0)
    done = subprocess.run(
        [interpreter, "-I", "-m", "geomrcnn", "chips", str(raster), "--labels",
         f"{training}:labels", "--aoi", f"{training}:aoi", "--out", str(tmp_path / "chips"),
         "--gsd", "0.5", "--tile", "64", "--split", "1", "0", "0", "--negatives", "0.9"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    at = {
        word: chips_at(tmp_path / "chips" / "train", shape.boundingBox().center())
        for word, shape in ((A, square(0, 0)), (R, square(9, 0)), (U, square(9, 9)))
    }
    assert at == {A: [1], R: [0], U: []}
    coco = json.loads((tmp_path / "chips" / "train" / "coco.json").read_text())
    assert sorted(kind["name"] for kind in coco["categories"]) == ["pond", "roof"]
