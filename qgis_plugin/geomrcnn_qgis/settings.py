"""What the user has chosen: which Python runs geomrcnn."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QStandardPaths

INTERPRETER = "GEOMRCNN_PYTHON"
"""The setting in the options of Processing, and the environment variable that stands in for it."""

_STORED = f"Processing/Configuration/{INTERPRETER}"

ask_for_interpreter: Callable[[], str] | None = None
"""Lets the user make an environment or choose one, where there is a window to ask in."""


def data_folder() -> Path:
    """Where this user's environment for geomrcnn is made; the same for all profiles of QGIS."""
    place = QStandardPaths.StandardLocation.GenericDataLocation
    return Path(QStandardPaths.writableLocation(place)) / "geomrcnn"


def interpreter() -> str:
    """The Python that runs geomrcnn: the one chosen, or $GEOMRCNN_PYTHON, or none ("")."""
    chosen = str(QgsSettings().value(_STORED, "") or "")
    return chosen or os.environ.get(INTERPRETER, "")


def set_interpreter(path: str) -> None:
    """Choose the Python that runs geomrcnn."""
    from processing.core.ProcessingConfig import ProcessingConfig

    QgsSettings().setValue(_STORED, path)
    # Processing keeps what it has read; there is nothing kept before it has been told of ours.
    if INTERPRETER in ProcessingConfig.settings:
        ProcessingConfig.setSettingValue(INTERPRETER, path)
