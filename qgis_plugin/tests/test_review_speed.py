"""A review of 50,000 polygons has no visible pause between two of them."""

from __future__ import annotations

import statistics

import pytest
from bench_review import Window, large_layer, steps, took
from geomrcnn_qgis.review.panel import ReviewPanel
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt

POLYGONS = 50_000


@pytest.mark.parametrize("in_buffer", [False, True], ids=["file", "buffer"])
def test_a_key_is_answered_at_once(tmp_path, qgis_app, qgis_new_project, in_buffer) -> None:
    layer = large_layer(tmp_path / "many.gpkg", POLYGONS)
    QgsProject.instance().addMapLayer(layer)
    window = Window()
    panel = ReviewPanel(window, window)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, panel)
    window.canvas.setLayers([layer])
    if in_buffer:
        layer.startEditing()
    try:
        assert took(lambda: panel.review(layer)) < 10_000
        times = steps(panel, "NNARPUA1N2" * 3)
        assert panel.face.progress.value() == 6
        # The machine may be busy with other tests; alone it takes a few milliseconds.
        assert statistics.median(times) < 50
    finally:
        layer.rollBack()
        panel.unload()
        window.canvas.setLayers([])
        window.close()
