"""The dialog that gives geomrcnn a Python: a new environment, or one that is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QRadioButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..child import interpreter
from . import creation, pythons
from .creation import Step
from .folder import python_in, restore
from .pages import ExistingPage, NewPage, told
from .work import Work

_RED, _GREEN = "#b3261e", "#1b6e3a"


class SetupDialog(QDialog):
    """Makes an environment for geomrcnn or takes one, and remembers its interpreter."""

    def __init__(
        self,
        parent: QWidget | None = None,
        data: Path | None = None,
        remember: Callable[[str], None] = settings.set_interpreter,
    ) -> None:
        """Ask, with the usual things proposed.

        Args:
            parent: The window it belongs to.
            data: The folder for environments; by default the one in the user's data.
            remember: Is given the interpreter when there is one that works.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Environment for geomrcnn"))
        self._remember, self._work, self._leaving, self._done = remember, None, False, False
        self.new = NewPage(creation.default_folder(data or settings.data_folder()))
        self.existing = ExistingPage(settings.interpreter())
        self.make_new = QRadioButton(self.tr("Make an environment"))
        self.use_existing = QRadioButton(self.tr("Use an existing one"))
        self.message, self.bar, self.log = QLabel(), QProgressBar(), QPlainTextEdit()
        self.buttons = QDialogButtonBox()
        self.go = self.buttons.addButton("", QDialogButtonBox.ButtonRole.ActionRole)
        self.stop = self.buttons.addButton(QDialogButtonBox.StandardButton.Close)
        self._lay_out()
        self._connect()
        (self.use_existing if settings.interpreter() else self.make_new).setChecked(True)
        self._turn_page()
        self._look_for_pythons()

    def _lay_out(self) -> None:
        intro = QLabel(
            self.tr(
                "geomrcnn runs beside QGIS, in a Python environment of its own. "
                "Nothing is installed into QGIS."
            )
        )
        self.pages = QStackedWidget()
        self.pages.addWidget(self.new)
        self.pages.addWidget(self.existing)
        for label in (intro, self.message):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar.setTextVisible(False)
        self.log.setReadOnly(True)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.log.setMinimumHeight(100)
        self.log.hide()
        self.go.setDefault(True)
        layout = QVBoxLayout(self)
        for widget in (
            intro, self.make_new, self.use_existing, self.pages, self.log, self.message, self.bar,
            self.buttons,
        ):  # fmt: skip
            layout.addWidget(widget)
        layout.setStretchFactor(self.log, 1)
        # Room for the log and for a message of four lines, for which Qt makes none by itself.
        self.resize(640, 660)

    def _connect(self) -> None:
        self.make_new.toggled.connect(self._turn_page)
        self.existing.check_wished.connect(self._check)
        self.go.clicked.connect(self._go)
        self.stop.clicked.connect(self._stop)
        # QGIS may be made to quit while a thread runs, and Qt aborts if one is left.
        QCoreApplication.instance().aboutToQuit.connect(self._abandon)

    def _turn_page(self) -> None:
        new = self.make_new.isChecked()
        self.pages.setCurrentWidget(self.new if new else self.existing)
        self.go.setText(self.tr("Make it") if new else self.tr("Use it"))

    def _look_for_pythons(self) -> None:
        folder = self.new.plan().folder

        def look(work: Work) -> list[pythons.Python]:
            restore(folder)
            return pythons.found(work.is_cancelled)

        self._start(look, self.new.offer)

    def _go(self) -> None:
        if self.make_new.isChecked():
            self._make()
        else:
            self._take()

    def _make(self) -> None:
        plan = self.new.plan()
        self.log.clear()
        self.log.show()
        self._start(
            lambda work: creation.create(
                plan, on_step=work.step, on_line=work.say, is_cancelled=work.is_cancelled
            ),
            lambda facts: self._chosen(str(python_in(plan.folder)), facts),
        )

    def _check(self) -> None:
        def show(facts: interpreter.Facts) -> None:
            self.existing.show_facts(facts)
            self._say("")

        self._ask(show)

    def _take(self) -> None:
        path = self.existing.path()
        self._ask(lambda facts: self._chosen(path, facts))

    def _ask(self, then: Callable[[interpreter.Facts], None]) -> None:
        path = self.existing.path()
        if not path:
            self._say(self.tr("Name the interpreter first."), _RED)
            return
        self._say(self.tr("Asking it what it has …"))
        self._start(lambda work: interpreter.ask(path, work.is_cancelled), then)

    def _chosen(self, python: str, facts: interpreter.Facts) -> None:
        self._remember(python)
        self._done = True
        self.existing.interpreter.setFilePath(python)
        self.existing.show_facts(facts)
        self._say(self.tr("geomrcnn is ready.") + "\n" + told(facts), _GREEN)

    def _start(self, job: Callable[[Work], Any], then: Callable[[Any], None]) -> None:
        """Do something in a thread, and something with its result here."""
        self._work = Work(job, self)
        self._work.stepped.connect(self._show_step)
        self._work.said.connect(self._write)
        self._work.failed.connect(self._show_failure)
        self._work.succeeded.connect(then)
        self._work.finished.connect(self._ended)
        self._show_running(True)
        self._work.start()

    def _ended(self) -> None:
        self._work.deleteLater()
        self._work = None
        self._show_running(False)
        self.new.tell_room()
        (self.stop if self._done else self.go).setFocus()
        if self._leaving:
            self.reject()

    def _show_running(self, running: bool) -> None:
        for widget in (self.make_new, self.use_existing, self.pages, self.go):
            widget.setEnabled(not running)
        self.stop.setText(self.tr("Cancel") if running else self.tr("Close"))
        # Without bounds it runs to and fro: nobody knows how long a download takes.
        self.bar.setRange(0, 0 if running else 1)
        self.bar.setVisible(running)

    def _show_step(self, step: Step) -> None:
        text = self.tr("Step {number} of {total}: {text} …").format(**step._asdict())
        self._say(text)
        self._write(f"== {text}")

    def _write(self, line: str) -> None:
        self.log.appendPlainText(line)
        bar = self.log.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _show_failure(self, reason: str) -> None:
        self._say(reason or self.tr("Cancelled; everything is as it was."), _RED if reason else "")

    def _say(self, text: str, colour: str = "") -> None:
        self.message.setStyleSheet(f"color: {colour}" if colour else "")
        self.message.setText(text)

    def _stop(self) -> None:
        if self._work is None:
            self.reject()
        else:
            self._say(self.tr("Ending …"))
            self._work.cancel()

    def reject(self) -> None:
        """Close, whether by button, key or window frame; what runs is ended first."""
        if self._work is not None:
            self._leaving = True
            self._stop()
        elif self._done:
            self.accept()
        else:
            super().reject()

    def _abandon(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._work.wait()
