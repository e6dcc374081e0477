"""One at a time, among all processes of a user on this machine."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold the lock that belongs to a path, for the time of a `with` block.

    The system lets go of it when the process dies. The file it is on stays, in the system's
    temporary folder: to remove it would let two processes hold it.

    Yields:
        Whether we hold it: False if somebody else does.
    """
    # Each user has files of their own: nobody may open another's.
    whose = f"{os.path.expanduser('~')} {path.absolute()}"
    name = hashlib.sha256(whose.encode()).hexdigest()[:16]
    with open(Path(tempfile.gettempdir()) / f"geomrcnn-{name}.lock", "a") as file:
        yield _locked(file)


def _locked(file: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
