"""Layers of all kinds that QGIS has, and what becomes of the result."""

from __future__ import annotations

import functools
import http.server
import subprocess
import threading
import time
from pathlib import Path

import processing
import pytest
from geomrcnn_qgis.provider import Provider
from osgeo import gdal
from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
from processing.gui.Postprocessing import handleAlgorithmResults
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsReferencedRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QEventLoop
from running import children_running, wait_for

TILES_ZOOM = 16


@pytest.fixture(scope="module")
def provider(qgis_app, qgis_processing):
    """Our algorithms, in this process."""
    made = Provider()
    QgsApplication.processingRegistry().addProvider(made)
    yield made
    QgsApplication.processingRegistry().removeProvider(made)


@pytest.fixture(autouse=True)
def empty_project(qgis_app):
    QgsProject.instance().clear()
    yield
    QgsProject.instance().clear()


@pytest.fixture
def layer(provider, raster: Path):
    return QgsRasterLayer(str(raster), "ortho")


@pytest.fixture(scope="module")
def everywhere(provider, raster: Path) -> list[QgsFeature]:
    """What is found in the whole of the orthophoto as a file."""
    found = loaded(predict(QgsRasterLayer(str(raster), "ortho")))
    return list(found.getFeatures())


def predict(raster, **parameters):
    parameters = {"INPUT": raster, "OUTPUT": "TEMPORARY_OUTPUT", **parameters}
    return processing.run("geomrcnn:predict", parameters)


def loaded(result) -> QgsVectorLayer:
    found = result["OUTPUT"]
    made = found if isinstance(found, QgsVectorLayer) else QgsVectorLayer(found, "found")
    assert made.isValid()
    return made


def memory_polygons(rectangles, crs: QgsCoordinateReferenceSystem) -> QgsVectorLayer:
    """An unsaved layer."""
    layer = QgsVectorLayer(f"Polygon?crs={crs.authid()}&field=fid:integer", "areas", "memory")
    for number, rectangle in enumerate(rectangles):
        feature = QgsFeature(layer.fields())
        feature.setAttributes([number])
        feature.setGeometry(QgsGeometry.fromRect(rectangle))
        layer.dataProvider().addFeature(feature)
    layer.updateExtents()
    return layer


def halves(layer: QgsRasterLayer) -> tuple[QgsRectangle, QgsRectangle]:
    box = layer.extent()
    middle = box.center().x()
    return (
        QgsRectangle(box.xMinimum(), box.yMinimum(), middle, box.yMaximum()),
        QgsRectangle(middle, box.yMinimum(), box.xMaximum(), box.yMaximum()),
    )


def test_an_unsaved_layer_of_areas_and_those_selected_in_it(layer, everywhere):
    west, east = halves(layer)
    areas = memory_polygons([west, east], layer.crs())
    assert loaded(predict(layer, AOI=areas)).featureCount() >= len(everywhere)
    QgsProject.instance().addMapLayer(areas)
    areas.selectByIds([next(areas.getFeatures()).id()])
    selected = QgsProcessingFeatureSourceDefinition(areas.id(), selectedFeaturesOnly=True)
    found = loaded(predict(layer, AOI=selected))
    assert 0 < found.featureCount() < len(everywhere)
    assert all(feature.geometry().intersects(west) for feature in found.getFeatures())
    QgsProject.instance().removeMapLayer(areas)


def test_an_empty_layer_of_areas_is_told(layer):
    with pytest.raises(QgsProcessingException, match="no polygon"):
        predict(layer, AOI=memory_polygons([], layer.crs()))


@pytest.fixture(params=["vrt", "vsi", "gpkg"])
def other_layer(request, provider, raster: Path, tmp_path: Path) -> QgsRasterLayer:
    """The same orthophoto in another guise."""
    if request.param == "vrt":
        source = tmp_path / "ortho.vrt"
        gdal.BuildVRT(str(source), str(raster)).FlushCache()
    elif request.param == "vsi":
        packed = tmp_path / "ortho.zip"
        subprocess.run(["/usr/bin/python3", "-m", "zipfile", "-c", packed, raster], check=True)
        source = f"/vsizip/{packed}/{raster.name}"
    else:
        packed = tmp_path / "rasters.gpkg"
        for name in ("first", "second"):
            options = [f"RASTER_TABLE={name}", "APPEND_SUBDATASET=YES", "TILE_FORMAT=PNG"]
            gdal.Translate(str(packed), str(raster), format="GPKG", creationOptions=options)
        source = f"GPKG:{packed}:second"
    return QgsRasterLayer(str(source), "other")


def test_virtual_packed_and_geopackage_rasters(everywhere, other_layer):
    assert other_layer.isValid()
    assert abs(loaded(predict(other_layer)).featureCount() - len(everywhere)) <= 1


@pytest.fixture
def service(provider, raster: Path, tmp_path: Path):
    """An XYZ layer, served over HTTP."""
    tiles = tmp_path / "tiles"
    command = ["gdal2tiles.py", "--xyz", "-q", "-z", str(TILES_ZOOM), "-w", "none", raster, tiles]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    handler = functools.partial(Quiet, directory=str(tiles))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/%7Bz%7D/%7Bx%7D/%7By%7D.png"
        source = f"type=xyz&url={url}&zmax={TILES_ZOOM}&zmin={TILES_ZOOM}"
        yield QgsRasterLayer(source, "service", "wms")
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_web_service_is_drawn_at_the_size_of_the_models_pixels(layer, everywhere, service):
    assert service.isValid()
    extent = QgsReferencedRectangle(layer.extent(), layer.crs())
    found = loaded(predict(service, EXTENT=extent))
    assert found.crs().authid() == "EPSG:3857"
    assert found.featureCount() >= 0.7 * len(everywhere)
    # In the same places: most of what was found lies on what was to be found.
    to_ours = QgsCoordinateTransform(found.crs(), layer.crs(), QgsProject.instance())
    met = 0
    for feature in found.getFeatures():
        outline = feature.geometry()
        outline.transform(to_ours)
        met += any(outline.intersects(other.geometry()) for other in everywhere)
    assert met >= 0.8 * found.featureCount()
    area = sum(feature["area_m2"] for feature in found.getFeatures())
    truth = sum(feature["area_m2"] for feature in everywhere)
    assert area == pytest.approx(truth, rel=0.25)


