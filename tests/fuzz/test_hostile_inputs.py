"""A few hostile inputs of each kind; scripts/fuzz runs thousands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geomrcnn.errors import DataError
from tests.fuzz.cases import Fate, judge, run_cases
from tests.fuzz.kinds import KINDS

pytest.importorskip("resource")

CASES = 40
"""Of each kind."""


@pytest.mark.parametrize("name", KINDS)
def test_each_ends_in_an_answer_or_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "0")
    outcomes = list(run_cases(KINDS[name], name, range(CASES), 3, tmp_path))
    assert [outcome for outcome in outcomes if outcome.fate is Fate.FAILURE] == []
    assert {outcome.fate for outcome in outcomes} == {Fate.ANSWER, Fate.LINE}
    assert len(outcomes) == CASES


def dying(sound: Path):
    def attempt(rng: np.random.Generator, folder: Path) -> None:
        if folder.name.endswith("-1"):
            raise SystemExit
        if folder.name.endswith("-2"):
            np.ctypeslib.ctypes.string_at(0)

    return attempt


def test_what_kills_a_process_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    outcomes = list(run_cases(dying, "dying", range(4), 1, tmp_path))
    assert [outcome.fate for outcome in outcomes] == [
        Fate.ANSWER, Fate.FAILURE, Fate.FAILURE, Fate.ANSWER,
    ]  # fmt: skip
    assert "SystemExit" in outcomes[1].said
    assert outcomes[2].said == "the process died"
    left = {folder.name for folder in tmp_path.iterdir()}
    assert left == {"dying-sound", "dying-1", "dying-2"}


def test_errors_that_are_no_line_are_told(tmp_path: Path) -> None:
    def wordy(rng: np.random.Generator, folder: Path) -> None:
        raise DataError("word " * 1000)

    fate, said = judge(wordy, np.random.default_rng(1), tmp_path)
    assert (fate, said[:17]) == (Fate.FAILURE, "not a clear line:")
