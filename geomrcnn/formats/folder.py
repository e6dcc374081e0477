"""A folder as a result: written beside, moved there when complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geomrcnn.errors import OutputError
from geomrcnn.formats.destination import check_destination


def check_folder(path: Path, mark: str, overwrite: bool) -> None:
    """Find out now whether a folder can be written.

    Args:
        path: The folder.
        mark: A file that a result of this kind holds; no other folder is ever replaced.
        overwrite: Whether such a result may be replaced.

    Raises:
        OutputError: it cannot.
    """
    if not path.is_dir():
        check_destination(path)
    elif not (path / mark).is_file():
        raise OutputError(f"{path}: is a folder of something else; name a new one")
    elif not overwrite:
        raise OutputError(f"{path}: exists already; say --overwrite to replace it")
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: no permission to write in {path.parent.absolute()}")


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Give a path in the same folder to write to; move it to `path` if all went well.

    Raises:
        OutputError: if the system refuses to write there.
    """
    partial, old = (path.with_name(f".{path.name}.{state}") for state in ("partial", "old"))
    try:
        _restore(old, path)
        shutil.rmtree(partial, ignore_errors=True)
        yield partial
        _replace(path, partial, old)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _replace(path: Path, new: Path, old: Path) -> None:
    """Move `new` to `path`; what was there waits at `old` until that is done."""
    shutil.rmtree(old, ignore_errors=True)
    try:
        if path.exists():
            path.rename(old)
        new.rename(path)
    finally:
        _restore(old, path)
    shutil.rmtree(old, ignore_errors=True)


def _restore(old: Path, path: Path) -> None:
    """Undo a replacement that was broken off half-way."""
    if old.exists() and not path.exists():
        old.rename(path)