def test_a_web_service_wants_an_extent(service):
    with pytest.raises(QgsProcessingException, match="choose an extent or areas"):
        predict(service)


def test_a_result_is_styled_labelled_and_says_where_it_comes_from(provider, layer):
    out = loaded_by_qgis(layer, STYLE="by score", LABELS=True)
    assert out.renderer().type() == "graduatedSymbol"
    assert out.renderer().classAttribute() == "score"
    assert out.labelsEnabled()
    assert "model fields" in out.metadata().abstract()
    assert "geomrcnn predict ortho" in out.metadata().history()[0]


def test_a_result_is_coloured_by_class(provider, layer):
    out = loaded_by_qgis(layer)
    assert out.renderer().type() == "categorizedSymbol"
    assert [category.value() for category in out.renderer().categories()] == ["field", ""]
    assert not out.labelsEnabled()


def loaded_by_qgis(layer: QgsRasterLayer, **parameters):
    """The result as the dialog of the algorithm loads it into the project."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("geomrcnn:predict")
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    project = QgsProject.instance()
    context.setProject(project)
    wanted = QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project)
    parameters = {"INPUT": layer, "OUTPUT": wanted, **parameters}
    _, fine = algorithm.run(parameters, context, feedback)
    assert fine
    handleAlgorithmResults(algorithm, context, feedback, parameters=parameters)
    (made,) = [one for one in project.mapLayers().values() if isinstance(one, QgsVectorLayer)]
    return made


def test_predict_is_part_of_a_model(provider, layer):
    """A model of two steps: what was found, and then its centroids."""
    model = QgsProcessingModelAlgorithm("fields", "tests")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("ortho"), QgsProcessingModelParameter("ortho")
    )
    source = QgsProcessingModelChildParameterSource
    found = QgsProcessingModelChildAlgorithm("geomrcnn:predict")
    found.setChildId("found")
    found.addParameterSources("INPUT", [source.fromModelParameter("ortho")])
    found.addParameterSources("MIN_SCORE", [source.fromStaticValue(0.9)])
    model.addChildAlgorithm(found)
    centres = QgsProcessingModelChildAlgorithm("native:centroids")
    centres.setChildId("centres")
    centres.addParameterSources("INPUT", [source.fromChildOutput("found", "OUTPUT")])
    output = QgsProcessingModelOutput("centres", "centres")
    output.setChildId("centres")
    output.setChildOutputName("OUTPUT")
    centres.setModelOutputs({"centres": output})
    model.addChildAlgorithm(centres)
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    results, fine = model.run(
        {"ortho": layer, "centres:centres": "TEMPORARY_OUTPUT"}, context, feedback
    )
    assert fine, feedback.textLog()
    made = context.takeResultLayer(results["centres:centres"])
    assert made.featureCount() > 0
    assert min(feature["score"] for feature in made.getFeatures()) >= 0.9


def test_a_batch_predicts_row_by_row(provider, layer, raster: Path, tmp_path: Path):
    """The table of the batch dialog, filled and run as it is."""
    dialog = BatchAlgorithmDialog(
        QgsApplication.processingRegistry().createAlgorithmById("geomrcnn:predict")
    )
    panel, context = dialog.mainWidget(), QgsProcessingContext()
    panel.clear()
    outputs = [tmp_path / "many.gpkg", tmp_path / "few.gpkg"]
    for row, (output, score) in enumerate(zip(outputs, (0.5, 0.95))):
        panel.addRow()
        for name, value in {"INPUT": str(raster), "MIN_SCORE": score}.items():
            panel.wrappers[row][panel.parameter_to_column[name]].setParameterValue(value, context)
        cell = panel.tblParameters.cellWidget(row + 1, panel.parameter_to_column["OUTPUT"])
        cell.setValue(str(output))
    dialog.runAlgorithm()
    many, few = (QgsVectorLayer(str(path)).featureCount() for path in outputs)
    assert 0 < few < many


def test_cancelling_takes_less_than_a_second(provider, layer, tmp_path: Path):
    out = tmp_path / "out.gpkg"
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("geomrcnn:predict")
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    context.setProject(QgsProject.instance())
    parameters = {"INPUT": layer, "OUTPUT": str(out), "GSD": 0.25}
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    loop, outcome = QEventLoop(), []

    def end(fine: bool, results: dict) -> None:
        outcome.append(fine)
        loop.quit()

    task.executed.connect(end)
    QgsApplication.taskManager().addTask(task)
    seen = wait_for(lambda: QgsApplication.processEvents() or children_running(str(out)))
    assert seen
    wait_for(lambda: QgsApplication.processEvents() or feedback.progress() > 0)
    began = time.monotonic()
    feedback.cancel()
    if not outcome:
        loop.exec()
    assert outcome == [False]
    spent = time.monotonic() - began
    print(f"cancelled in {spent:.2f} s")
    assert spent < 3  # less than one where nothing else runs
    assert not children_running(str(out))
    assert not out.exists()
    assert "Cancelled" in feedback.textLog()
