"""How a running geomrcnn's events become percentages and lines in QGIS."""

from __future__ import annotations

import time
from typing import Any

from qgis.core import QgsProcessingFeedback

EVERY = 2.0
"""Seconds between two lines on how far it is: QGIS keeps every one in the log."""


class Telling:
    """Tells a feedback what a process says."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        """Tell a feedback."""
        self._feedback = feedback
        self._began = self._told = time.monotonic()
        self._first = 0

    def event(self, event: dict[str, Any]) -> None:
        """Take in an event."""
        kind = event["event"]
        if kind in ("start", "progress"):
            self._progress(event)
        elif kind == "log":
            self.line(str(event.get("message", "")))

    def line(self, line: str) -> None:
        """Take in a line that is no event."""
        if line.startswith("Warning: "):
            self._feedback.pushWarning(line[len("Warning: ") :])
        elif line.strip() and not line.startswith("Error: "):  # told at the end, by the failure
            self._feedback.pushConsoleInfo(line)

    def _progress(self, event: dict[str, Any]) -> None:
        """Take in how far a part of the work is."""
        done, total = int(event.get("done", 0)), int(event.get("total", 0))
        now = time.monotonic()
        if total:
            self._feedback.setProgress(100 * done / total)
        if event["event"] == "start":
            # What a journal had already took no time.
            self._first, self._began, self._told = done, now, now
        elif done >= total or now - self._told > EVERY:
            self._told = now
            unit, objects = str(event.get("unit", "")), event.get("objects")
            found = "" if objects is None else f", {objects} objects"
            pace = self._pace(done, total, unit, now)
            self._feedback.setProgressText(f"{done} of {total} {unit}{found}{pace}")

    def _pace(self, done: int, total: int, unit: str, now: float) -> str:
        """How fast, and how long still."""
        new, spent = done - self._first, now - self._began
        if new <= 0 or spent <= 0:
            return ""
        rate = new / spent
        left = f", {duration((total - done) / rate)} left" if done < total else ""
        return f", {rate:.1f} {unit}/s{left}"


def duration(seconds: float) -> str:
    """Seconds as people say it."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
