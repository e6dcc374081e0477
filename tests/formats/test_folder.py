"""A folder as a result: replaced whole, or as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from geomrcnn.errors import OutputError
from geomrcnn.formats.folder import folder_beside


def write(path: Path, content: str) -> None:
    with folder_beside(path) as partial:
        partial.mkdir()
        (partial / content).touch()


def contents(path: Path) -> list[str]:
    return sorted(str(file.relative_to(path)) for file in path.rglob("*"))


def test_what_was_there_is_kept_where_nothing_can_take_its_place(tmp_path: Path) -> None:
    write(tmp_path / "m", "old")
    with pytest.raises(OutputError, match="cannot be written"), folder_beside(tmp_path / "m"):
        pass
    assert contents(tmp_path) == ["m", "m/old"]


def test_a_replacement_that_was_killed_half_way_is_undone(tmp_path: Path) -> None:
    write(tmp_path / "m", "old")
    (tmp_path / "m").rename(tmp_path / ".m.old")
    with pytest.raises(RuntimeError), folder_beside(tmp_path / "m"):
        raise RuntimeError
    assert contents(tmp_path) == ["m", "m/old"]


def test_one_that_was_killed_at_the_end_is_tidied_up(tmp_path: Path) -> None:
    write(tmp_path / "m", "new")
    write(tmp_path / ".m.old", "old")
    write(tmp_path / "m", "newest")
    assert contents(tmp_path) == ["m", "m/newest"]
