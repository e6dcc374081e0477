"""Questions to the user before something is written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from qgis.core import QgsSettings, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QApplication, QFileDialog, QInputDialog, QWidget

from .saving import file_of
from .verdicts import tr

MARGIN_KEPT = "geomrcnn/review/margin"
"""Setting that keeps the margin around reviewed polygons."""

MARGIN = 20.0
"""Metres at first."""


def path(parent: QWidget, layer: QgsVectorLayer, ending: str) -> Path | None:
    """Ask for a GeoPackage; one beside the layer's own file is proposed."""
    file = file_of(layer)
    folder = Path.home() if file is None else file.parent
    chosen, _ = QFileDialog.getSaveFileName(
        parent,
        tr("Save as GeoPackage"),
        str(folder / f"{layer.name()}-{ending}.gpkg"),
        "GeoPackage (*.gpkg)",
    )
    if not chosen:
        return None
    return Path(chosen if chosen.lower().endswith(".gpkg") else f"{chosen}.gpkg")


def margin(parent: QWidget) -> float | None:
    """Ask for the margin around reviewed polygons in metres, and keep it for the next time."""
    settings = QgsSettings()
    metres, is_given = QInputDialog.getDouble(
        parent,
        tr("Save training data"),
        tr(
            "Metres around each reviewed polygon in which no object is missing.\n"
            "Chips of which less than a tenth is known are left out."
        ),
        float(settings.value(MARGIN_KEPT, MARGIN)),
        0.0,
        1e5,
        1,
    )
    if not is_given:
        return None
    settings.setValue(MARGIN_KEPT, metres)
    return metres


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """Show that something takes its time."""
    QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
    try:
        yield
    finally:
        QApplication.restoreOverrideCursor()
