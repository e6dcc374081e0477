"""How a layer of polygons looks when it comes, and what it says of itself."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from qgis.core import (
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsPalLayerSettings,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsRendererRange,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtGui import QColor

STYLES = ("by class", "by score")

RAMP = ("#d7191c", "#fdae61", "#ffffbf", "#a6d96a", "#1a9641")
"""From a low score to a high one."""

FILL_OPACITY = 45
"""Of 255."""

LINE_MM = 0.5

PROVENANCE = "geomrcnn"
"""The entry of a layer's metadata that says how it was made."""


class Dressing(QgsProcessingLayerPostProcessorInterface):
    """Styles the layer of a prediction once QGIS has loaded it."""

    waiting: ClassVar[list[Dressing]] = []
    """Those that QGIS will call: it keeps no reference, and the algorithm is gone by then."""

    def __init__(self, style: str, labels: bool) -> None:
        """Style it so.

        Args:
            style: One of `STYLES`.
            labels: Whether to write class and score on the polygons.
        """
        super().__init__()
        self._style, self._labels = style, labels
        self.waiting.append(self)

    def postProcessLayer(  # noqa: N802
        self,
        layer: QgsVectorLayer,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Dress the layer."""
        self.waiting.remove(self)
        if not isinstance(layer, QgsVectorLayer) or layer.fields().indexOf("score") < 0:
            return
        if self._style == "by score":
            layer.setRenderer(by_score())
        else:
            layer.loadDefaultStyle()  # by class, as the file has it
        if self._labels:
            layer.setLabeling(labels())
            layer.setLabelsEnabled(True)
        tell_of_origin(layer)
        layer.triggerRepaint()


def by_score() -> QgsGraduatedSymbolRenderer:
    """Five steps from red to green."""
    ranges, steps = [], len(RAMP)
    for number, colour in enumerate(RAMP):
        line = QColor(colour)
        fill = QColor(line)
        fill.setAlpha(FILL_OPACITY)
        symbol = QgsFillSymbol.createSimple({"outline_width": str(LINE_MM)})
        symbol.symbolLayer(0).setFillColor(fill)
        symbol.symbolLayer(0).setStrokeColor(line)
        low, high = number / steps, (number + 1) / steps
        ranges.append(QgsRendererRange(low, high, symbol, f"{low:.1f} to {high:.1f}"))
    return QgsGraduatedSymbolRenderer("score", ranges)


def labels() -> QgsVectorLayerSimpleLabeling:
    """Class and score in every polygon."""
    halo = QgsTextBufferSettings()
    halo.setEnabled(True)
    text = QgsTextFormat()
    text.setSize(8)
    text.setBuffer(halo)
    settings = QgsPalLayerSettings()
    settings.fieldName = '"class" || \' \' || format_number("score", 2)'
    settings.isExpression = True
    settings.setFormat(text)
    return QgsVectorLayerSimpleLabeling(settings)


def tell_of_origin(layer: QgsVectorLayer) -> None:
    """Say in the layer's metadata what made it, as its file does."""
    origin = origin_of(layer.source().split("|")[0])
    if not origin:
        return
    metadata = layer.metadata()
    model = f"{origin['model']} ({str(origin.get('model_version', ''))[:12]})"
    metadata.setTitle(layer.name())
    metadata.setAbstract(
        f"Objects found by geomrcnn {origin['geomrcnn']} with the model {model} on "
        f"{origin.get('runtime') or 'this machine'}."
    )
    rasters = ", ".join(str(raster.get("name")) for raster in origin.get("rasters", []))
    options = json.dumps(origin.get("options", {}), ensure_ascii=False)
    metadata.setHistory([f"{origin['date']}: geomrcnn predict {rasters}; options {options}"])
    layer.setMetadata(metadata)


def origin_of(path: str) -> dict[str, Any]:
    """The record of what made a file of geomrcnn's, or nothing."""
    from osgeo import gdal

    try:
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
        told = dataset.GetLayer(0).GetMetadataItem(PROVENANCE)
        origin = json.loads(told)
        return origin if isinstance(origin, dict) and "model" in origin else {}
    except (RuntimeError, AttributeError, TypeError, ValueError):
        return {}
