"""The review panel on real layers."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from geomrcnn_qgis.review.order import Order
from geomrcnn_qgis.review.panel import ReviewPanel
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication
from review_layers import LEFT, LOW, UTM, row_of_squares, square, write

SCORES = [0.9, 0.3, 0.7, 0.5]


@pytest.fixture
def panel(qgis_app, qgis_iface, qgis_new_project):
    window = qgis_iface.mainWindow()
    window.show()
    qgis_iface.mapCanvas().setDestinationCrs(QgsCoordinateReferenceSystem(UTM))
    made = ReviewPanel(qgis_iface, window)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    QApplication.setActiveWindow(window)
    yield made
    made.unload()
    window.removeDockWidget(made)
    made.deleteLater()
    QApplication.processEvents()


@pytest.fixture
def layer(tmp_path: Path, panel):
    made = row_of_squares(tmp_path / "roofs.gpkg", SCORES)
    QgsProject.instance().addMapLayer(made)
    drawn(panel)
    return made


def press(panel, keys: str, where=None) -> None:
    """Press keys where the focus is: on the map, unless it is said."""
    for key in keys:
        QTest.keyClick(where or panel._canvas, key)
    drawn(panel)


def drawn(panel) -> None:
    """Wait for the map: what QGIS opens for drawing while the file is opened for writing is no use.

    The panel waits by itself.
    """
    QApplication.processEvents()
    panel._canvas.waitWhileRendering()


def verdicts(layer: QgsVectorLayer) -> list[str | None]:
    """What stands in the layer, by id."""
    column = layer.fields().lookupField("review")
    found = sorted((f.id(), f.attributes()[column]) for f in layer.getFeatures())
    return [value if isinstance(value, str) else None for _, value in found]


def in_file(layer: QgsVectorLayer) -> list[str | None]:
    """What another program would read."""
    return verdicts(QgsVectorLayer(layer.source(), "again", "ogr"))


def current(panel) -> int | None:
    return panel._session.queue.current


def test_keys_give_verdicts_from_the_lowest_score_up(panel, layer) -> None:
    panel.review(layer)
    assert current(panel) == 2
    press(panel, "ARA")
    assert in_file(layer) == [None, "accepted", "accepted", "rejected"]
    assert current(panel) == 1
    assert panel.face.counts.text() == "2 accepted, 1 rejected, 1 left"
    assert panel.face.progress.value() == 3
    press(panel, "R")
    assert "All polygons" in panel.face.message.text()


def test_keys_work_while_the_panel_has_the_focus(panel, layer) -> None:
    panel.review(layer)
    panel.face.order.setFocus()
    press(panel, "a", panel.face.order)
    assert in_file(layer) == [None, "accepted", None, None]


def test_keys_do_nothing_without_a_layer_or_while_the_panel_is_hidden(panel, layer) -> None:
    press(panel, "ARUNPZE1")
    panel.review(layer)
    panel.hide()
    press(panel, "A")
    assert layer.fields().lookupField("review") < 0
    panel.show()
    press(panel, "A")
    assert in_file(layer) == [None, "accepted", None, None]


def test_the_column_is_announced_and_added_with_the_first_verdict(panel, layer) -> None:
    panel.review(layer)
    assert "adds the column 'review'" in panel.face.note.text()
    assert layer.fields().lookupField("review") < 0
    press(panel, "A")
    assert "was added" in panel.face.message.text()
    assert "adds the column" not in panel.face.note.text()


def test_steps_pass_over_decided_polygons_if_wished(panel, layer) -> None:
    panel.review(layer)
    press(panel, "A")
    assert current(panel) == 4
    press(panel, "P")
    assert current(panel) == 4
    assert "no undecided polygon before" in panel.face.message.text()
    panel.face.undecided_only.setChecked(False)
    press(panel, "P")
    assert current(panel) == 2
    QTest.keyClick(panel._canvas, Qt.Key.Key_Right)
    QTest.keyClick(panel._canvas, Qt.Key.Key_Right)
    assert current(panel) == 3
    QTest.keyClick(panel._canvas, Qt.Key.Key_Left)
    assert current(panel) == 4
    assert panel.face.where.text() == "<b>2</b> of 4"


def test_undo_clears_a_verdict_or_takes_back_the_last(panel, layer) -> None:
    panel.review(layer)
    press(panel, "AR")
    assert current(panel) == 3
    press(panel, "U")
    assert current(panel) == 4
    assert in_file(layer) == [None, "accepted", None, None]
    panel.face.undecided_only.setChecked(False)
    press(panel, "PU")
    assert in_file(layer) == [None] * 4
    press(panel, "U")
    assert in_file(layer) == [None] * 4


def test_numbers_choose_classes_and_lists_can_grow(panel, layer) -> None:
    panel.review(layer)
    shown = [panel.face.classes.item(row).text() for row in range(2)]
    assert shown == ["1  pond", "2  roof"]
    press(panel, "2")
    assert layer.getFeature(2)["class"] == "roof"
    assert panel.face.what.text().startswith("roof · score 0.30 · 100.")
    assert panel.face.classes.currentRow() == 1
    panel._session.keep_classes(["shed", "roof"])
    press(panel, "N1")
    assert layer.getFeature(4)["class"] == "shed"
    panel.review(layer)
    assert panel._session.classes() == ["shed", "roof"]
    press(panel, "9")
    assert layer.getFeature(2)["class"] == "roof"


def test_a_review_goes_on_where_it_was(panel, layer) -> None:
    panel.review(layer)
    press(panel, "AA")
    again = QgsVectorLayer(layer.source(), "again", "ogr")
    panel.review(again)
    assert current(panel) == 3
    assert panel.face.counts.text() == "2 accepted, 0 rejected, 2 left"


def test_orders_change_and_the_current_polygon_stays(panel, layer) -> None:
    panel.review(layer)
    press(panel, "N")
    panel.face.order.setCurrentIndex(panel.face.order.findData(Order.HIGHEST_SCORE))
    panel.face.order.activated.emit(1)
    assert (current(panel), panel._session.queue.number) == (4, 3)
    panel.face.order.setCurrentIndex(panel.face.order.findData(Order.PLACE))
    panel.face.order.activated.emit(2)
    assert (current(panel), panel._session.queue.number) == (4, 4)


def test_without_scores_the_order_is_by_place(panel, tmp_path) -> None:
    plain = write(tmp_path / "plain.gpkg", [(square(k, 0), ()) for k in (3, 0, 1)], {})
    panel.review(plain)
    assert not panel.face.order.isEnabled()
    assert current(panel) == 2
    assert panel.face.what.text() == "no class · 100.1 m²"
    press(panel, "A")
    assert current(panel) == 3
    assert in_file(plain) == [None, "accepted", None]


def test_the_map_goes_to_each_polygon_and_outlines_it(panel, layer) -> None:
    panel.review(layer)
    canvas, band = panel._canvas, panel._view._band
    box = square(1, 0).boundingBox()
    assert canvas.extent().contains(box)
    assert canvas.extent().center().distance(box.center()) < 0.01
    assert canvas.extent().width() < 80
    assert band.asGeometry().boundingBox() == box
    panel.face.zooms.setChecked(False)
    scale = canvas.scale()
    press(panel, "N")
    assert canvas.extent().center().distance(square(3, 0).boundingBox().center()) < 0.01
    assert canvas.scale() == pytest.approx(scale)
    canvas.zoomScale(scale * 40)
    press(panel, "Z")
    assert canvas.extent().width() < 80
    panel.end_review()
    assert band.asGeometry().isEmpty()


def test_the_canvas_may_have_another_crs(panel, layer) -> None:
    canvas = panel._canvas
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    panel.review(layer)
    assert canvas.extent().center().x() == pytest.approx(9.0, abs=0.01)
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    QApplication.processEvents()
    assert panel._view._band.asGeometry().boundingBox().xMinimum() == pytest.approx(
        1_002_250, abs=1000
    )


def test_null_and_multipart_and_crossed_outlines(panel, tmp_path) -> None:
    apart = QgsGeometry.collectGeometry([square(0, 0), square(3, 3)])
    crossed = QgsGeometry.fromWkt(
        f"POLYGON(({LEFT} {LOW},{LEFT + 9} {LOW + 9},{LEFT + 9} {LOW},{LEFT} {LOW + 9},"
        f"{LEFT} {LOW}))"
    )
    strange = write(
        tmp_path / "strange.gpkg",
        [(apart, ("a", 0.1, 0)), (QgsGeometry(), ("b", 0.2, 0)), (crossed, ("c", None, 0))],
    )
    panel.review(strange)
    assert panel._view._band.asGeometry().boundingBox() == apart.boundingBox()
    press(panel, "A")
    assert panel.face.what.text() == "b · score 0.20 · no geometry"
    assert panel._view._band.asGeometry().isEmpty()
    press(panel, "R")
    assert panel.face.what.text().startswith("c · ")
    press(panel, "A")
    assert in_file(strange) == ["accepted", "rejected", "accepted"]


def test_an_empty_layer_and_one_without_polygons(panel, tmp_path) -> None:
    panel.review(write(tmp_path / "empty.gpkg", []))
    press(panel, "ARUNPZE1")
    assert panel.face.where.text() == "<b>0</b> of 0"
    panel.review(QgsVectorLayer("Point?crs=EPSG:4326", "points", "memory"))
    assert "polygons" in panel.face.message.text()
    press(panel, "A")


def test_in_edit_mode_verdicts_stay_in_the_buffer_and_can_be_rolled_back(panel, layer) -> None:
    layer.startEditing()
    panel.review(layer)
    press(panel, "A2R")
    assert verdicts(layer) == [None, "accepted", None, "rejected"]
    assert QgsVectorLayer(layer.source(), "again", "ogr").fields().lookupField("review") < 0
    layer.undoStack().undo()
    QApplication.processEvents()
    assert panel.face.counts.text() == "1 accepted, 0 rejected, 3 left"
    layer.rollBack()
    QApplication.processEvents()
    assert panel.face.counts.text() == "0 accepted, 0 rejected, 4 left"
    press(panel, "A")
    assert not layer.isEditable()
    assert panel.face.counts.text() == "1 accepted, 0 rejected, 3 left"


def test_committed_edits_keep_their_verdicts(panel, layer) -> None:
    layer.startEditing()
    panel.review(layer)
    press(panel, "AR")
    assert layer.commitChanges()
    assert in_file(layer) == [None, "accepted", None, "rejected"]
    press(panel, "A")
    assert in_file(layer) == [None, "accepted", "accepted", "rejected"]
    assert panel.face.counts.text() == "2 accepted, 1 rejected, 1 left"


def test_polygons_drawn_and_deleted_meanwhile(panel, layer) -> None:
    panel.review(layer)
    press(panel, "A")
    assert layer.startEditing()
    drawn = QgsFeature(layer.fields())
    drawn.setGeometry(square(9, 9))
    assert layer.addFeature(drawn)
    layer.deleteFeature(current(panel))
    layer.deleteFeature(2)
    QApplication.processEvents()
    assert panel.face.counts.text() == "0 accepted, 0 rejected, 3 left"
    assert layer.commitChanges()
    QApplication.processEvents()
    assert len(panel._session.queue) == layer.featureCount() == 3
    press(panel, "RRR")
    assert in_file(layer) == ["rejected"] * 3


def test_deletions_are_taken_back(panel, layer) -> None:
    panel.review(layer)
    press(panel, "A")
    layer.startEditing()
    layer.deleteFeature(2)
    layer.rollBack()
    QApplication.processEvents()
    assert panel.face.counts.text() == "1 accepted, 0 rejected, 3 left"


def test_polygons_that_another_program_deleted_are_passed_over(panel, layer) -> None:
    panel.review(layer)
    assert layer.dataProvider().deleteFeatures([4, 3])
    press(panel, "A")
    assert current(panel) == 1
    assert panel.face.where.text().endswith("of 2")


def test_the_layer_is_removed_or_the_project_cleared(panel, layer, tmp_path) -> None:
    panel.review(layer)
    press(panel, "A")
    QgsProject.instance().removeMapLayer(layer.id())
    QApplication.processEvents()
    assert panel._session is None
    assert panel._view._band.asGeometry().isEmpty()
    press(panel, "ARUNPZE1")
    other = row_of_squares(tmp_path / "other.gpkg", SCORES)
    QgsProject.instance().addMapLayer(other)
    drawn(panel)
    panel.review(other)
    other.startEditing()
    press(panel, "A")
    QgsProject.instance().clear()
    QApplication.processEvents()
    press(panel, "ARUNPZE1")
    assert panel._session is None


def test_the_column_of_verdicts_is_removed(panel, layer) -> None:
    panel.review(layer)
    press(panel, "A")
    layer.startEditing()
    layer.deleteAttribute(layer.fields().lookupField("review"))
    QApplication.processEvents()
    assert panel.face.counts.text() == "0 accepted, 0 rejected, 4 left"
    layer.rollBack()
    QApplication.processEvents()
    assert panel.face.counts.text() == "1 accepted, 0 rejected, 3 left"


def test_a_layer_that_cannot_be_written_says_so_and_offers_a_copy(panel, tmp_path) -> None:
    layer = row_of_squares(tmp_path / "fixed.fgb", SCORES, driver="FlatGeobuf")
    layer.setReadOnly(True)
    QgsProject.instance().addMapLayer(layer)
    panel.review(layer)
    assert "cannot be written" in panel.face.note.text()
    assert panel.face.save_copy.isVisibleTo(panel)
    press(panel, "A1")
    assert "cannot be written" in panel.face.message.text()
    assert panel.face.counts.text() == "0 accepted, 0 rejected, 4 left"
    panel.save_copy(tmp_path / "copy.gpkg")
    assert panel._session.layer.source().endswith("copy.gpkg")
    assert "cannot" not in panel.face.note.text()
    press(panel, "A")
    assert verdicts(panel._session.layer).count("accepted") == 1


def test_a_temporary_layer_can_be_reviewed_but_had_better_be_saved(panel, qgis_app) -> None:
    layer = QgsVectorLayer(f"Polygon?crs={UTM}&field=score:double", "mine", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(square(0, 0))
    layer.dataProvider().addFeatures([feature])
    panel.review(layer)
    assert "temporary" in panel.face.note.text()
    press(panel, "A")
    assert verdicts(layer) == ["accepted"]


def test_editing_an_outline_is_saved_with_the_verdict(panel, layer) -> None:
    panel.review(layer)
    press(panel, "E")
    assert layer.isEditable()
    layer.changeGeometry(2, square(1, 0, side=12))
    QApplication.processEvents()
    assert "144" in panel.face.what.text()
    press(panel, "A")
    assert not layer.isEditable()
    again = QgsVectorLayer(layer.source(), "again", "ogr")
    assert again.getFeature(2).geometry().area() == pytest.approx(144)
    assert in_file(layer) == [None, "accepted", None, None]
    press(panel, "EE")
    assert not layer.isEditable()


def test_an_edit_session_of_the_user_stays_open(panel, layer) -> None:
    layer.startEditing()
    panel.review(layer)
    press(panel, "EA")
    assert layer.isEditable()
    layer.rollBack()


def test_verdicts_outlive_a_kill(tmp_path, qgis_app) -> None:
    row_of_squares(tmp_path / "roofs.gpkg", SCORES)
    code = textwrap.dedent(f"""
        import os, signal, sys
        sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
        from qgis.core import QgsApplication, QgsVectorLayer
        app = QgsApplication([], False)
        app.initQgis()
        from geomrcnn_qgis.review.entry import Verdict
        from geomrcnn_qgis.review.order import Order
        from geomrcnn_qgis.review.session import ReviewSession
        layer = QgsVectorLayer({str(tmp_path / "roofs.gpkg")!r}, "roofs", "ogr")
        session = ReviewSession(layer, Order.LOWEST_SCORE)
        session.decide(Verdict.ACCEPTED)
        session.decide(Verdict.REJECTED)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    again = QgsVectorLayer(str(tmp_path / "roofs.gpkg"), "again", "ogr")
    assert verdicts(again) == [None, "accepted", None, "rejected"]
