"""The journal: what went in comes out, in another process too, and never for another run."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from geomrcnn.errors import OutputError
from geomrcnn.inference.findings import Findings, nothing
from geomrcnn.inference.journal import Journal

RUN: dict[str, object] = {"model": ["fields", "a1"], "options": {"min_score": 0.5, "gsd": None}}


def findings(count: int, seed: int = 0) -> Findings:
    rng = np.random.default_rng(seed)
    return Findings(
        "",
        rng.random((count, 4), np.float32),
        rng.random(count, np.float32),
        rng.integers(1, 5, count, np.int32),
        rng.integers(0, 256, (count, 28, 28), np.uint8),
    )


def same(one: Findings, other: Findings) -> bool:
    return one.skipped == other.skipped and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        and getattr(one, name).dtype == getattr(other, name).dtype
        for name in ("boxes", "scores", "classes", "masks")
    )


def test_what_went_in_comes_out(tmp_path: Path) -> None:
    entries = {(0, 0): findings(3), (0, 1): nothing("nodata"), (2, 1): findings(0, 1)}
    with Journal(tmp_path / "a.journal", RUN) as journal:
        for place, entry in entries.items():
            journal.add(0, *place, entry)
        journal.add(1, 0, 0, findings(2, 5))
    with Journal(tmp_path / "a.journal", RUN) as journal:
        finished = np.zeros((3, 2), bool)
        journal.mark(0, finished)
        assert finished.tolist() == [[True, True], [False, False], [False, True]]
        for place, entry in entries.items():
            found = journal.find(0, *place)
            assert len(found) == len(entry)
            assert same(found, entry) or (len(entry) == 0 and found.skipped == entry.skipped)
        assert same(journal.find(1, 0, 0), findings(2, 5))


def test_another_run_is_refused_and_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    with Journal(path, RUN) as journal:
        journal.add(0, 0, 0, findings(1))
    with pytest.raises(OutputError, match=r"was begun with other model and options; repeat"):
        Journal(path, {"model": 1, "options": 2})
    with pytest.raises(OutputError, match=r"was begun with other raster; repeat"):
        Journal(path, {**RUN, "raster": "b.tif"})
    with Journal(path, RUN) as journal:  # it has not been touched
        assert len(journal.find(0, 0, 0)) == 1
    with Journal(path, {"model": 1}, restart=True) as journal:
        finished = np.zeros((1, 1), bool)
        journal.mark(0, finished)
        assert not finished.any()


def test_one_run_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    with Journal(path, RUN) as journal:
        journal.add(0, 0, 0, findings(1))
        with pytest.raises(OutputError, match="in use: another run writes the same output"):
            Journal(path, RUN)


def test_an_empty_or_finished_journal_leaves_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.journal", RUN):
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
    with Journal(tmp_path / "a.journal", RUN) as journal:
        journal.add(0, 0, 0, findings(1))
        journal.finish()
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.journal").write_text("a letter, not a database, and long enough to be read")
    with pytest.raises(OutputError, match="not a journal of a run; move it away"):
        Journal(tmp_path / "a.journal", RUN)
    assert (tmp_path / "a.journal").read_text().startswith("a letter")


def test_a_full_disk_costs_no_tile(tmp_path: Path) -> None:
    """With a limit on the size of files, as a disk has one."""
    path = tmp_path / "a.journal"
    code = f"""
import resource, signal, sys
from pathlib import Path
from geomrcnn.errors import OutputError
from geomrcnn.inference.journal import Journal
from tests.inference.test_journal import RUN, findings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
with Journal(Path({str(path)!r}), RUN) as journal:
    for column in range(1000):
        try:
            journal.add(0, 0, column, findings(20, column))
        except OutputError as error:
            print(column, error)
            sys.exit()
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    written, told = answer.stdout.split(" ", 1)
    assert f"{path}: cannot be written: " in told
    with Journal(path, RUN) as journal:
        finished = np.zeros((1, 1000), bool)
        journal.mark(0, finished)
        assert finished.sum() == int(written) > 5
        assert same(journal.find(0, 0, int(written) - 1), findings(20, int(written) - 1))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tile SET scores = zeroblob(length(scores))",
        "UPDATE tile SET masks = x'789c'",
        "UPDATE tile SET side = 'wide'",
        "UPDATE tile SET row = -1 - row",
        'UPDATE tile SET "column" = 99',
        "ALTER TABLE tile DROP COLUMN masks",
        "DROP TABLE tile",
        "UPDATE tile SET skipped = CAST(x'ff' AS TEXT)",
        "UPDATE run SET value = CAST(x'ff' AS TEXT)",
    ],
)
def test_a_damaged_journal_is_refused_in_one_line(change: str, tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    with Journal(path, RUN) as journal:
        journal.add(0, 0, 0, findings(3))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(change)
    said = r"a\.journal: is damaged \(.+\); say --restart to begin anew"

    def resume() -> None:
        with Journal(path, RUN) as journal:
            journal.mark(0, np.zeros((1, 1), bool))
            journal.find(0, 0, 0)

    with pytest.raises(OutputError, match=said):
        resume()
    assert list(tmp_path.iterdir()) == [path]
    with Journal(path, RUN, restart=True) as journal:
        journal.add(0, 0, 0, findings(3))


def test_a_refused_journal_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    with Journal(path, RUN) as journal:
        journal.add(0, 0, 0, findings(300))
    content = bytearray(path.read_bytes())
    content[100:200] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(OutputError, match="is damaged"):
        Journal(path, RUN)
    assert list(tmp_path.iterdir()) == [path]
