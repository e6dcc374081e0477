"""Work in a thread, so that the window lives on meanwhile."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from qgis.PyQt.QtCore import QObject, QThread, pyqtSignal

from ..child import child
from .creation import Step


class Work(QThread):
    """Something that takes long, tells how far it is, and can be cancelled.

    Signals:
        stepped: A `Step` of it begins.
        said: A line for the log.
        succeeded: What came of it.
        failed: Why nothing did, in one line; "" if it was cancelled.
    """

    stepped = pyqtSignal(object)
    said = pyqtSignal(str)
    succeeded = pyqtSignal(object)
    failed = pyqtSignal(str)

    def __init__(self, job: Callable[[Work], Any], parent: QObject) -> None:
        """Get ready to call `job` with this object, in the thread."""
        super().__init__(parent)
        self._job = job

    def cancel(self) -> None:
        """Wish it to end."""
        self.requestInterruption()

    def is_cancelled(self) -> bool:
        """Whether that is wished."""
        return self.isInterruptionRequested()

    def step(self, step: Step) -> None:
        """Tell of a step."""
        self.stepped.emit(step)

    def say(self, line: str) -> None:
        """Write in the log."""
        self.said.emit(line)

    def run(self) -> None:
        """Called by Qt, in the thread."""
        try:
            self.succeeded.emit(self._job(self))
        except child.Cancelled:
            self.failed.emit("")
        except child.Failed as error:
            self.failed.emit(str(error))
        except Exception as error:
            # Qt ends the whole of QGIS for an exception that leaves this function.
            self.say(traceback.format_exc())
            self.failed.emit(f"{type(error).__name__}: {error}")
