"""Layers to review."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QVariant

UTM = "EPSG:32632"
COLUMNS = {
    "class": QVariant.Type.String,
    "score": QVariant.Type.Double,
    "area_m2": QVariant.Type.Double,
}
LEFT, LOW = 500_000.0, 5_000_000.0


def square(column: float, row: float, side: float = 10.0, step: float = 20.0) -> QgsGeometry:
    """A square in the cell of a grid, in UTM."""
    left, low = LEFT + column * step, LOW + row * step
    return QgsGeometry.fromRect(QgsRectangle(left, low, left + side, low + side))


def write(
    path: Path,
    rows: Iterable[tuple[QgsGeometry, Sequence[object]]],
    columns: dict[str, QVariant.Type] = COLUMNS,
    crs: str = UTM,
    driver: str = "GPKG",
) -> QgsVectorLayer:
    """A layer of polygons in a file, open."""
    fields = QgsFields()
    for name, kind in columns.items():
        fields.append(QgsField(name, kind))
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = driver, path.stem
    context = QgsProject.instance().transformContext()
    reference = QgsCoordinateReferenceSystem(crs)
    kind = QgsWkbTypes.Type.MultiPolygon
    writer = QgsVectorFileWriter.create(str(path), fields, kind, reference, context, options)
    for geometry, values in rows:
        feature = QgsFeature(fields)
        geometry = QgsGeometry(geometry)
        if not geometry.isNull():
            geometry.convertToMultiType()
        feature.setGeometry(geometry)
        feature.setAttributes(list(values))
        assert writer.addFeature(feature)
    del writer
    layer = QgsVectorLayer(str(path), path.stem, "ogr")
    assert layer.isValid()
    return layer


def row_of_squares(path: Path, scores: Sequence[float | None], **options: object) -> QgsVectorLayer:
    """Squares from west to east, roofs and ponds in turn."""
    return write(
        path,
        ((square(k, 0), (("roof", "pond")[k % 2], score, 100.0)) for k, score in enumerate(scores)),
        **options,
    )
