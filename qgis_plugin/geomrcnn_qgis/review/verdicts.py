"""Reading a layer for review, and writing verdicts and classes into it."""

from __future__ import annotations

import math
from typing import NamedTuple

from qgis.core import (
    Qgis,
    QgsFeatureRequest,
    QgsField,
    QgsFields,
    QgsVectorDataProvider,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QCoreApplication, QMetaType, QVariant

from .entry import Entry, Verdict

REVIEW, CLASS, SCORE = "review", "class", "score"

LENGTHS = {REVIEW: 10, CLASS: 80}
"""Characters that the columns hold which a review adds."""

TEXT = QMetaType.Type.QString if Qgis.QGIS_VERSION_INT >= 33800 else QVariant.Type.String


class NotWritten(Exception):  # noqa: N818 - an outcome
    """A layer did not take what was to be written, for the reason this is, in one line."""


class Contents(NamedTuple):
    """What a layer holds for a review.

    Attributes:
        entries: One a feature, in the order of the layer.
        classes: Names in the column of classes.
    """

    entries: list[Entry]
    classes: set[str]


def tr(text: str) -> str:
    """Translate a text of this module and of those that have no widget."""
    return QCoreApplication.translate("Review", text)


def is_reviewable(layer: object) -> bool:
    """Whether it is a layer of polygons."""
    return (
        isinstance(layer, QgsVectorLayer)
        and layer.isValid()
        and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
    )


def has_column(layer: QgsVectorLayer, column: str) -> bool:
    """Whether a layer has a column, whatever the case of its letters."""
    return layer.fields().lookupField(column) >= 0


def why_not_writable(layer: QgsVectorLayer) -> str | None:
    """Why no verdict can be written into a layer; None if it can."""
    able = layer.dataProvider().capabilities()
    if layer.readOnly() or not able & QgsVectorDataProvider.Capability.ChangeAttributeValues:
        return tr("This layer cannot be written, so it cannot keep verdicts.")
    if not (
        has_column(layer, REVIEW) or able & QgsVectorDataProvider.Capability.AddAttributes
    ):  # fmt: skip
        return tr("This layer takes no new column, so it cannot keep verdicts.")
    return None


def why_better_a_copy(layer: QgsVectorLayer) -> str | None:
    """Why a review had better be done in a copy, though the layer can be written."""
    if layer.isTemporary():
        return tr("This layer is temporary: its verdicts will be lost with it.")
    if layer.dataProvider().storageType() == "GeoJSON":
        return tr("A GeoJSON file is written anew after each verdict, which takes its time.")
    return None


def read(layer: QgsVectorLayer) -> Contents:
    """Go through a layer once; features in its edit buffer count as the user sees them."""
    fields = layer.fields()
    review, score, class_ = (fields.lookupField(name) for name in (REVIEW, SCORE, CLASS))
    request = QgsFeatureRequest()
    request.setSubsetOfAttributes([index for index in (review, score, class_) if index >= 0])
    entries, classes = [], set()
    for feature in layer.getFeatures(request):
        values = feature.attributes()
        geometry = feature.geometry()
        centre = None if geometry.isEmpty() else geometry.boundingBox().center()
        entries.append(
            Entry(
                feature.id(),
                None if score < 0 else number(values[score]),
                None if centre is None else (centre.x(), centre.y()),
                Verdict.UNDECIDED if review < 0 else Verdict.of(values[review]),
            )
        )
        if class_ >= 0:
            classes.add(class_name(values[class_]))
    return Contents(entries, {name for name in classes if name is not None})


def class_name(value: object) -> str | None:
    """The name of a class that stands in a layer, be it a text or a number; None for nothing."""
    if value is None or isinstance(value, QVariant) or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def number(value: object) -> float | None:
    """A value of a layer as a finite number; None if it is none."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def write(layer: QgsVectorLayer, id_: int, column: str, value: str | None) -> None:
    """Write a value of a feature, and add its column first where it is missing.

    Into the edit buffer while the user edits the layer, and else into the file at once.

    Raises:
        NotWritten: the layer refused.
    """
    if reason := why_not_writable(layer):
        raise NotWritten(reason)
    index = _index(layer, column)
    if layer.isEditable():
        layer.beginEditCommand(tr("Review"))
        done = layer.changeAttributeValue(id_, index, value)
        layer.endEditCommand()
    else:
        done = layer.dataProvider().changeAttributeValues({id_: {index: value}})
    if not done:
        raise NotWritten(_reason(layer))


def _index(layer: QgsVectorLayer, column: str) -> int:
    """Where a column stands that belongs to the layer itself; added if there is none."""
    if not has_column(layer, column):
        field = QgsField(column, TEXT, "", LENGTHS[column])
        if layer.isEditable():
            done = layer.addAttribute(field)
        else:
            done = layer.dataProvider().addAttributes([field])
            layer.updateFields()
        if not done or not has_column(layer, column):
            raise NotWritten(_reason(layer))
    index = layer.fields().lookupField(column)
    own = (QgsFields.FieldOrigin.OriginProvider, QgsFields.FieldOrigin.OriginEdit)
    if layer.fields().fieldOrigin(index) not in own:
        raise NotWritten(tr("The column '{}' is joined or computed.").format(column))
    return index


def _reason(layer: QgsVectorLayer) -> str:
    provider = layer.dataProvider()
    reasons = [line for error in provider.errors() for line in error.splitlines()]
    provider.clearErrors()
    return reasons[-1] if reasons else tr("The layer took no change.")
