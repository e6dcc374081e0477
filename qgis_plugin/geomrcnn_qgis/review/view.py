"""The map: where it looks, and the outline drawn over it."""

from __future__ import annotations

import time

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import QEventLoop
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QApplication

from .entry import Verdict

SURROUNDINGS = 3.0
"""Sides of the map in sides of the polygon's box."""

WIDTH = 3
"""Of the outline, in pixels."""

PATIENCE = 2.0
"""Seconds that a map may take to be drawn."""

COLOURS = {
    Verdict.UNDECIDED: QColor(0, 205, 255),
    Verdict.ACCEPTED: QColor(0, 190, 120),
    Verdict.REJECTED: QColor(230, 60, 40),
}


class MapView:
    """Shows one polygon at a time on a map canvas."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self.canvas = canvas
        self._band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        self._band.setWidth(WIDTH)
        # A dark rim, or else the outline would vanish on ground of its own colour.
        self._band.setSecondaryStrokeColor(QColor(0, 0, 0, 160))
        self._band.setFillColor(QColor(0, 0, 0, 0))

    def settle(self) -> None:
        """Wait until the map is drawn, but not for imagery that takes longer than its layers."""
        deadline = time.monotonic() + PATIENCE
        while self.canvas.isDrawing() and time.monotonic() < deadline:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
            time.sleep(0.005)

    def highlight(self, layer: QgsVectorLayer, feature: QgsFeature, verdict: Verdict) -> None:
        """Draw the outline of a feature in the colour of its verdict."""
        self._band.setStrokeColor(COLOURS[verdict])
        self._band.setToGeometry(feature.geometry(), layer)

    def clear(self) -> None:
        """Draw nothing."""
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)

    def remove(self) -> None:
        """Leave the canvas for good."""
        self.canvas.scene().removeItem(self._band)

    def go_to(self, layer: QgsVectorLayer, feature: QgsFeature, *, zoom: bool) -> bool:
        """Bring a feature to the middle of the map; False if it has no place there.

        Args:
            layer: Whose feature it is.
            feature: What to look at.
            zoom: Fit the map to the feature; else the scale stays, if the feature fits in.
        """
        box = self._box(layer, feature)
        if box is None:
            return False
        extent = self.canvas.extent()
        fits = box.width() <= extent.width() and box.height() <= extent.height()
        if (zoom or not fits) and max(box.width(), box.height()) > 0:
            self.canvas.setExtent(box.scaled(SURROUNDINGS))
        else:
            self.canvas.setCenter(box.center())
        self.canvas.refresh()
        return True

    def _box(self, layer: QgsVectorLayer, feature: QgsFeature) -> QgsRectangle | None:
        """The box of a feature in the CRS of the map."""
        if feature.geometry().isEmpty():
            return None
        way = QgsCoordinateTransform(
            layer.crs(), self.canvas.mapSettings().destinationCrs(), QgsProject.instance()
        )
        try:
            box = way.transformBoundingBox(feature.geometry().boundingBox())
        except QgsCsException:
            return None
        return box if box.isFinite() else None
