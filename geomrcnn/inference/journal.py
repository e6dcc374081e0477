"""The journal of a run: finished tiles, kept beside the output until that is complete.

One SQLite file. A tile and its findings are written in one transaction, so that after the end of
the process, however it came, the journal holds whole tiles only. The same command finds it and
goes on; the tiles it holds are not looked at again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from geomrcnn.errors import OutputError
from geomrcnn.inference.findings import Findings

FORMAT = 2
"""Changes with the tables below, so that a journal of another version is not misread."""

TABLES = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tile (
    layer INTEGER, row INTEGER, "column" INTEGER, skipped TEXT NOT NULL,
    boxes BLOB NOT NULL, scores BLOB NOT NULL, classes BLOB NOT NULL,
    side INTEGER NOT NULL, masks BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (layer, row, "column")
) WITHOUT ROWID;
"""


def journal_of(out: str | os.PathLike[str]) -> Path:
    """Where the journal of an output lies: beside a file, in the working directory for a table."""
    target = os.fspath(out)
    if "://" in target:
        return Path(f"geomrcnn-{hashlib.sha256(target.encode()).hexdigest()[:8]}.journal")
    return Path(target + ".journal")


class Journal(AbstractContextManager["Journal"]):
    """An open journal; nobody else may have it open.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, run: Mapping[str, object], *, restart: bool = False) -> None:
        """Open a journal, or begin one.

        Args:
            path: The file.
            run: What the findings depend on, by name: model, raster, options. As JSON.
            restart: Forget what is there.

        Raises:
            OutputError: it belongs to another run, or is in use, or cannot be written.
        """
        self.path = path
        self._needed = True
        if restart:
            _remove(path)
        try:
            # Transactions are explicit, and one process at a time may write.
            self._database = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        except sqlite3.Error as error:
            raise self._refused(error) from error
        try:
            self._begin({"format": FORMAT, **run})
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._database.close()
            raise self._refused(error) from error
        except BaseException:
            self._database.close()
            raise

    def _begin(self, run: Mapping[str, object]) -> None:
        execute = self._database.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")
        execute("PRAGMA journal_mode = WAL")
        # Survives the death of the process; that of the machine may cost the last tiles.
        execute("PRAGMA synchronous = NORMAL")
        execute("BEGIN EXCLUSIVE")
        wanted = {key: json.dumps(value, sort_keys=True) for key, value in run.items()}
        if not execute("SELECT 1 FROM sqlite_master WHERE name = 'run'").fetchone():
            for statement in TABLES.split(";"):
                execute(statement)
            self._database.executemany("INSERT INTO run VALUES (?, ?)", wanted.items())
        found = dict(execute("SELECT key, value FROM run").fetchall())
        execute("COMMIT")
        other = [str(key) for key in {**wanted, **found} if wanted.get(key) != found.get(key)]
        if other:
            raise OutputError(
                f"{self.path}: was begun with other {_list(other)}; repeat the command as it was, "
                "or say --restart to begin anew"
            )

    def mark(self, layer: int, finished: npt.NDArray[np.bool_]) -> None:
        """Set the places of finished tiles in an array of [rows, columns] to True.

        Raises:
            OutputError: the journal is damaged.
        """
        query = 'SELECT row, "column" FROM tile WHERE layer = ?'
        try:
            places = np.array(self._database.execute(query, (layer,)).fetchall(), np.int64)
            rows, columns = places.reshape(-1, 2).T
            if places.size and places.min() < 0:
                raise IndexError("a place that is on no grid")
            finished[rows, columns] = True
        except (sqlite3.Error, ValueError, IndexError, TypeError, OverflowError) as error:
            raise self._damaged(error) from error

    def find(self, layer: int, row: int, column: int) -> Findings:
        """The findings of a finished tile.

        Args:
            layer: Number of the raster.
            row: Place in the grid of tiles.
            column: Place in the grid of tiles.

        Raises:
            OutputError: the journal is damaged.
        """
        place = (layer, row, column)
        try:
            *entry, checksum = self._database.execute(
                "SELECT skipped, boxes, scores, classes, side, masks, checksum FROM tile "
                'WHERE layer = ? AND row = ? AND "column" = ?',
                place,
            ).fetchone()
            if checksum != _checksum(*place, *entry):
                raise ValueError("a tile is not as it was written")
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise self._damaged(error) from error
        skipped, boxes, scores, classes, side, masks = entry
        return Findings(
            skipped,
            np.frombuffer(boxes, "<f4").reshape(-1, 4),
            np.frombuffer(scores, "<f4"),
            np.frombuffer(classes, "<i4"),
            np.frombuffer(zlib.decompress(masks), np.uint8).reshape(-1, side, side),
        )

    def add(self, layer: int, row: int, column: int, findings: Findings) -> None:
        """Keep the findings of a tile.

        Raises:
            OutputError: there is no room, or the file cannot be written any more.
        """
        entry = (
            layer, row, column, findings.skipped,
            findings.boxes.astype("<f4").tobytes(),
            findings.scores.astype("<f4").tobytes(),
            findings.classes.astype("<i4").tobytes(),
            findings.masks.shape[-1],
            zlib.compress(findings.masks.tobytes(), 1),
        )  # fmt: skip
        values = (*entry, _checksum(*entry))
        try:
            self._database.execute("INSERT INTO tile VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def finish(self) -> None:
        """The output is complete: the file is deleted when it is closed."""
        self._needed = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, and delete it if it is of no use to anyone."""
        try:
            tiles = self._database.execute("SELECT EXISTS (SELECT * FROM tile)").fetchone()[0]
        except sqlite3.Error:  # damaged: the error that is under way says so
            tiles = True
        self._database.close()
        if not (self._needed and tiles):
            _remove(self.path)

    def _damaged(self, error: Exception) -> OutputError:
        short = str(error).partition(" with text ")[0]
        return OutputError(f"{self.path}: is damaged ({short}); say --restart to begin anew")

    def _refused(self, error: Exception) -> OutputError:
        if "locked" in str(error):
            return OutputError(f"{self.path}: in use: another run writes the same output")
        if "not a database" in str(error):
            return OutputError(f"{self.path}: not a journal of a run; move it away")
        if "malformed" in str(error) or "decode" in str(error):
            return self._damaged(error)
        return OutputError(f"{self.path}: cannot be written: {error}")


def _checksum(*entry: object) -> int:
    """What changes with anything in a tile's entry: SQLite does not notice that a byte has."""
    checksum = 0
    for value in entry:
        content = value if isinstance(value, bytes) else str(value).encode()
        checksum = zlib.crc32(content, checksum)
    return checksum


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _list(names: list[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
