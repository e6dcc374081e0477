"""The folder of an environment: a new one takes the place of the old when it is complete.

An environment holds its own path, so it cannot be made elsewhere and moved. It is made in its
place, while the old one waits beside and comes back if the new one fails.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..child import child
from .lock import held

MARK = "made-for-geomrcnn.txt"
"""A file in environments made here. A folder with other things in it is never replaced."""

_MARK_TEXT = "geomrcnn's QGIS plugin made this environment, and replaces it when asked to.\n"


def python_in(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    if sys.platform == "win32":
        return environment / "Scripts" / "python.exe"
    return environment / "bin" / "python"


def is_complete(folder: Path) -> bool:
    """Whether an environment was made there, to the end."""
    return (folder / MARK).is_file() and not _unfinished(folder).exists()


@contextmanager
def replaced(folder: Path) -> Iterator[None]:
    """Give an empty folder to make an environment in; bring the old one back if that fails.

    Raises:
        Failed: the folder cannot be written, is in use, or holds what was not made here.
    """
    with held(folder) as ours:
        if not ours:
            raise child.Failed(f"{folder}: another QGIS makes an environment there: wait for it")
        _check(folder)
        try:
            _undo(folder)
            _begin(folder)
            yield
            (folder / MARK).write_text(_MARK_TEXT, encoding="utf-8")
            _unfinished(folder).unlink()
        except OSError as error:
            _undo_if_possible(folder)
            raise _refused(folder, error) from error
        except BaseException:
            _undo_if_possible(folder)
            raise
        shutil.rmtree(_before(folder), ignore_errors=True)


def restore(folder: Path) -> None:
    """Bring back the environment that was being replaced when QGIS was killed, if it was."""
    with held(folder) as ours:
        if ours:
            _undo_if_possible(folder)


def _begin(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        os.replace(folder, _before(folder))
    # In this order: where this file is, the folder is removed.
    _unfinished(folder).touch()
    folder.mkdir()


def _undo(folder: Path) -> None:
    """Leave things as they were before `_begin`, whatever came after it."""
    unfinished, before = _unfinished(folder), _before(folder)
    if unfinished.exists() and folder.exists():
        shutil.rmtree(folder)
    if before.exists():
        if folder.exists():
            # The new one was complete, and only this was left to do.
            shutil.rmtree(before)
        else:
            os.replace(before, folder)
    unfinished.unlink(missing_ok=True)


def _undo_if_possible(folder: Path) -> None:
    """On Windows a file may still be in use; then the next time does it."""
    with suppress(OSError):
        _undo(folder)


def _check(folder: Path) -> None:
    """Find out whether a folder may be replaced.

    Raises:
        Failed: it may not.
    """
    if folder.exists() and not folder.is_dir():
        raise child.Failed(f"{folder}: is a file: choose another folder")
    if _unfinished(folder).exists() or (folder / MARK).exists() or not folder.exists():
        return
    try:
        empty = not any(folder.iterdir())
    except OSError as error:
        raise _refused(folder, error) from error
    if not empty:
        raise child.Failed(
            f"{folder}: holds files that were not made here: choose a new or an empty folder"
        )


def _refused(folder: Path, error: OSError) -> child.Failed:
    why = error.strerror or str(error)
    return child.Failed(f"{folder}: cannot be written ({why}): choose another folder")


def _unfinished(folder: Path) -> Path:
    return folder.with_name(folder.name + ".geomrcnn-unfinished")


def _before(folder: Path) -> Path:
    return folder.with_name(folder.name + ".geomrcnn-before")
