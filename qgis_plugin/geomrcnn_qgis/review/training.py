"""What `geomrcnn chips` learns from a review: labels, and where they are complete."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsDistanceArea,
    QgsFeature,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsSpatialIndex,
    QgsVectorLayer,
    QgsWkbTypes,
)

from .beside import NotSaved, replacing
from .entry import Verdict
from .saving import file_of, with_verdict, write_layer
from .verdicts import CLASS, TEXT, class_name, tr

LABELS, AREA = "labels", "aoi"
"""Layers of the GeoPackage, named as the options of `geomrcnn chips` that take them."""


class Saved(NamedTuple):
    """How much training data was written.

    Attributes:
        labels: Accepted polygons.
        rejected: Rejected polygons, whose places show what is no object.
    """

    labels: int
    rejected: int


def save_training_data(layer: QgsVectorLayer, path: Path, margin: float) -> Saved:
    """Write the layers "labels" and "aoi" as a new GeoPackage.

    Labels are the accepted polygons with their classes. They are complete around polygons that
    have been decided on, but not where an undecided one lies.

    Args:
        layer: With verdicts.
        path: The GeoPackage.
        margin: Metres around the box of each polygon in which the reviewer has seen everything.

    Raises:
        NotSaved: there is no accepted polygon, or one without a class, or the file cannot be
            written.
    """
    accepted, rejected, undecided = (
        [f for f in with_verdict(layer, verdict) if not f.geometry().isEmpty()]
        for verdict in (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.UNDECIDED)
    )
    if not accepted:
        raise NotSaved(tr("No polygon has been accepted, and without one there are no labels."))
    fields, labels = _labels(layer, accepted)
    area = complete_area(
        *(list(map(_valid, features)) for features in (accepted, rejected, undecided)),
        Ruler(layer.crs()),
        margin,
    )
    with replacing(path, never=file_of(layer)) as part:
        kind = QgsWkbTypes.Type.MultiPolygon
        write_layer(part, LABELS, fields, kind, layer.crs(), labels)
        write_layer(part, AREA, QgsFields(), kind, layer.crs(), map(_featured, area))
    return Saved(len(accepted), len(rejected))


class Ruler:
    """Metres on the ground in units of a CRS."""

    def __init__(self, crs: QgsCoordinateReferenceSystem) -> None:
        self._area = QgsDistanceArea()
        self._area.setSourceCrs(crs, QgsProject.instance().transformContext())
        self._area.setEllipsoid(crs.ellipsoidAcronym())
        self._step = 1e-3 if crs.isGeographic() else 100.0

    def grown(self, box: QgsRectangle, margin: float) -> QgsRectangle:
        """A box with `margin` metres more on each side."""
        centre = box.center()
        along = self._metres(centre, QgsPointXY(centre.x() + self._step, centre.y()))
        up = self._metres(centre, QgsPointXY(centre.x(), centre.y() + self._step))
        wider, higher = margin * self._step / along, margin * self._step / up
        return QgsRectangle(
            box.xMinimum() - wider,
            box.yMinimum() - higher,
            box.xMaximum() + wider,
            box.yMaximum() + higher,
        )

    def _metres(self, start: QgsPointXY, end: QgsPointXY) -> float:
        length = self._area.measureLine(start, end)
        if not length > 0:
            raise NotSaved(tr("A polygon lies where its CRS knows no metres."))
        return length


def complete_area(
    accepted: list[QgsGeometry],
    rejected: list[QgsGeometry],
    undecided: list[QgsGeometry],
    ruler: Ruler,
    margin: float,
) -> list[QgsGeometry]:
    """Where labels are complete: around what has been decided on, without undecided polygons.

    An accepted polygon is part of it even where an undecided one overlaps it.

    Args:
        accepted: Valid polygons.
        rejected: Valid polygons.
        undecided: Valid polygons.
        ruler: Of their CRS.
        margin: Metres around the box of each polygon.
    """
    boxes = [ruler.grown(shape.boundingBox(), margin) for shape in accepted + rejected]
    places = QgsGeometry.unaryUnion([QgsGeometry.fromRect(box) for box in boxes])
    known, unknown = _Near(accepted), _Near(undecided)
    area = []
    for place in places.asGeometryCollection():
        holes = unknown.union(place.boundingBox())
        if not holes.isEmpty():
            place = place.difference(holes.difference(known.union(holes.boundingBox())))
        area += [part for part in place.asGeometryCollection() if not part.isEmpty()]
    return area


class _Near:
    """Polygons, found by where they are."""

    def __init__(self, shapes: list[QgsGeometry]) -> None:
        self._shapes, self._index = shapes, QgsSpatialIndex()
        for number, shape in enumerate(shapes):
            self._index.addFeature(number, shape.boundingBox())

    def union(self, box: QgsRectangle) -> QgsGeometry:
        """All that touch a box, in one; empty if none does."""
        found = [self._shapes[number] for number in self._index.intersects(box)]
        return QgsGeometry.unaryUnion(found) if found else QgsGeometry.fromWkt("POLYGON EMPTY")


def _labels(
    layer: QgsVectorLayer, accepted: list[QgsFeature]
) -> tuple[QgsFields, list[QgsFeature]]:
    """The accepted polygons with a class and nothing else; without one if the layer has none."""
    fields, column = QgsFields(), layer.fields().lookupField(CLASS)
    if column < 0:
        return fields, [_featured(feature.geometry()) for feature in accepted]
    fields.append(QgsField(CLASS, TEXT))
    labels, nameless = [], 0
    for feature in accepted:
        name = class_name(feature[column])
        label = _featured(feature.geometry(), fields)
        label.setAttributes([name])
        labels.append(label)
        nameless += name is None
    if nameless:
        raise NotSaved(
            tr("{} accepted polygons have no class: choose one for each.").format(nameless)
        )
    return fields, labels


def _featured(shape: QgsGeometry, fields: QgsFields | None = None) -> QgsFeature:
    feature = QgsFeature(fields if fields is not None else QgsFields())
    feature.setGeometry(shape)
    return feature


def _valid(feature: QgsFeature) -> QgsGeometry:
    """The outline of a feature, repaired where it crosses itself."""
    shape = feature.geometry()
    if not shape.isGeosValid():
        shape = shape.makeValid()
        shape.convertGeometryCollectionToSubclass(QgsWkbTypes.GeometryType.PolygonGeometry)
    return shape
