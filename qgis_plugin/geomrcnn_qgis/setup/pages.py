"""The two pages of the dialog: an environment to be made, and one that is there."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..child.interpreter import Facts
from . import creation
from .creation import Plan
from .folder import is_complete
from .pythons import GET_ONE, Python


class NewPage(QWidget):
    """Asks what environment to make."""

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        """Propose to make it in `folder`."""
        super().__init__(parent)
        self._uv = creation.find_uv()
        self.python = QComboBox()
        self.python.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.python.addItem(self.tr("Looking for Pythons …"), "")
        self.browse = QPushButton(self.tr("Browse …"))
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self._browse)
        self.folder = _chooser(QgsFileWidget.StorageMode.GetDirectory, str(folder))
        self.what = QLineEdit(creation.NAME)
        self.what.setToolTip(
            self.tr(
                "geomrcnn, perhaps with a version (geomrcnn==1.0); or a folder with its source, "
                "a wheel, or a URL"
            )
        )
        self.source = QComboBox()
        self.source.addItems(
            [self.tr("The package index (needs the network)"), self.tr("A folder of wheels")]
        )
        self.wheels = _chooser(QgsFileWidget.StorageMode.GetDirectory)
        self.wheels.setEnabled(False)
        self.source.currentIndexChanged.connect(lambda index: self.wheels.setEnabled(index == 1))
        self.training = QCheckBox(
            self.tr("Training too: brings TensorFlow, {size} GB").format(
                size=creation.SIZE_OF_TRAINING
            )
        )
        self.with_uv = QCheckBox(self.tr("Install with uv, which is quicker"))
        self.with_uv.setToolTip(self._uv)
        self.room = QLabel()
        self.training.toggled.connect(self.tell_room)
        self.folder.fileChanged.connect(self.tell_room)
        self._lay_out()
        self.tell_room()

    def _lay_out(self) -> None:
        python = QHBoxLayout()
        python.addWidget(self.python, 1)
        python.addWidget(self.browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 0, 0, 0)
        form = QFormLayout()
        layout.addLayout(form)
        # Not in the form, which does not grow for a second line.
        layout.addWidget(self.room)
        layout.addStretch(1)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("Made from"), python)
        form.addRow(self.tr("Folder"), self.folder)
        form.addRow(self.tr("Install"), self.what)
        form.addRow(self.tr("From"), self.source)
        form.addRow("", self.wheels)
        form.addRow("", self.training)
        if self._uv:
            form.addRow("", self.with_uv)

    def offer(self, pythons: Sequence[Python]) -> None:
        """List the Pythons that were found; keep one the user has chosen meanwhile."""
        chosen = self.python.currentData()
        self.python.clear()
        if chosen:
            self.python.addItem(chosen, chosen)
        for python in pythons:
            lack = "" if python.able else self.tr(" (lacks venv)")
            self.python.addItem(f"Python {python.label}{lack}: {python.path}", python.path)
        if not self.python.count():
            self.python.addItem(self.tr("None was found: {}").format(GET_ONE), "")

    def plan(self) -> Plan:
        """What the user wants."""
        wheels = self.wheels.filePath()
        return Plan(
            python=self.python.currentData(),
            folder=Path(self.folder.filePath()),
            what=self.what.text(),
            training=self.training.isChecked(),
            wheels=Path(wheels) if self.source.currentIndex() == 1 else None,
            uv=self._uv if self.with_uv.isChecked() else "",
        )

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self.tr("A Python to make it from"))
        if path:
            self.choose(path)

    def choose(self, path: str) -> None:
        """Take a Python that is not in the list."""
        self.python.insertItem(0, path, path)
        self.python.setCurrentIndex(0)

    def tell_room(self) -> None:
        """Say how much it takes and how much there is, and what becomes of what is there."""
        folder = Path(self.folder.filePath())
        needed = creation.SIZE + creation.SIZE_OF_TRAINING * self.training.isChecked()
        text = self.tr("Takes about {needed:.1f} GB").format(needed=needed)
        there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
        if there is not None:
            free = shutil.disk_usage(there).free / 1e9
            text += self.tr("; {free:.1f} GB are free there").format(free=free)
        if is_complete(folder):
            text += "\n" + self.tr("The environment there stays until the new one is complete")
        self.room.setText(text)


class ExistingPage(QWidget):
    """Asks for an interpreter that has geomrcnn."""

    check_wished = pyqtSignal()

    def __init__(self, interpreter: str, parent: QWidget | None = None) -> None:
        """Propose an interpreter."""
        super().__init__(parent)
        self.interpreter = _chooser(QgsFileWidget.StorageMode.GetFile, interpreter)
        self.check = QPushButton(self.tr("Check"))
        self.check.setAutoDefault(False)
        self.check.clicked.connect(self.check_wished)
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        line = QHBoxLayout()
        line.addWidget(self.interpreter, 1)
        line.addWidget(self.check)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 0, 0, 0)
        layout.addWidget(QLabel(self.tr("The python of an environment that has geomrcnn")))
        layout.addLayout(line)
        layout.addWidget(self.facts)
        layout.addStretch(1)
        self.interpreter.fileChanged.connect(lambda: self.facts.clear())

    def path(self) -> str:
        """The interpreter the user has chosen."""
        return self.interpreter.filePath().strip()

    def show_facts(self, facts: Facts) -> None:
        """Show what the interpreter has."""
        self.facts.setText(told(facts))


def told(facts: Facts) -> str:
    """What an environment has, in lines."""
    return "\n".join(
        (
            f"geomrcnn {facts.version}, Python {facts.python}",
            f"Runs on: {', '.join(facts.devices)}",
            f"Models: {', '.join(model.name for model in facts.models)}",
        )
    )


def _chooser(mode: QgsFileWidget.StorageMode, path: str = "") -> QgsFileWidget:
    widget = QgsFileWidget()
    widget.setStorageMode(mode)
    widget.setFilePath(path)
    return widget
