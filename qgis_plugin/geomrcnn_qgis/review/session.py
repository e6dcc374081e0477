"""One review of one layer: what the keys do, and what happens to the layer meanwhile."""

from __future__ import annotations

from typing import Any, NamedTuple

from qgis.core import QgsDistanceArea, QgsFeature, QgsProject, QgsVectorLayer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal

from . import verdicts
from .classes import listed
from .entry import Verdict
from .order import Order, arranged
from .queue import ReviewQueue

CLASSES_KEPT = "geomrcnn/classes"
"""Property of the layer that keeps the order of classes, and those nobody has used yet."""


class Facts(NamedTuple):
    """What is told of a polygon.

    Attributes:
        class_: Name of its class, if it has one.
        score: If it has one.
        area: On the ground in square metres; None without a geometry.
    """

    class_: str | None
    score: float | None
    area: float | None


class ReviewSession(QObject):
    """A layer under review.

    The verdicts live in the layer; what is kept here follows it, whoever changes it.
    """

    changed = pyqtSignal()
    """The layer was changed by others: what is shown may be out of date."""

    ended = pyqtSignal()
    """The layer is being deleted: nothing can be asked of it any more."""

    def __init__(self, layer: QgsVectorLayer, order: Order, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.layer = layer
        self._writing = False
        self._given: list[tuple[int, Verdict]] = []
        self._ruler = QgsDistanceArea()
        self._ruler.setSourceCrs(layer.crs(), QgsProject.instance().transformContext())
        self._ruler.setEllipsoid(layer.crs().ellipsoidAcronym())
        self._hold()
        self._load(order)
        for signal, slot in self._ears():
            signal.connect(slot)

    def _ears(self) -> list[tuple[Any, Any]]:
        """What is heard of the layer, and by whom."""
        return [
            (self.layer.featureAdded, self._on_added),
            (self.layer.featureDeleted, self._on_deleted),
            (self.layer.attributeValueChanged, self._on_value),
            (self.layer.geometryChanged, self._on_geometry),
            (self.layer.updatedFields, self._on_fields),
            (self.layer.subsetStringChanged, self.reload),
            (self.layer.dataSourceChanged, self._on_source),
            (self.layer.willBeDeleted, self.ended),
        ]

    def _load(self, order: Order) -> None:
        contents = verdicts.read(self.layer)
        self.has_scores = any(entry.score is not None for entry in contents.entries)
        self.order = order if self.has_scores else Order.PLACE
        self.queue = ReviewQueue(arranged(contents.entries, self.order))
        self._has_verdicts = verdicts.has_column(self.layer, verdicts.REVIEW)
        self._classes_found = contents.classes

    def reload(self) -> None:
        """Read the layer anew and stay at the current polygon."""
        self.arrange(self.order)
        self.changed.emit()

    def arrange(self, order: Order) -> None:
        """Go on in another order, from the current polygon."""
        current = self.queue.current
        self._load(order)
        if current is not None:
            self.queue.go_to(current)

    def feature(self) -> QgsFeature | None:
        """The current polygon; None if none is left. Those the layer has lost are passed over."""
        while self.queue.current is not None:
            feature = self.layer.getFeature(self.queue.current)
            if feature.isValid():
                return feature
            self.queue.remove(self.queue.current)
        return None

    def facts(self, feature: QgsFeature) -> Facts:
        """What the panel tells of a feature; its area is measured, as its outline may change."""
        fields, values = self.layer.fields(), feature.attributes()
        class_, score = fields.lookupField(verdicts.CLASS), fields.lookupField(verdicts.SCORE)
        geometry = feature.geometry()
        return Facts(
            None if class_ < 0 else verdicts.class_name(values[class_]),
            None if score < 0 else verdicts.number(values[score]),
            None if geometry.isEmpty() else self._ruler.measureArea(geometry),
        )

    def decide(self, verdict: Verdict) -> None:
        """Write a verdict on the current polygon and go to the next undecided one.

        Raises:
            NotWritten: the layer refused; nothing has changed.
        """
        id_ = self.queue.current
        if id_ is None:
            return
        before = self.queue.verdict(id_)
        self._write_verdict(id_, verdict)
        self._given.append((id_, before))
        self.queue.to_next_undecided()

    def undo(self) -> None:
        """Clear the verdict on the current polygon, or go back to the last one and take it back.

        Raises:
            NotWritten: the layer refused.
        """
        id_ = self.queue.current
        if id_ is not None and self.queue.verdict(id_):
            self._write_verdict(id_, Verdict.UNDECIDED)
            return
        while self._given:
            id_, before = self._given.pop()
            if id_ in self.queue and self.queue.verdict(id_) != before:
                self._write_verdict(id_, before)
                self.queue.go_to(id_)
                return

    def _write_verdict(self, id_: int, verdict: Verdict) -> None:
        self._write(id_, verdicts.REVIEW, verdict.value_in_layer)
        self.queue.set(id_, verdict)

    def _write(self, id_: int, column: str, value: str | None) -> None:
        """Write without hearing of it."""
        self._writing = True
        try:
            verdicts.write(self.layer, id_, column, value)
        finally:
            self._writing = False
            self._has_verdicts = verdicts.has_column(self.layer, verdicts.REVIEW)

    def classes(self) -> list[str]:
        """The classes in the order of their keys."""
        return listed(self.layer.customProperty(CLASSES_KEPT) or [], self._classes_found)

    def keep_classes(self, names: list[str]) -> None:
        """Change the order of the classes, and add some; those in the layer stay."""
        self.layer.setCustomProperty(CLASSES_KEPT, names)

    def choose_class(self, name: str) -> None:
        """Write the class of the current polygon.

        Raises:
            NotWritten: the layer refused.
        """
        if self.queue.current is not None:
            self._write(self.queue.current, verdicts.CLASS, name)
            self._classes_found.add(name)

    def end(self) -> None:
        """Hear no more of the layer, which may be gone already."""
        if not sip.isdeleted(self.layer):
            for signal, slot in self._ears():
                signal.disconnect(slot)
            if self._holds_open:
                # What is in SQLite's journal goes into the file.
                self.layer.dataProvider().leaveUpdateMode()

    def _hold(self) -> None:
        """Open the file for writing, and keep it open: to change over takes time.

        QGIS may read nonsense from a GeoPackage that it opened while this happened.
        """
        self._holds_open = (
            verdicts.why_not_writable(self.layer) is None
            and self.layer.dataProvider().enterUpdateMode()
        )

    def _on_source(self) -> None:
        """The layer reads another file now."""
        self._hold()
        self.reload()

    def _on_added(self, id_: int) -> None:
        """A new polygon, or one whose deletion was taken back, or that has been given its id."""
        values = self.layer.getFeature(id_).attributes()
        column = self.layer.fields().lookupField(verdicts.REVIEW)
        known = 0 <= column < len(values)
        self.queue.set(id_, Verdict.of(values[column]) if known else Verdict.UNDECIDED)
        self.changed.emit()

    def _on_deleted(self, id_: int) -> None:
        self.queue.remove(id_)
        self.changed.emit()

    def _on_value(self, id_: int, column: int, value: object) -> None:
        if self._writing:
            return
        if column == self.layer.fields().lookupField(verdicts.REVIEW) and id_ in self.queue:
            self.queue.set(id_, Verdict.of(value))
        self.changed.emit()

    def _on_geometry(self, id_: int) -> None:
        if id_ == self.queue.current:
            self.changed.emit()

    def _on_fields(self) -> None:
        """The column of verdicts has come or gone, and the verdicts with it."""
        has_verdicts = verdicts.has_column(self.layer, verdicts.REVIEW)
        if not self._writing and has_verdicts != self._has_verdicts:
            self.reload()
