"""The widgets of the review panel, and how they look."""

from __future__ import annotations

import html
from collections.abc import Sequence

from qgis.core import QgsFeature
from qgis.PyQt.QtCore import QLocale, Qt
from qgis.PyQt.QtWidgets import (
    QAction,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .classes import KEYS
from .entry import Verdict
from .order import Order
from .queue import ReviewQueue
from .session import ReviewSession
from .verdicts import REVIEW, has_column, why_better_a_copy, why_not_writable
from .view import COLOURS

NAME = Qt.ItemDataRole.UserRole
"""Where an item of the list of classes keeps the name alone."""

CLASSES_SEEN = 5
"""Rows of the list of classes that show without scrolling."""


class Face(QWidget):
    """What the panel shows; it decides nothing."""

    def __init__(self, rows: Sequence[Sequence[QAction]]) -> None:
        """Build the widgets around rows of buttons."""
        super().__init__()
        self.layer, self.where, self.what = QLabel(), QLabel(), QLabel()
        self.verdict, self.note, self.message = QLabel(), QLabel(), QLabel()
        for label in (self.layer, self.what, self.note, self.message):
            label.setWordWrap(True)
        self.layer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._build_options()
        self._build_classes()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.counts = QLabel()
        self.counts.setWordWrap(True)
        self.save_accepted = _button(
            self.tr("Save accepted…"), self.tr("Write the accepted polygons to a new GeoPackage")
        )
        self.save_training = _button(
            self.tr("Save training data…"),
            self.tr(
                "Write accepted polygons as labels, and where labels are complete, for the "
                "algorithm that makes training chips: rejected polygons become negatives"
            ),
        )
        self.save_copy = _button(
            self.tr("Save a copy as GeoPackage…"), self.tr("Write the layer anew and review that")
        )
        self._lay_out(rows)

    def _build_options(self) -> None:
        self.order = QComboBox()
        for order, text in (
            (Order.LOWEST_SCORE, self.tr("Lowest score first")),
            (Order.HIGHEST_SCORE, self.tr("Highest score first")),
            (Order.PLACE, self.tr("Neighbours after each other")),
        ):
            self.order.addItem(text, order)
        self.order.setToolTip(self.tr("In which order to go through the polygons"))
        self.undecided_only = QCheckBox(self.tr("Only undecided"))
        self.undecided_only.setToolTip(self.tr("Next and Previous pass over decided polygons"))
        self.undecided_only.setChecked(True)
        self.zooms = QCheckBox(self.tr("Zoom to each"))
        self.zooms.setToolTip(self.tr("Fit the map to each polygon; else its scale stays"))
        self.zooms.setChecked(True)

    def _build_classes(self) -> None:
        self.classes = QListWidget()
        self.classes.setToolTip(self.tr("Choose the class of the polygon (1 to 9, or click)"))
        # Clicks leave the focus, and so the keys, where they were.
        self.classes.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        height = self.fontMetrics().height() + 4
        self.classes.setMaximumHeight(CLASSES_SEEN * height + 4)
        self.edit_classes = _button(
            self.tr("Edit classes…"), self.tr("Add classes, and say which has which key")
        )

    def _lay_out(self, rows: Sequence[Sequence[QAction]]) -> None:
        column = QVBoxLayout(self)
        state = QHBoxLayout()
        state.addWidget(self.where)
        state.addStretch()
        state.addWidget(self.verdict)
        title = QHBoxLayout()
        title.addWidget(QLabel(self.tr("Classes")))
        title.addStretch()
        title.addWidget(self.edit_classes)
        for part in (
            self.layer, self.order, self.undecided_only, self.zooms, self.progress, self.counts,
            state, self.what, *map(_buttons, rows), title, self.classes, self.message, self.note,
            self.save_copy, self.save_accepted, self.save_training,
        ):  # fmt: skip
            if isinstance(part, QWidget):
                column.addWidget(part)
            else:
                column.addLayout(part)
        column.addStretch()

    def show_nothing(self) -> None:
        """That no layer is under review."""
        for label in (self.counts, self.where, self.what, self.verdict, self.note):
            label.clear()
        self.verdict.setStyleSheet("")
        self.layer.setText(self.tr("No layer is under review."))
        self.classes.clear()
        self.progress.reset()
        self.save_copy.hide()

    def show_session(self, session: ReviewSession) -> None:
        """The layer and how far its review is."""
        self.layer.setText(f"<b>{html.escape(session.layer.name())}</b>")
        self.order.setCurrentIndex(self.order.findData(session.order))
        self.order.setEnabled(session.has_scores)
        self._show_counts(session.queue)
        names = session.classes()
        if names != [self.classes.item(row).data(NAME) for row in range(self.classes.count())]:
            self._list_classes(names)
        barred, better = why_not_writable(session.layer), why_better_a_copy(session.layer)
        self.save_copy.setVisible(bool(barred or better))
        notes = [barred or better]
        if not barred and not has_column(session.layer, REVIEW):
            notes.append(self.tr("The first verdict adds the column 'review' to this layer."))
        self.note.setText("\n".join(filter(None, notes)))
        self.note.setVisible(bool(self.note.text()))

    def show_feature(self, session: ReviewSession, feature: QgsFeature, verdict: Verdict) -> None:
        """The current polygon."""
        facts = session.facts(feature)
        parts = [facts.class_ or self.tr("no class")]
        if facts.score is not None:
            parts.append(self.tr("score {}").format(in_words(facts.score, 2)))
        parts.append(
            self.tr("no geometry") if facts.area is None else f"{in_words(facts.area, 1)} m²"
        )
        self.what.setText(" · ".join(parts))
        self._show_verdict(verdict)
        names = session.classes()
        self.classes.setCurrentRow(names.index(facts.class_) if facts.class_ in names else -1)

    def _list_classes(self, names: Sequence[str]) -> None:
        """The classes with their keys."""
        self.classes.clear()
        for key, name in enumerate(names, start=1):
            item = QListWidgetItem(f"{key}  {name}" if key <= KEYS else f"    {name}")
            item.setData(NAME, name)
            self.classes.addItem(item)

    def _show_counts(self, queue: ReviewQueue) -> None:
        """How far the review is."""
        accepted, rejected, undecided = (
            queue.count(verdict)
            for verdict in (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.UNDECIDED)
        )
        self.progress.setMaximum(max(len(queue), 1))
        self.progress.setValue(accepted + rejected)
        self.counts.setText(
            self.tr("{} accepted, {} rejected, {} left").format(
                *map(in_words, (accepted, rejected, undecided))
            )
        )
        self.where.setText(
            self.tr("<b>{}</b> of {}").format(in_words(queue.number), in_words(len(queue)))
        )

    def _show_verdict(self, verdict: Verdict) -> None:
        """The verdict on the current polygon, in the colour of its outline on the map."""
        text = {
            Verdict.UNDECIDED: self.tr("undecided"),
            Verdict.ACCEPTED: self.tr("accepted"),
            Verdict.REJECTED: self.tr("rejected"),
        }[verdict]
        self.verdict.setText(text)
        self.verdict.setStyleSheet(
            f"background: {COLOURS[verdict].name()}; color: black; padding: 1px 6px; "
            "border-radius: 3px"
        )


def in_words(number: float, decimals: int = 0) -> str:
    """A number as the user's language writes it."""
    return QLocale().toString(float(number), "f", decimals)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _buttons(actions: Sequence[QAction]) -> QGridLayout:
    """Buttons of equal width beside each other."""
    row = QGridLayout()
    for column, action in enumerate(actions):
        button = QToolButton()
        button.setDefaultAction(action)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(button, 0, column)
        row.setColumnStretch(column, 1)
    return row
