"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


class NotSaved(Exception):  # noqa: N818 - an outcome
    """A file was not written, for the reason this is, in one line."""


@contextlib.contextmanager
def replacing(path: Path, *, never: Path | None = None) -> Iterator[Path]:
    """Give the path to write to, beside the target; rename it once all went well.

    Args:
        path: The target; another file of this name is replaced.
        never: A file that must not be replaced, as it is being read.

    Raises:
        NotSaved: the target must not, or cannot, be replaced.
    """
    if never is not None and path.exists() and never.exists() and path.samefile(never):
        raise NotSaved(f"{path} is the layer under review: choose another name")
    if not path.parent.is_dir():
        raise NotSaved(f"{path} cannot be written: there is no such folder")
    # SQLite would play another file's journal into the new one.
    if any(path.with_name(path.name + tail).exists() for tail in ("-wal", "-journal")):
        raise NotSaved(f"{path} is open in a program: close it there or choose another name")
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise NotSaved(f"{path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
