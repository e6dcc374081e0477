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
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from geomrcnn.errors import OutputError
from geomrcnn.inference.entries import FORMAT, TABLES, Entries, checksum_of
from geomrcnn.inference.findings import Findings
from geomrcnn.inference.looking import Looked
from geomrcnn.raster.grid import Cell


def journal_of(out: str | os.PathLike[str]) -> Path:
    """Where the journal of an output lies: beside a file, in the working directory for a table."""
    target = os.fspath(out)
    if "://" in target:
        return Path(f"geomrcnn-{hashlib.sha256(target.encode()).hexdigest()[:8]}.journal")
    return Path(target + ".journal")


class Journal(Entries, AbstractContextManager["Journal"]):
    """An open journal; nobody else may have it open."""

    def __init__(
        self,
        path: Path,
        run: Mapping[str, object],
        *,
        shard: Mapping[str, object] | None = None,
        restart: bool = False,
    ) -> None:
        """Open a journal, or begin one.

        Args:
            path: The file.
            run: What the findings depend on, by name: model, raster, options. As JSON.
            shard: What else is noted in the file when it is begun, as JSON, with a sum of all.
            restart: Forget what is there.

        Raises:
            OutputError: it belongs to another run, or is in use, or cannot be written.
        """
        self.path = path
        self._needed, self._whole = True, False
        if restart:
            _remove(path)
        try:
            # Transactions are explicit, and one process at a time may write.
            super().__init__(path, sqlite3.connect(path, isolation_level=None, timeout=1.0))
        except sqlite3.Error as error:
            raise self._refused(error) from error
        try:
            self._begin({"format": FORMAT, **run}, shard or {})
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._database.close()
            raise self._refused(error) from error
        except BaseException:
            self._database.close()
            raise

    def _begin(self, run: Mapping[str, object], shard: Mapping[str, object]) -> None:
        execute = self._database.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")
        execute("PRAGMA journal_mode = WAL")
        # Survives the death of the process; that of the machine may cost the last tiles.
        execute("PRAGMA synchronous = NORMAL")
        execute("BEGIN EXCLUSIVE")
        wanted = as_json(run)
        if not execute("SELECT 1 FROM sqlite_master WHERE name = 'run'").fetchone():
            for statement in TABLES.split(";"):
                execute(statement)
            more = as_json(shard)
            more |= {"checksum": sum_of(wanted, more)}
            self._database.executemany("INSERT INTO run VALUES (?, ?)", wanted.items())
            self._database.executemany("INSERT INTO shard VALUES (?, ?)", more.items())
        found = dict(execute("SELECT key, value FROM run").fetchall())
        execute("COMMIT")
        if other := differing(wanted, found):
            raise OutputError(
                f"{self.path}: was begun with other {other}; repeat the command as it was, "
                "or say --restart to begin anew"
            )

    def recall(self, layer: int, cell: Cell) -> Looked:
        """What was found in a finished tile.

        Raises:
            OutputError: the journal is damaged.
        """
        return Looked(cell, self.find(layer, cell.row, cell.column))

    def note(self, layer: int, looked: Looked) -> None:
        """Keep what was found in a tile, or why it could not be read: the next run tries again.

        Raises:
            OutputError: there is no room, or the file cannot be written any more.
        """
        cell, findings, problem = looked
        if problem:
            self._pass_over(layer, cell.row, cell.column, problem)
        else:
            self.add(layer, cell.row, cell.column, findings)

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
        self._write(
            'DELETE FROM unreadable WHERE layer = ? AND row = ? AND "column" = ?',
            layer, row, column,
        )  # fmt: skip
        self._write(
            "INSERT INTO tile VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *entry, checksum_of(*entry)
        )

    def _pass_over(self, layer: int, row: int, column: int, problem: str) -> None:
        entry = (layer, row, column, problem)
        self._write(
            "INSERT OR REPLACE INTO unreadable VALUES (?, ?, ?, ?, ?)", *entry, checksum_of(*entry)
        )

    def _write(self, statement: str, *values: object) -> None:
        try:
            self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def finish(self) -> None:
        """The output is complete: the file is deleted when it is closed."""
        self._needed = False

    def keep(self) -> None:
        """The file itself is the output, even if there is no tile in it."""
        self._whole = True
        with suppress(sqlite3.Error):  # one file, that can be read where nothing can be written
            self._database.execute("PRAGMA journal_mode = DELETE")

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
        self.close()
        if not (self._whole or (self._needed and tiles)):
            _remove(self.path)


def as_json(values: Mapping[str, object]) -> dict[str, str]:
    """As the tables `run` and `shard` hold them."""
    return {key: json.dumps(value, sort_keys=True) for key, value in values.items()}


def sum_of(run: Mapping[str, str], shard: Mapping[str, str]) -> str:
    """What changes with anything in these tables."""
    return str(checksum_of(json.dumps([dict(run), dict(shard)], sort_keys=True)))


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Names of the values that differ, for people; empty if none does."""
    names = [str(key) for key in {**one, **other} if one.get(key) != other.get(key)]
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + "".join(names[-1:])


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
