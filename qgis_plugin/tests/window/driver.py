"""Works QGIS's own window step by step, from inside QGIS.

A scene is a generator: it does something, yields a condition, and goes on when that holds. Between
two steps QGIS is as alive as under a user's hand.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface

Condition = Callable[[], object]
Scene = Iterator[Condition]

LOOK = 20
"""Milliseconds between two looks at a condition."""

PATIENCE = 60.0
"""Seconds to wait for a condition."""


class Driver:
    """Plays scenes, and keeps what they saw.

    Attributes:
        given: What test_window.py has prepared: paths, and the interpreter.
        seen: What scenes tell, for test_window.py.
    """

    def __init__(self) -> None:
        """Read what was prepared."""
        self.given: dict[str, str] = json.loads(os.environ["GEOMRCNN_GIVEN"])
        self.seen: dict[str, Any] = {}
        self._pictures = Path(self.given["pictures"])
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)

    def play(self, *scenes: Callable[[Driver], Scene]) -> None:
        """Play scenes one after another, then end QGIS."""
        self._steps = (condition for scene in scenes for condition in scene(self))
        self._wait_for(after(1))

    def tell(self, **facts: Any) -> None:
        """Keep facts for the test that looks at them."""
        self.seen.update(facts)

    def picture(self, name: str) -> None:
        """Keep what is on the screen as a PNG."""
        QApplication.primaryScreen().grabWindow(0).save(str(self._pictures / f"{name}.png"))

    def _wait_for(self, condition: Condition) -> None:
        self._condition, self._since = condition, time.monotonic()
        self._timer.start(LOOK)

    def _look(self) -> None:
        """Go on, if what is waited for has happened."""
        try:
            if self._condition():
                self._wait_for(next(self._steps))
            elif time.monotonic() - self._since > PATIENCE:
                raise TimeoutError(f"waited {PATIENCE:g} s in vain")
        except StopIteration:
            self._end()
        except Exception:
            where = self._condition.__code__  # type: ignore[attr-defined]
            self.tell(failure=f"{traceback.format_exc()}condition: {where}")
            self.picture("failure")
            self._end()

    def _end(self) -> None:
        self._timer.stop()
        (self._pictures / "seen.json").write_text(json.dumps(self.seen, indent=1, default=str))
        for window in QApplication.topLevelWidgets():
            if window.isModal():
                window.close()
        # QGIS would ask whether the project is to be saved.
        QgsProject.instance().clear()
        QgsProject.instance().setDirty(False)
        QTimer.singleShot(200, iface.actionExit().trigger)


def soon(action: Callable[[], object]) -> None:
    """Do what opens a dialog that is waited for, without waiting for it here."""
    QTimer.singleShot(0, action)


def shown(kind: str) -> Any:
    """The window of a class with this name, if there is one to see."""
    return next(
        (
            window
            for window in QApplication.topLevelWidgets()
            if type(window).__name__ == kind and window.isVisible()
        ),
        None,
    )


def drawn() -> bool:
    """The map shows what it is to show."""
    return not iface.mapCanvas().isDrawing()


def after(seconds: float) -> Callable[[], bool]:
    """A condition that holds when so much time has passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
