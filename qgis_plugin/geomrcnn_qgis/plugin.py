"""The plugin: algorithms in the Processing toolbox, a menu, and the review panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.core import Qgis, QgsApplication, QgsMapLayerType
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction, QPushButton

from . import settings
from .provider import ICONS, Provider

MENU = "geomrcnn"


def tr(text: str) -> str:
    """In the user's language, where there is a translation."""
    return QCoreApplication.translate("Plugin", text)


class Plugin:
    """What QGIS loads."""

    def __init__(self, iface: Any) -> None:
        """Stand ready.

        Args:
            iface: QGIS's window; None in qgis_process.
        """
        self.iface = iface
        self.provider: Provider | None = None
        self.panel: Any = None
        self.actions: list[QAction] = []
        self.layer_action: QAction | None = None
        self.message: Any = None

    def initProcessing(self) -> None:  # noqa: N802 - QGIS's name
        """Bring the algorithms; all that qgis_process calls."""
        self.provider = Provider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:  # noqa: N802
        """Bring the menu, too."""
        self.initProcessing()
        settings.ask_for_interpreter = self.ask_for_interpreter
        for text, icon, slot in (
            (tr("Predict polygons…"), "predict.svg", self.predict),
            (tr("Review polygons"), "review.svg", self.review),
            (tr("Environment…"), "check.svg", self.ask_for_interpreter),
        ):
            action = QAction(QIcon(str(ICONS / icon)), text, self.iface.mainWindow())
            action.triggered.connect(_called(slot))
            self.iface.addPluginToMenu(MENU, action)
            self.actions.append(action)
        for action in self.actions[:2]:
            self.iface.addToolBarIcon(action)
        self.layer_action = QAction(
            QIcon(str(ICONS / "review.svg")), tr("Review polygons"), self.iface.mainWindow()
        )
        self.layer_action.triggered.connect(_called(self.review))
        kind = QgsMapLayerType.VectorLayer
        self.iface.addCustomActionForLayerType(self.layer_action, MENU, kind, True)
        if not settings.interpreter():
            self.welcome()

    def unload(self) -> None:
        """Leave nothing behind."""
        settings.ask_for_interpreter = None
        for action in self.actions:
            self.iface.removePluginMenu(MENU, action)
            self.iface.removeToolBarIcon(action)
        if self.layer_action is not None:
            self.iface.removeCustomActionForLayerType(self.layer_action)
        if self.panel is not None:
            self.panel.unload()
            self.iface.removeDockWidget(self.panel)
            self.panel.deleteLater()
        self.actions, self.layer_action, self.panel = [], None, None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None

    def welcome(self) -> None:
        """Say on the first run what is to be done first."""
        bar = self.iface.messageBar()
        self.message = bar.createMessage(
            "geomrcnn", tr("needs a Python environment of its own, which can be made here.")
        )
        button = QPushButton(tr("Set up…"), self.message)
        button.clicked.connect(_called(self.ask_for_interpreter))
        self.message.layout().addWidget(button)
        bar.pushWidget(self.message, Qgis.MessageLevel.Info)

    def ask_for_interpreter(self) -> str:
        """Let the user make an environment or choose one; the interpreter that is set then."""
        from .setup.dialog import SetupDialog

        SetupDialog(self.iface.mainWindow()).exec()
        # The user may have closed the message, which deletes it.
        if settings.interpreter() and self.message and not sip.isdeleted(self.message):
            self.iface.messageBar().popWidget(self.message)
        return settings.interpreter()

    def predict(self) -> None:
        """Open the dialog of Predict polygons."""
        import processing

        processing.execAlgorithmDialog(f"{Provider().id()}:predict", {})

    def review(self) -> None:
        """Open the review panel with the layer that is chosen."""
        from .review.panel import ReviewPanel

        if self.panel is None:
            self.panel = ReviewPanel(self.iface, self.iface.mainWindow())
            self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.panel)
        self.panel.review(self.iface.activeLayer())


def _called(slot: Callable[[], object]) -> Callable[..., None]:
    """A slot that does not mind what the signal brings."""

    def call(*_: object) -> None:
        slot()

    return call
