"""Published files of weights: fetched once, checked, and kept in a cache directory.

The cache is $GEOMRCNN_CACHE, or else the platform's own: ~/.cache/geomrcnn on Linux
($XDG_CACHE_HOME is heeded), ~/Library/Caches/geomrcnn on macOS, %LOCALAPPDATA%\\geomrcnn on
Windows. A file put there by hand serves as well, unchecked. $GEOMRCNN_MIRROR, if set, is the URL of
a folder that all files are fetched from instead, under their own names.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from geomrcnn.errors import ModelError

CACHE = "GEOMRCNN_CACHE"
MIRROR = "GEOMRCNN_MIRROR"
_TIMEOUT = 30
_ATTEMPTS = 3
_PIECE = 1 << 16


class Release(NamedTuple):
    """A published file."""

    url: str
    checksum: str | None
    """Such as "md5:0123...", "sha256:..."; None if the publisher states none."""

    @property
    def file(self) -> str:
        """Its name."""
        return self.url.rpartition("/")[2]

    @property
    def source(self) -> str:
        """Where to fetch it from."""
        mirror = os.environ.get(MIRROR)
        return f"{mirror.rstrip('/')}/{self.file}" if mirror else self.url


class _CutError(Exception):
    """The connection broke before the file was whole."""


def cache_directory() -> Path:
    """The folder downloaded files are kept in; it need not exist."""
    if CACHE in os.environ:
        return Path(os.environ[CACHE]).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif sys.platform == "darwin":
        base = Path("~/Library/Caches")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return base.expanduser() / "geomrcnn"


def fetch(release: Release) -> Path:
    """Return the path of the file, downloaded into the cache if it is not there yet.

    A download that was cut goes on where it stopped, at once and in a later run. The file gets its
    name when it is whole and its checksum is right.

    Raises:
        ModelError: if it cannot be downloaded or is not the published one.
    """
    path = cache_directory() / release.file
    if path.is_file():
        return path
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(release.source, partial)
    except (OSError, http.client.HTTPException, ValueError, _CutError) as error:
        raise ModelError(
            f"cannot download {release.file} ({_reason(error)}): save {release.url} as {path}"
        ) from error
    if not _is_published(partial, release):
        partial.unlink()
        raise ModelError(f"{release.source} is not the file published: its checksum differs")
    partial.replace(path)
    return path


def digest(path: Path, algorithm: str) -> str:
    """Checksum of a file, in hexadecimal.

    Raises:
        ModelError: if the file cannot be read.
    """
    made = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                made.update(piece)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    return made.hexdigest()


def _is_published(path: Path, release: Release) -> bool:
    """Whether the checksum is right, where one is known."""
    algorithm, _, wanted = (release.checksum or "").partition(":")
    return not wanted or digest(path, algorithm) == wanted


def _download(url: str, partial: Path) -> None:
    """Bring `partial` to its full length, with some more attempts when the connection breaks."""
    with _progress_bar(partial.stem) as tell:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _go_on(url, partial, tell)
            except (_CutError, ConnectionError, TimeoutError, http.client.HTTPException):
                if attempt == _ATTEMPTS:
                    raise


def _go_on(url: str, partial: Path, tell: Callable[[int, int | None], None]) -> None:
    """Add to `partial` what it lacks; from the start if the server cannot do less."""
    done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        partial.unlink()  # as long as the file or longer: it was none of this file's
        return _go_on(url, partial, tell)
    with response:
        goes_on = response.status == http.HTTPStatus.PARTIAL_CONTENT
        start = done if goes_on else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with partial.open("ab" if goes_on else "wb") as file:
            _copy(response, file, start, total, tell)


def _copy(
    source: http.client.HTTPResponse,
    file: BinaryIO,
    done: int,
    total: int | None,
    tell: Callable[[int, int | None], None],
) -> None:
    while piece := source.read(_PIECE):
        file.write(piece)
        done += len(piece)
        tell(done, total)
    if total is not None and done < total:
        raise _CutError(f"the connection broke after {done} of {total} bytes")


def _reason(error: Exception) -> str:
    """Why, in a few words on one line."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)


@contextmanager
def _progress_bar(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on the standard error stream if that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
