"""Areas to look at, as a file that geomrcnn reads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSource,
    QgsFields,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsRectangle,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

ALONG = 20
"""Vertices added to each side of an extent, since it may be curved in the raster's CRS."""


class Area(NamedTuple):
    """Where to look.

    Attributes:
        path: A GeoPackage of polygons.
        extent: Around them.
        crs: Of both.
    """

    path: Path
    extent: QgsRectangle
    crs: QgsCoordinateReferenceSystem


def of_source(source: QgsFeatureSource, path: Path, context: QgsProcessingContext) -> Area:
    """The polygons of a layer, saved or not, or those that are selected in it.

    Raises:
        QgsProcessingException: there are none, or they cannot be written.
    """
    crs, extent = source.sourceCrs(), QgsRectangle()
    extent.setMinimal()
    for feature in source.getFeatures():
        extent.combineExtentWith(feature.geometry().boundingBox())
    if extent.isNull():
        raise QgsProcessingException("The layer of areas has no polygon.")
    write(source.getFeatures(), source.fields(), crs, path, context)
    return Area(path, extent, crs)


def of_extent(
    extent: QgsRectangle,
    crs: QgsCoordinateReferenceSystem,
    path: Path,
    context: QgsProcessingContext,
) -> Area:
    """A rectangle."""
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromRect(extent).densifyByCount(ALONG))
    write([feature], QgsFields(), crs, path, context)
    return Area(path, extent, crs)


def write(
    features: Iterable[QgsFeature],
    fields: QgsFields,
    crs: QgsCoordinateReferenceSystem,
    path: Path,
    context: QgsProcessingContext,
) -> None:
    """Write polygons to a new GeoPackage.

    Raises:
        QgsProcessingException: in the words of QGIS.
    """
    # A GeoPackage makes keys of its own, and takes no second column of that name.
    kept = [index for index in range(fields.count()) if fields[index].name().lower() != "fid"]
    columns = QgsFields()
    for index in kept:
        columns.append(fields[index])
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    writer = QgsVectorFileWriter.create(
        str(path), columns, QgsWkbTypes.Type.MultiPolygon, crs, context.transformContext(), options
    )
    for feature in features:
        geometry = feature.geometry()
        geometry.convertToMultiType()
        copy = QgsFeature(columns)
        copy.setGeometry(geometry)
        copy.setAttributes([feature.attribute(index) for index in kept])
        writer.addFeature(copy)
    failure = writer.errorMessage()
    del writer  # writes what is left
    if failure:
        raise QgsProcessingException(f"{path}: {failure}")
