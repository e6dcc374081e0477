"""Where a result goes: checked before the work, written beside, moved there when complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from geomrcnn.errors import OutputError

# What SQLite, and so a GeoPackage, may leave beside a database.
_JOURNALS = ("-wal", "-shm", "-journal")


def check_destination(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Find out now, not after hours of work, whether a file can be written.

    Raises:
        OutputError: if the folder is missing or not writable, or the path is taken by a folder,
            or by a file and `overwrite` is False.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; say --overwrite to replace it")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: no permission to write in {path.parent.absolute()}")


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a path in the same folder to write to; move the file to `path` if all went well.

    Yields:
        A hidden path with the same suffix, where no file is.

    Raises:
        OutputError: if the system refuses to write there.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        _remove(partial)
        yield partial
        # Whoever opens the new database must not find the journal of the old one.
        _remove_journals(path)
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        _remove(partial)


@contextmanager
def files_beside(path: Path, old: Sequence[Path] = ()) -> Iterator[Path]:
    """Give a place for a file and its companions; move them all if all went well.

    Args:
        path: Where the file goes.
        old: What belongs to a file that may be at `path` now, and must not stay beside a new one.

    Yields:
        A path of the same name in a new folder, all of whose files will be moved, this one last.

    Raises:
        OutputError: if the system refuses to write there.
    """
    folder = path.with_name(f".{path.name}.partial")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder / path.name
        _remove_journals(path)
        companions = sorted(file for file in folder.iterdir() if file.name != path.name)
        replaced = {path.with_name(file.name) for file in companions}
        for stale in set(old) - replaced:
            stale.unlink(missing_ok=True)
        for file in companions:
            os.replace(file, path.with_name(file.name))
        os.replace(folder / path.name, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _remove_journals(path)


def _remove_journals(path: Path) -> None:
    for ending in _JOURNALS:
        path.with_name(path.name + ending).unlink(missing_ok=True)
