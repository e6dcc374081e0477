"""The Pythons on this machine that an environment can be made from."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from ..child import child

OLDEST = (3, 10)
"""What geomrcnn needs."""
NEWEST = (3, 13)
"""Up to which all that geomrcnn needs is known to have wheels; newer Pythons are offered last."""

GET_ONE = "install Python 3.12 from python.org or from your system's packages, then choose it here"

PATIENCE = 10.0
"""Seconds a Python has to answer."""

_QUESTION = """
import json, sys
try:
    import ensurepip, venv
    able = True
except ImportError:
    able = False
facts = {"path": sys.executable, "version": list(sys.version_info[:3]), "able": able}
print(json.dumps(dict(facts, event="done")))
"""


class Python(NamedTuple):
    """An interpreter.

    Attributes:
        path: Where it is.
        version: Major, minor and patch.
        able: Whether it has what `python -m venv` needs.
    """

    path: str
    version: tuple[int, int, int]
    able: bool

    @property
    def label(self) -> str:
        """The version as people write it."""
        return ".".join(str(number) for number in self.version)


def found(is_cancelled: Callable[[], bool] = lambda: False) -> list[Python]:
    """The Pythons on this machine that are new enough, the one to take first at the head.

    Raises:
        Cancelled: as the user wished.
    """

    def answer(path: str) -> Python | None:
        try:
            return examined(path, is_cancelled)
        except child.Failed:
            return None

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(answer, _candidates(is_cancelled)))
    usable = [python for python in answers if python and python.version >= OLDEST]
    # One file often has several names: python3 and python3.12, /bin and /usr/bin.
    different = {os.path.realpath(python.path): python for python in reversed(usable)}
    return sorted(different.values(), key=_rank, reverse=True)


def examined(path: str, is_cancelled: Callable[[], bool] = lambda: False) -> Python:
    """What a Python says of itself.

    Raises:
        Failed: it is no Python.
        Cancelled: as the user wished.
    """
    end = time.monotonic() + PATIENCE
    try:
        told = child.run(
            [path, "-I", "-c", _QUESTION],
            is_cancelled=lambda: is_cancelled() or time.monotonic() > end,
            grace=0.0,
        )
        return Python(told["path"] or path, tuple(told["version"]), told["able"])
    except child.Cancelled:
        if is_cancelled():
            raise
        raise child.Failed(f"{path}: does not answer: choose another Python") from None
    except (child.Failed, KeyError) as error:
        raise child.Failed(f"{path}: is no Python: choose another") from error


def check(python: Python, with_uv: bool) -> None:
    """Find out whether environments can be made from a Python.

    Args:
        python: The Python.
        with_uv: uv will install packages, so pip is not needed.

    Raises:
        Failed: it is too old, or a part of it is not installed.
    """
    if python.version < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise child.Failed(
            f"{python.path}: is Python {python.label} and geomrcnn needs {needed} or newer: "
            f"choose another, or {GET_ONE}"
        )
    if not python.able and not with_uv:
        major, minor, _ = python.version
        raise child.Failed(
            f"{python.path}: this Python comes without venv or ensurepip: choose another, or on "
            f"Debian and Ubuntu run: sudo apt install python{major}.{minor}-venv"
        )


def _rank(python: Python) -> tuple[bool, bool, tuple[int, int, int]]:
    return python.able, python.version[:2] <= NEWEST, python.version


def _candidates(is_cancelled: Callable[[], bool]) -> list[str]:
    """Paths at which there may be a Python. Not sys.executable: in QGIS that is QGIS."""
    if sys.platform == "win32":
        own = Path(sys.base_prefix) / "python.exe"
        return [*_known_to_launcher(is_cancelled), str(own)]
    folders = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    folders += [Path("/usr/local/bin"), Path("/usr/bin"), Path(sys.base_prefix) / "bin"]
    if sys.platform == "darwin":
        frameworks = Path("/Library/Frameworks/Python.framework/Versions")
        folders += [Path("/opt/homebrew/bin"), *frameworks.glob("3.*/bin")]
        # What is there opens a window that offers developer tools, where they are missing.
        folders = [folder for folder in folders if folder != Path("/usr/bin")]
    return list(dict.fromkeys(_named_python(folders)))


def _named_python(folders: Iterable[Path]) -> Iterable[str]:
    for folder in folders:
        for file in sorted(folder.glob("python3*"), reverse=True):
            if re.fullmatch(r"python3(\.\d+)?", file.name) and os.access(file, os.X_OK):
                yield str(file)


def _known_to_launcher(is_cancelled: Callable[[], bool]) -> list[str]:
    """What the launcher for Windows lists."""
    lines: list[str] = []
    try:
        child.run(["py", "-0p"], on_line=lines.append, is_cancelled=is_cancelled)
    except child.Failed:
        return []
    return launcher_paths(lines)


def launcher_paths(lines: Iterable[str]) -> list[str]:
    """The paths in what `py -0p` prints."""
    matches = (re.search(r"[A-Za-z]:\\.*\.exe", line) for line in lines)
    return [match.group() for match in matches if match]
