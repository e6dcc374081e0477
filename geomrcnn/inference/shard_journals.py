"""The journals of all shards of a run, read as if they were one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geomrcnn.errors import OutputError
from geomrcnn.inference.entries import FAULTS, FORMAT, Entries
from geomrcnn.inference.findings import nothing
from geomrcnn.inference.journal import differing, sum_of
from geomrcnn.inference.looking import Looked
from geomrcnn.inference.shards import Shard
from geomrcnn.raster.grid import Cell


class ShardJournal(Entries):
    """The journal of a shard, to be read.

    Attributes:
        run: What its findings depend on, each as JSON.
        noted: What else was noted when it was begun.
    """

    mend = "run this shard again with --restart"

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            OutputError: it is none, or of another version, or damaged, or in use.
        """
        self.path = path
        if not path.is_file():
            raise OutputError(f"{path}: no such file")
        try:
            super().__init__(path, sqlite3.connect(path, timeout=1.0))
        except sqlite3.Error as error:
            raise self._refused(error) from error
        try:
            self.run, self.noted = self._read()
        except FAULTS as error:
            self.close()
            alien = any(why in str(error) for why in ("locked", "not a database"))
            raise (self._refused(error) if alien else self._damaged(error)) from error
        except BaseException:
            self.close()
            raise

    def _read(self) -> tuple[dict[str, str], dict[str, Any]]:
        execute = self._database.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")
        tables = {name for (name,) in execute("SELECT name FROM sqlite_master")}
        if "run" not in tables:
            raise OutputError(f"{self.path}: not a journal of a run")
        run = dict(execute("SELECT key, value FROM run").fetchall())
        if run.get("format") != json.dumps(FORMAT):
            raise OutputError(f"{self.path}: is of another version of geomrcnn; {self.mend}")
        noted = dict(execute("SELECT key, value FROM shard").fetchall())
        checksum = noted.pop("checksum", "")
        if checksum != sum_of(run, noted):
            raise self._damaged(ValueError("it does not begin as it was written"))
        if not noted:
            raise OutputError(
                f"{self.path}: is not of a shard; the command that began it goes on from there"
            )
        return run, {key: json.loads(value) for key, value in noted.items()}

    @property
    def shard(self) -> Shard:
        """Which share it is."""
        return Shard(self.noted["number"], self.noted["of"])


class Shards:
    """The journals of all shards of a run, of which one is open at a time.

    Attributes:
        paths: Of the journals.
        run: What their findings depend on, each as JSON.
        noted: What else was noted when the first was begun.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Find out what is where.

        Raises:
            OutputError: they do not belong together, or one cannot be read.
        """
        self.paths = paths
        self._journal = ShardJournal(paths[0])
        self._place = 0
        self.run, self.noted = self._journal.run, self._journal.noted
        self._shards: list[Shard] = []
        self._counts: list[int] = []
        self._holders: dict[int, list[int]] = {}
        self._owner = np.empty((0, 0), np.int32)
        self._passed = np.empty((0, 0), bool)
        for place, path in enumerate(paths):
            journal = self._turn_to(place)
            if other := differing(self.run, journal.run):
                raise OutputError(f"{path}: is of a run with other {other} than {paths[0]}")
            counts = journal.count()
            for layer in counts:
                self._holders.setdefault(layer, []).append(place)
            self._shards.append(journal.shard)
            self._counts.append(sum(counts.values()))

    def close(self) -> None:
        """Close the file that is open."""
        self._journal.close()

    def _turn_to(self, place: int) -> ShardJournal:
        if place != self._place:
            self._journal.close()
            self._journal, self._place = ShardJournal(self.paths[place]), place
        return self._journal

    def check(self, total: int) -> None:
        """Make sure that they are whole.

        Args:
            total: Tiles of the run.

        Raises:
            OutputError: saying what is missing.
        """
        of = self._shards[0].of
        where: dict[int, Path] = {}
        for path, shard, count in zip(self.paths, self._shards, self._counts, strict=True):
            if shard.of != of:
                raise OutputError(f"{path}: is shard {shard}, but {self.paths[0]} is one of {of}")
            if shard.number in where:
                raise OutputError(f"{path}: is shard {shard}, as {where[shard.number]} is")
            where[shard.number] = path
            wanted = len(shard.tiles(total))
            if count != wanted:
                raise OutputError(
                    f"{path}: has {count} of {wanted} tiles; run shard {shard} again, which goes "
                    "on from there"
                )
        missing = [
            str(shard) for shard in (Shard(number, of) for number in range(1, of + 1))
            if shard.number not in where and len(shard.tiles(total))
        ]  # fmt: skip
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise OutputError(f"{self.paths[0]}: shard {missing[0]}{more} is missing beside it")

    def mark(self, layer: int, finished: npt.NDArray[np.bool_]) -> None:
        """Set the places of finished tiles in an array of [rows, columns] to True.

        Raises:
            OutputError: a journal is damaged.
        """
        self._owner = np.full(finished.shape, -1, np.int32)
        self._passed = np.zeros_like(finished)
        for place in self._holders.get(layer, []):
            there, passed = np.zeros_like(finished), np.zeros_like(finished)
            journal = self._turn_to(place)
            journal.mark(layer, there)
            journal.mark_unreadable(layer, passed)
            self._owner[there | passed] = place
            self._passed |= passed
        finished |= self._owner >= 0

    def recall(self, layer: int, cell: Cell) -> Looked:
        """What was found in a tile of the layer that was marked last.

        Raises:
            OutputError: a journal is damaged.
        """
        journal = self._turn_to(int(self._owner[cell.row, cell.column]))
        if self._passed[cell.row, cell.column]:
            problem = journal.problem(layer, cell.row, cell.column)
            return Looked(cell, nothing("unreadable"), problem)
        return Looked(cell, journal.find(layer, cell.row, cell.column))
