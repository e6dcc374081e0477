"""Raster layers as something that geomrcnn reads: their own source, or a drawing of them."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsDistanceArea,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterBlockFeedback,
    QgsRasterFileWriter,
    QgsRasterLayer,
    QgsRasterPipe,
    QgsRectangle,
)

from .areas import Area

MOST_PIXELS = 4_000_000_000
"""More than that of a web service is drawn by mistake."""


class Imagery(NamedTuple):
    """A raster layer, taken from QGIS's main thread.

    Attributes:
        source: What GDAL opens, or None if it has to be drawn.
        name: Of the layer.
        pipe: Draws it.
        crs: Of the layer.
        extent: Of the layer, in its CRS.
    """

    source: str | None
    name: str
    pipe: QgsRasterPipe | None
    crs: QgsCoordinateReferenceSystem
    extent: QgsRectangle


def needs_drawing(layer: QgsRasterLayer) -> bool:
    """Whether GDAL cannot open what the layer shows."""
    return layer.providerType() != "gdal"


def of_layer(layer: QgsRasterLayer) -> Imagery:
    """What there is to read; to be called in the main thread."""
    if not needs_drawing(layer):
        return Imagery(gdal_source(layer), layer.name(), None, layer.crs(), layer.extent())
    pipe = QgsRasterPipe()
    pipe.set(layer.dataProvider().clone())
    pipe.set(layer.renderer().clone())
    return Imagery(None, layer.name(), pipe, layer.crs(), layer.extent())


def gdal_source(layer: QgsRasterLayer) -> str:
    """What GDAL opens of a layer: a path, a /vsi… path, a table of a GeoPackage, an URL."""
    # QGIS appends its own options after a bar.
    source = layer.source().split("|")[0]
    return os.path.abspath(source) if os.path.exists(source) else source


def draw(
    imagery: Imagery,
    area: Area | None,
    gsd: float,
    path: Path,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> str:
    """Draw a layer into a GeoTIFF, part by part.

    Args:
        imagery: Of a layer that `needs_drawing`.
        area: What to draw; needed where the layer has no end.
        gsd: Metres on the ground to a pixel.
        path: Where to.
        context: For the transformation of the area's CRS.
        feedback: Is told, and says when to stop.

    Returns:
        `path`, for geomrcnn.

    Raises:
        QgsProcessingException: there is nothing to draw, too much, or the service fails.
    """
    if area is None:
        raise QgsProcessingException(f"{imagery.name}: choose an extent or areas to look at")
    transform = QgsCoordinateTransform(area.crs, imagery.crs, context.transformContext())
    extent = transform.transformBoundingBox(area.extent).intersect(imagery.extent)
    if extent.isEmpty():
        raise QgsProcessingException(f"{imagery.name}: shows nothing in that area")
    across, along = ground_units(extent.center(), imagery.crs, context)
    width = math.ceil(extent.width() * across / gsd)
    height = math.ceil(extent.height() * along / gsd)
    if width * height > MOST_PIXELS:
        raise QgsProcessingException(
            f"{imagery.name}: the area is {width} × {height} pixels of {gsd:g} m: choose a smaller "
            "one"
        )
    # Whole pixels, from the upper left corner.
    extent.setXMaximum(extent.xMinimum() + width * gsd / across)
    extent.setYMinimum(extent.yMaximum() - height * gsd / along)
    feedback.setProgressText(f"Drawing {imagery.name}: {width} × {height} pixels of {gsd:g} m")
    _write(imagery, extent, width, height, path, context, feedback)
    return str(path)


def ground_units(
    where: QgsPointXY, crs: QgsCoordinateReferenceSystem, context: QgsProcessingContext
) -> tuple[float, float]:
    """Metres on the ground that a unit of the CRS is at a place, in x and in y."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, context.transformContext())
    measure.setEllipsoid("EPSG:7030")
    # A step that is short on the ground and long beside the rounding of coordinates.
    step = 1e-4 if crs.isGeographic() else 10.0
    x, y = where.x(), where.y()
    across = measure.measureLine(QgsPointXY(x - step, y), QgsPointXY(x + step, y))
    along = measure.measureLine(QgsPointXY(x, y - step), QgsPointXY(x, y + step))
    return across / (2 * step), along / (2 * step)


def _write(
    imagery: Imagery,
    extent: QgsRectangle,
    width: int,
    height: int,
    path: Path,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> None:
    drawing = QgsRasterBlockFeedback()
    feedback.canceled.connect(drawing.cancel)
    writer = QgsRasterFileWriter(str(path))
    writer.setOutputFormat("GTiff")
    writer.setCreateOptions(["COMPRESS=DEFLATE", "TILED=YES", "BIGTIFF=IF_SAFER"])
    error = writer.writeRaster(
        imagery.pipe, width, height, extent, imagery.crs, context.transformContext(), drawing
    )
    if feedback.isCanceled():
        raise QgsProcessingException("Cancelled, as you wished.")
    if error != QgsRasterFileWriter.WriterError.NoError or drawing.errors():
        told = "; ".join(drawing.errors()) or "it cannot be drawn"
        raise QgsProcessingException(f"{imagery.name}: {told}")
