"""The dock in which polygons are reviewed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qgis.core import QgsMapLayer, QgsProject
from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import QAction, QFrame, QInputDialog, QScrollArea, QWidget

from . import asking, classes, verdicts
from .beside import NotSaved
from .editing import OutlineEditing
from .entry import Verdict
from .face import Face, in_words
from .saving import save_accepted, save_copy
from .session import ReviewSession
from .training import save_training_data
from .verdicts import NotWritten
from .view import MapView


class ReviewPanel(QgsDockWidget):
    """Steps through the polygons of a layer and takes verdicts on them."""

    def __init__(self, iface: QgisInterface, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("geomrcnn review"))
        self.setObjectName("GeomrcnnReview")
        self._session: ReviewSession | None = None
        self._shown: int | None = None
        self._iface, self._canvas = iface, iface.mapCanvas()
        self._view, self._editing = MapView(self._canvas), OutlineEditing(iface)
        self._actions: list[QAction] = []
        self.face = Face(self._build_actions())
        frame = QScrollArea()
        frame.setWidget(self.face)
        frame.setWidgetResizable(True)
        frame.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        frame.setFrameShape(QFrame.Shape.NoFrame)
        frame.setMinimumWidth(self.face.minimumSizeHint().width())
        self.setWidget(frame)
        # Layers may change a thousand features at once, which is shown once.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._show)
        self._connect()
        self._show()

    def _build_actions(self) -> list[list[QAction]]:
        """The rows of buttons; classes have keys and no buttons."""
        decide, step = self._decide, self._step
        rows = [
            [
                self._action(self.tr("Accept"), ["A"], partial(decide, Verdict.ACCEPTED)),
                self._action(self.tr("Reject"), ["R"], partial(decide, Verdict.REJECTED)),
                self._action(
                    self.tr("Undo"), ["U"], self._undo,
                    self.tr("Clear this verdict, or else take back the last one given"),
                ),
            ],
            [
                self._action(self.tr("Previous"), ["P", "Left"], partial(step, forward=False)),
                self._action(self.tr("Next"), ["N", "Right"], partial(step, forward=True)),
            ],
            [
                self._action(self.tr("Zoom"), ["Z"], self._zoom, self.tr("Zoom to the polygon")),
                self._action(
                    self.tr("Edit outline"), ["E"], self._edit,
                    self.tr("Take the vertex tool; again, or a verdict, saves the outline"),
                ),
            ],
        ]  # fmt: skip
        for key in range(1, classes.KEYS + 1):
            self._action(
                self.tr("Class {}").format(key), [str(key)], partial(self._choose_class, key - 1)
            )
        return rows

    def _action(
        self, text: str, keys: list[str], run: Callable[[], None], tip: str | None = None
    ) -> QAction:
        """An action whose keys work while the panel or the map has the focus."""
        action = QAction(text, self)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setToolTip(f"{tip or text} ({', '.join(keys)})")
        action.triggered.connect(lambda _checked=False: self._guarded(run))
        self.addAction(action)
        self._canvas.addAction(action)
        self._actions.append(action)
        return action

    def _connect(self) -> None:
        self.face.order.activated.connect(self._arrange)
        self.face.classes.itemClicked.connect(
            lambda item: self._guarded(partial(self._choose_class, self.face.classes.row(item)))
        )
        self.face.edit_classes.clicked.connect(self._edit_classes)
        self.face.save_copy.clicked.connect(self._ask_for_copy)
        self.face.save_accepted.clicked.connect(self._ask_for_accepted)
        self.face.save_training.clicked.connect(self._ask_for_training)
        self._canvas.destinationCrsChanged.connect(self._soon.start)
        self.visibilityChanged.connect(self._on_visible)

    def review(self, layer: QgsMapLayer) -> None:
        """Begin, or go on with, the review of a layer; show the panel."""
        self.end_review()
        self.show()
        self.raise_()
        if not verdicts.is_reviewable(layer):
            self._show()
            self._say(self.tr("Choose a layer of polygons to review."))
            return
        with asking.waiting():
            # The session opens the file for writing, which QGIS must not read meanwhile.
            self._view.settle()
            self._session = ReviewSession(layer, self.face.order.currentData(), self)
        self._session.changed.connect(self._soon.start)
        self._session.ended.connect(self.end_review)
        self._show()
        self._canvas.setFocus()

    def end_review(self) -> None:
        """Let go of the layer; its verdicts stay in it."""
        if self._session is not None:
            self._session.end()
            self._session.deleteLater()
            self._session = None
        self._show()

    def unload(self) -> None:
        """Leave QGIS: the map keeps neither keys nor outline."""
        self.end_review()
        for action in self._actions:
            self._canvas.removeAction(action)
        self._canvas.destinationCrsChanged.disconnect(self._soon.start)
        self._view.remove()

    def _guarded(self, run: Callable[[], None]) -> None:
        """Do what a key stands for, and show what came of it."""
        self._say("")
        try:
            run()
        except (NotWritten, NotSaved) as error:
            self._show()
            self._say(str(error))
        else:
            self._show()

    def _decide(self, verdict: Verdict) -> None:
        is_first = not verdicts.has_column(self._session.layer, verdicts.REVIEW)
        self._session.decide(verdict)
        self._editing.finish()
        self._session.layer.triggerRepaint()
        if is_first:
            self._say(self.tr("The column 'review' was added to the layer."))
        elif not self._session.queue.count(Verdict.UNDECIDED):
            self._say(self.tr("All polygons have been reviewed."))

    def _undo(self) -> None:
        self._session.undo()
        self._session.layer.triggerRepaint()

    def _step(self, *, forward: bool) -> None:
        self._editing.finish()
        queue, only = self._session.queue, self.face.undecided_only.isChecked()
        if not (queue.forward if forward else queue.back)(undecided_only=only):
            kind = self.tr("undecided polygon") if only else self.tr("polygon")
            where = self.tr("after") if forward else self.tr("before")
            self._say(self.tr("There is no {} {} this one.").format(kind, where))

    def _zoom(self) -> None:
        feature = self._session.feature()
        if feature is not None:
            self._view.go_to(self._session.layer, feature, zoom=True)

    def _edit(self) -> None:
        if self._editing.is_under_way():
            self._editing.finish()
        elif self._session.queue.current is not None:
            self._editing.begin(self._session.layer)
            self._say(self.tr("Move the vertices; E or a verdict saves them."))

    def _choose_class(self, row: int) -> None:
        names = self._session.classes()
        if row < len(names):
            self._session.choose_class(names[row])
            self._session.layer.triggerRepaint()

    def _arrange(self) -> None:
        if self._session is not None:
            with asking.waiting():
                self._session.arrange(self.face.order.currentData())
            self._show()

    def _edit_classes(self) -> None:
        text, is_done = QInputDialog.getMultiLineText(
            self,
            self.tr("Classes"),
            self.tr("One a line; the first nine are on the keys 1 to 9."),
            "\n".join(self._session.classes()),
        )
        if is_done:
            self._session.keep_classes(classes.typed(text))
            self._show()

    def _on_visible(self) -> None:
        self._shown = None
        self._show()

    def _show(self) -> None:
        """Show the current polygon in the panel and on the map."""
        session = self._session
        feature = None if session is None else session.feature()
        self.face.setEnabled(session is not None)
        for action in self._actions:
            action.setEnabled(feature is not None and self.isUserVisible())
        if session is None:
            self.face.show_nothing()
        else:
            self.face.show_session(session)
        if feature is None or not self.isUserVisible():
            self._shown = None
            self._view.clear()
            return
        verdict = session.queue.verdict(feature.id())
        self.face.show_feature(session, feature, verdict)
        if feature.id() != self._shown:
            self._shown = feature.id()
            self._view.go_to(session.layer, feature, zoom=self.face.zooms.isChecked())
        self._view.highlight(session.layer, feature, verdict)

    def _say(self, text: str) -> None:
        """Tell something until the next key."""
        self.face.message.setText(text)
        self.face.message.setVisible(bool(text))

    def save_accepted(self, path: Path) -> None:
        """Write the accepted polygons.

        Raises:
            NotSaved: there is none, or the file cannot be written.
        """
        with asking.waiting():
            count = save_accepted(self._session.layer, path)
        self._say(self.tr("{} polygons were written to {}.").format(in_words(count), path))

    def save_training_data(self, path: Path, margin: float) -> None:
        """Write labels and where they are complete, `margin` metres around reviewed polygons.

        Raises:
            NotSaved: there is no label, or the file cannot be written.
        """
        with asking.waiting():
            saved = save_training_data(self._session.layer, path, margin)
        self._say(
            self.tr(
                "{} labels, and the places of {} rejected polygons, were written to {}: the layers "
                "'labels' and 'aoi' are what makes training chips."
            ).format(in_words(saved.labels), in_words(saved.rejected), path)
        )

    def save_copy(self, path: Path) -> None:
        """Write the layer as a GeoPackage, add that to the project and review it.

        Raises:
            NotSaved: the file cannot be written.
        """
        with asking.waiting():
            copy = save_copy(self._session.layer, path)
        QgsProject.instance().addMapLayer(copy)
        self.review(copy)

    def _ask_for_accepted(self) -> None:
        if path := asking.path(self, self._session.layer, "accepted"):
            self._guarded(partial(self.save_accepted, path))

    def _ask_for_training(self) -> None:
        margin = asking.margin(self)
        if margin is not None and (path := asking.path(self, self._session.layer, "training")):
            self._guarded(partial(self.save_training_data, path, margin))

    def _ask_for_copy(self) -> None:
        if path := asking.path(self, self._session.layer, "copy"):
            self._guarded(partial(self.save_copy, path))
