"""Any number of tiles, without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from geomrcnn.raster.grid import Cell
from geomrcnn.raster.tile import Window
from scripts.benchmarks import simulate
from scripts.benchmarks.common.pretence import Pretence


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_a_share_of_the_tiles_holds_objects(share: float) -> None:
    pretence = Pretence(4, share)
    cells = [Cell(row, column, Window(0, 0, 1, 1)) for row in range(60) for column in range(60)]
    counts = [len(pretence.within(cell)) for cell in cells]
    assert set(counts) <= {0, 4}
    assert sum(counts) == pytest.approx(4 * share * len(cells), rel=0.2)
    assert counts == [len(Pretence(4, share).within(cell)) for cell in cells]


@pytest.mark.parametrize("journal", ["--journal", "--no-journal"])
def test_all_tiles_pass_by(journal: str, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    arguments = ["--tiles", "400", "--share", "0.5", "--block", "32", "--json", str(out), journal]
    ended = CliRunner().invoke(simulate.main, [*arguments, "--folder", str(tmp_path)])
    assert ended.exit_code == 0, ended.output
    figures = json.loads(out.read_text())
    assert (figures["objects"], figures["share"], figures["block"]) == (4, 0.5, 32)
    assert [figures["moments"][place]["tiles"] for place in (0, -1)] == [0, 400]
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]
    assert (figures["moments"][-1]["journal"] > 0) == (journal == "--journal")
