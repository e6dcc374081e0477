"""GeoPackages of polygons that have been reviewed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsProject,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtXml import QDomDocument

from .beside import NotSaved, replacing
from .entry import Verdict
from .verdicts import REVIEW, tr


def save_accepted(layer: QgsVectorLayer, path: Path) -> int:
    """Write the accepted polygons of a layer, with all their attributes, as a new GeoPackage.

    Returns:
        How many there are.

    Raises:
        NotSaved: there is none, or the file cannot be written.
    """
    accepted = with_verdict(layer, Verdict.ACCEPTED)
    if not accepted:
        raise NotSaved(tr("No polygon has been accepted."))
    with replacing(path, never=file_of(layer)) as part:
        _write_all(layer, accepted, part, path.stem)
    return len(accepted)


def save_copy(layer: QgsVectorLayer, path: Path) -> QgsVectorLayer:
    """Write a layer as a new GeoPackage and open it in the same style.

    Raises:
        NotSaved: the file cannot be written.
    """
    with replacing(path, never=file_of(layer)) as part:
        _write_all(layer, layer.getFeatures(), part, path.stem)
    copy = QgsVectorLayer(str(path), layer.name(), "ogr")
    style = QDomDocument()
    layer.exportNamedStyle(style)
    copy.importNamedStyle(style)
    copy.setReadOnly(False)
    return copy


def with_verdict(layer: QgsVectorLayer, verdict: Verdict) -> list[QgsFeature]:
    """The features of a layer with a verdict."""
    column = layer.fields().lookupField(REVIEW)
    return [
        feature
        for feature in layer.getFeatures()
        if (Verdict.UNDECIDED if column < 0 else Verdict.of(feature[column])) is verdict
    ]


def file_of(layer: QgsVectorLayer) -> Path | None:
    """The file that a layer is read from; None if it is no file."""
    source = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return Path(source["path"]) if source.get("path") else None


def write_layer(
    path: Path,
    name: str,
    fields: QgsFields,
    kind: QgsWkbTypes.Type,
    crs: QgsCoordinateReferenceSystem,
    features: Iterable[QgsFeature],
) -> None:
    """Write polygons as a layer of a GeoPackage, which may have other layers already.

    Args:
        path: The GeoPackage.
        name: Of the layer.
        fields: Of the features.
        kind: A type of multi-part polygons.
        crs: Of the features.
        features: Polygons, of one part or several.

    Raises:
        NotSaved: in GDAL's words.
    """
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", name
    if path.exists():
        options.actionOnExistingFile = (
            QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
        )
    writer = QgsVectorFileWriter.create(
        str(path),
        fields,
        kind,
        crs,
        QgsProject.instance().transformContext(),
        options,
    )
    written = _add(writer, features)
    failed, reason = writer.hasError(), writer.errorMessage()
    del writer
    if failed != QgsVectorFileWriter.WriterError.NoError:
        raise NotSaved(" ".join(reason.split()))
    _check(path, name, written)


def _add(writer: QgsVectorFileWriter, features: Iterable[QgsFeature]) -> int:
    """Write features until all are written or one fails; how many were."""
    written = 0
    if writer.hasError() != QgsVectorFileWriter.WriterError.NoError:
        return written
    for feature in features:
        shape = feature.geometry()
        if not shape.isNull():
            shape.convertToMultiType()
            feature.setGeometry(shape)
        if not writer.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            break
        written += 1
    return written


def _check(path: Path, name: str, rows: int) -> None:
    """Look whether a layer is whole: on a full disk it fails as it is closed, and nobody says so.

    The index is the last thing that is written.
    """
    table = name.replace('"', '""')
    try:
        with contextlib.closing(sqlite3.connect(path)) as file:
            found = file.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
            file.execute(f'SELECT * FROM "rtree_{table}_geom" LIMIT 1').fetchall()
    except sqlite3.Error as error:
        raise NotSaved(tr("The layer could not be written; is the disk full?")) from error
    if found != rows:
        raise NotSaved(tr("The layer could not be written; is the disk full?"))


def _write_all(
    layer: QgsVectorLayer, features: Iterable[QgsFeature], path: Path, name: str
) -> None:
    """Write features with all attributes but the id that a GeoPackage gives anew."""
    kept = [i for i, field in enumerate(layer.fields()) if field.name().lower() != "fid"]
    fields = QgsFields()
    for index in kept:
        fields.append(layer.fields()[index])
    kind = QgsWkbTypes.multiType(layer.wkbType())
    parts = (_part(feature, fields, kept) for feature in features)
    write_layer(path, name, fields, kind, layer.crs(), parts)


def _part(feature: QgsFeature, fields: QgsFields, kept: list[int]) -> QgsFeature:
    part = QgsFeature(fields)
    part.setGeometry(feature.geometry())
    part.setAttributes([feature[index] for index in kept])
    return part
