"""Check the environment: `geomrcnn inspect environment`."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
)

from ..child import child, interpreter
from .base import Algorithm, Parameters


class CheckEnvironment(Algorithm):
    """Say which geomrcnn runs, on what, and which models it has."""

    NAME, TITLE, GROUP, ICON = "environment", "Check the environment", "Set-up", "check.svg"
    HELP = """
    <p>Asks the Python that was chosen for geomrcnn which version it has, which devices networks can
    run on, what is installed besides, and which models it brings.</p>
    """

    def initAlgorithm(self, configuration: Parameters | None = None) -> None:  # noqa: N802
        """Nothing to ask; several things to tell."""
        for name, title in (
            ("VERSION", "Version of geomrcnn"),
            ("PYTHON", "Interpreter"),
            ("DEVICES", "Devices"),
            ("MODELS", "Models"),
        ):
            self.addOutput(QgsProcessingOutputString(name, self.tr(title)))

    def processAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Parameters:
        """Ask, and tell."""
        try:
            facts = interpreter.ask(self._python, feedback.isCanceled)
        except child.Cancelled as cancelled:
            raise QgsProcessingException(self.tr("Cancelled, as you wished.")) from cancelled
        except child.Failed as error:
            raise QgsProcessingException(str(error)) from error
        feedback.pushInfo(f"geomrcnn {facts.version}, Python {facts.python}: {facts.executable}")
        feedback.pushInfo(self.tr("Devices: ") + ", ".join(facts.devices))
        for extra, there in facts.extras.items():
            feedback.pushInfo(
                f"[{extra}]: " + (self.tr("installed") if there else self.tr("not installed"))
            )
        for model in facts.models:
            feedback.pushInfo(f"{model.name}: {', '.join(model.classes)}, {model.gsd:g} m")
        return {
            "VERSION": facts.version,
            "PYTHON": facts.executable,
            "DEVICES": ", ".join(facts.devices),
            "MODELS": ", ".join(model.name for model in facts.models),
        }
