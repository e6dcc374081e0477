"""What all algorithms have in common: a Python to run, and how its failures are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from .. import settings
from ..child import child, interpreter
from ..provider import ICONS
from .telling import Telling

Parameters = dict[str, Any]

NO_INTERPRETER = (
    "geomrcnn needs a Python of its own and none is chosen: make or choose one in the menu "
    "Plugins ▸ geomrcnn ▸ Environment, in Settings ▸ Options ▸ Processing ▸ Providers ▸ geomrcnn, "
    "or set the environment variable GEOMRCNN_PYTHON"
)


class Algorithm(QgsProcessingAlgorithm):
    """An algorithm that runs geomrcnn beside QGIS."""

    NAME = ""
    """As models and qgis_process call it."""
    TITLE = ""
    GROUP = ""
    ICON = "icon.svg"
    HELP = ""
    """What it does, in HTML."""

    def createInstance(self) -> QgsProcessingAlgorithm:  # noqa: N802
        """Another one."""
        return type(self)()

    def name(self) -> str:
        """As models and qgis_process call it."""
        return self.NAME

    def displayName(self) -> str:  # noqa: N802
        """As people read it."""
        return self.tr(self.TITLE)

    def group(self) -> str:
        """Where it stands in the toolbox."""
        return self.tr(self.GROUP)

    def groupId(self) -> str:  # noqa: N802
        """The same for programs."""
        return self.GROUP.lower().replace(" ", "")

    def icon(self) -> QIcon:
        """In the toolbox."""
        return QIcon(str(ICONS / self.ICON))

    def shortHelpString(self) -> str:  # noqa: N802
        """Beside the dialog."""
        # QGIS makes a paragraph of every line.
        return self.tr(" ".join(self.HELP.split()))

    def tr(self, text: str) -> str:
        """In the user's language, where there is a translation."""
        return QCoreApplication.translate(type(self).__name__, text)

    def prepareAlgorithm(  # noqa: N802
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Find the Python to run. This is QGIS's main thread, so the user can be asked."""
        self._python = settings.interpreter()
        if not self._python and settings.ask_for_interpreter is not None:
            self._python = settings.ask_for_interpreter()
        if not self._python:
            raise QgsProcessingException(self.tr(NO_INTERPRETER))
        return True

    def run_geomrcnn(
        self, arguments: Sequence[str], feedback: QgsProcessingFeedback
    ) -> child.Event:
        """Run a verb that tells of its progress.

        Args:
            arguments: Of the command line.
            feedback: Is told, and says when to stop.

        Returns:
            What it said at the end.

        Raises:
            QgsProcessingException: what went wrong, in one line.
        """
        telling = Telling(feedback)
        arguments = [*arguments, "--progress", "jsonl"]
        feedback.pushCommandInfo(_shown(self._python, arguments))
        try:
            return interpreter.run(
                self._python,
                arguments,
                on_event=telling.event,
                on_line=telling.line,
                is_cancelled=feedback.isCanceled,
            )
        except child.Cancelled as cancelled:
            raise QgsProcessingException(self.tr("Cancelled, as you wished.")) from cancelled
        except child.Failed as error:
            raise QgsProcessingException(str(error)) from error

    def given_number(
        self, parameters: Parameters, name: str, context: QgsProcessingContext
    ) -> float | None:
        """A number that may have been left empty."""
        if parameters.get(name) in (None, ""):
            return None
        return float(self.parameterAsDouble(parameters, name, context))

    def add_advanced(self, parameter: QgsProcessingParameterDefinition, help: str = "") -> None:
        """Add a parameter that is folded away at first."""
        advanced = QgsProcessingParameterDefinition.Flag.FlagAdvanced
        parameter.setFlags(parameter.flags() | advanced)
        self.add(parameter, help)

    def add(self, parameter: QgsProcessingParameterDefinition, help: str = "") -> None:
        """Add a parameter, with what to say when the mouse rests on it."""
        if help:
            parameter.setHelp(self.tr(help))
        self.addParameter(parameter)


def _shown(python: str, arguments: Sequence[str]) -> str:
    """A command, to be read or run again in a terminal."""
    words = [python, "-I", "-m", "geomrcnn", *arguments]
    return " ".join(f'"{word}"' if not word or " " in word else word for word in words)
