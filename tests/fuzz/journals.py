"""Journals of broken-off runs that something has happened to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
from geopandas import GeoDataFrame

from geomrcnn.inference.options import Progress
from tests.fuzz.cases import Attempt
from tests.fuzz.damage import damaged
from tests.fuzz.prediction import oracle, predicted, write_scene

AFTER = 4
"""Tiles after which the run is broken off, of six."""

CHANGES = (
    "UPDATE tile SET boxes = x''", "UPDATE tile SET boxes = x'00000000'",
    "UPDATE tile SET boxes = zeroblob(length(boxes))", "UPDATE tile SET scores = boxes",
    "UPDATE tile SET classes = zeroblob(length(classes))", "UPDATE tile SET scores = 'text'",
    "UPDATE tile SET side = 0", "UPDATE tile SET side = -1", "UPDATE tile SET side = 1e18",
    "UPDATE tile SET side = 'wide'", "UPDATE tile SET masks = x''",
    "UPDATE tile SET masks = x'789c'", "UPDATE tile SET masks = zeroblob(100000)",
    "UPDATE tile SET skipped = 'nodata'", "UPDATE tile SET skipped = x'ff'",
    "UPDATE tile SET row = row + 100000", "UPDATE tile SET row = -1 - row",
    'UPDATE tile SET "column" = \'x\' WHERE row = 0 AND "column" = 0',
    "UPDATE tile SET layer = layer + 1", "DELETE FROM tile", "DELETE FROM run",
    "UPDATE run SET value = 'x'", "UPDATE run SET value = x'ff'", "DROP TABLE tile",
    "DROP TABLE run", "DELETE FROM run WHERE key = 'format'", "PRAGMA user_version = 9",
    "ALTER TABLE tile DROP COLUMN masks", "ALTER TABLE tile ADD COLUMN more TEXT",
    "ALTER TABLE run RENAME TO ran", "CREATE TRIGGER t BEFORE INSERT ON tile BEGIN "
    "SELECT RAISE(FAIL, 'no'); END",
)  # fmt: skip
"""What no run writes."""


class BrokenOffError(Exception):
    """A run is broken off."""


def journals(sound: Path) -> Attempt:
    """Journals: a run that goes on from one ends as if nothing had been."""
    raster = write_scene(sound / "a.tif")
    expected = predicted(raster, sound, oracle())
    (sound / "out.gpkg").unlink()
    (sound / "out.qml").unlink()
    content = _broken_off(raster, sound)

    def attempt(rng: np.random.Generator, folder: Path) -> None:
        journal = folder / "out.gpkg.journal"
        chance = rng.random()
        if chance < 0.02:
            journal.mkdir()
        elif chance < 0.6:
            journal.write_bytes(damaged(content, rng))
            if rng.random() < 0.1:
                for ending in ("-wal", "-shm", "-journal"):
                    (folder / (journal.name + ending)).write_bytes(rng.bytes(500))
        else:
            journal.write_bytes(content)
            with closing(sqlite3.connect(journal)) as database, database:
                database.execute(CHANGES[rng.integers(len(CHANGES))])
        assert _same(predicted(raster, folder, oracle()), expected)

    return attempt


def _broken_off(raster: Path, folder: Path) -> bytes:
    """The journal of a run that was."""

    def stop(now: Progress) -> None:
        if now.done == AFTER:
            raise BrokenOffError

    try:
        predicted(raster, folder, oracle(), on_progress=stop)
    except BrokenOffError:
        return (folder / "out.gpkg.journal").read_bytes()
    raise AssertionError("the run was not broken off")


def _same(found: GeoDataFrame, expected: GeoDataFrame) -> bool:
    """Whether two tables are, to the last bit."""
    return bool(
        found.drop(columns="geometry").equals(expected.drop(columns="geometry"))
        and [shape.wkb for shape in found.geometry] == [shape.wkb for shape in expected.geometry]
    )
