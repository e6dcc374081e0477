"""Tiles and what was found in them, in a SQLite file: the tables, and how they are read."""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geomrcnn.errors import OutputError
from geomrcnn.inference.findings import Findings

FORMAT = 3
"""Changes with the tables below, so that a journal of another version is not misread."""

TABLES = """
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE shard (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tile (
    layer INTEGER, row INTEGER, "column" INTEGER, skipped TEXT NOT NULL,
    boxes BLOB NOT NULL, scores BLOB NOT NULL, classes BLOB NOT NULL,
    side INTEGER NOT NULL, masks BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (layer, row, "column")
) WITHOUT ROWID;
CREATE TABLE unreadable (
    layer INTEGER, row INTEGER, "column" INTEGER, problem TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (layer, row, "column")
) WITHOUT ROWID;
"""

AT_ONCE = 100_000
"""Places of tiles that are in memory together while they are marked."""

FAULTS = (sqlite3.Error, ValueError, IndexError, TypeError, OverflowError)
"""What reading a damaged file raises; text that is no UTF-8 is a ValueError."""


class Entries:
    """The tiles in an open file.

    Attributes:
        path: The file.
    """

    mend = "say --restart to begin anew"
    """What to do about a file that is damaged."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        """Take over a connection to the file."""
        self.path = path
        self._database = database

    def mark(self, layer: int, finished: npt.NDArray[np.bool_]) -> None:
        """Set the places of finished tiles in an array of [rows, columns] to True.

        Raises:
            OutputError: the journal is damaged.
        """
        self._mark("tile", layer, finished)

    def mark_unreadable(self, layer: int, passed: npt.NDArray[np.bool_]) -> None:
        """The same for tiles that could not be read."""
        self._mark("unreadable", layer, passed)

    def _mark(self, table: str, layer: int, places: npt.NDArray[np.bool_]) -> None:
        query = f'SELECT row, "column" FROM {table} WHERE layer = ?'
        try:
            cursor = self._database.execute(query, (layer,))
            while found := cursor.fetchmany(AT_ONCE):
                rows, columns = np.array(found, np.int64).reshape(-1, 2).T
                if min(rows.min(), columns.min()) < 0:
                    raise IndexError("a place that is on no grid")
                places[rows, columns] = True
        except FAULTS as error:
            raise self._damaged(error) from error

    def count(self) -> Counter[int]:
        """How many tiles there are of each layer, with those that could not be read.

        Raises:
            OutputError: the journal is damaged.
        """
        found: Counter[int] = Counter()
        try:
            for table in ("tile", "unreadable"):
                query = f"SELECT layer, COUNT(*) FROM {table} GROUP BY layer"
                found.update(dict(self._database.execute(query)))
        except FAULTS as error:
            raise self._damaged(error) from error
        return found

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
            if checksum != checksum_of(*place, *entry):
                raise ValueError("a tile is not as it was written")
        except FAULTS as error:
            raise self._damaged(error) from error
        skipped, boxes, scores, classes, side, masks = entry
        return Findings(
            skipped,
            np.frombuffer(boxes, "<f4").reshape(-1, 4),
            np.frombuffer(scores, "<f4"),
            np.frombuffer(classes, "<i4"),
            np.frombuffer(zlib.decompress(masks), np.uint8).reshape(-1, side, side),
        )

    def problem(self, layer: int, row: int, column: int) -> str:
        """Why a tile could not be read.

        Raises:
            OutputError: the journal is damaged.
        """
        place = (layer, row, column)
        try:
            problem, checksum = self._database.execute(
                "SELECT problem, checksum FROM unreadable "
                'WHERE layer = ? AND row = ? AND "column" = ?',
                place,
            ).fetchone()
            if checksum != checksum_of(*place, problem):
                raise ValueError("a tile is not as it was written")
        except FAULTS as error:
            raise self._damaged(error) from error
        return str(problem)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _damaged(self, error: Exception) -> OutputError:
        short = str(error).partition(" with text ")[0]
        return OutputError(f"{self.path}: is damaged ({short}); {self.mend}")

    def _refused(self, error: Exception) -> OutputError:
        if "locked" in str(error):
            return OutputError(f"{self.path}: in use: another run writes the same output")
        if "not a database" in str(error):
            return OutputError(f"{self.path}: not a journal of a run; move it away")
        if "malformed" in str(error) or "decode" in str(error):
            return self._damaged(error)
        return OutputError(f"{self.path}: cannot be written: {error}")


def checksum_of(*entry: object) -> int:
    """What changes with anything in an entry: SQLite does not notice that a byte has."""
    checksum = 0
    for value in entry:
        content = value if isinstance(value, bytes) else str(value).encode()
        checksum = zlib.crc32(content, checksum)
    return checksum
