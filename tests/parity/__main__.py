"""Prints how far we are from the reference implementations: scripts/parity [FIXTURE.npz ...]."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.parity.comparison import Row
from tests.parity.run import parity

FIXTURES = Path(__file__).resolve().parents[3] / "shared/fixtures"


@click.command()
@click.argument("fixtures", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(fixtures: tuple[Path, ...]) -> None:
    """Compare with what matterport's and torchvision's own code gave, stage by stage.

    A FIXTURE.npz has a FIXTURE.json and a recipe.py beside it. Default: the two in
    ../shared/fixtures. The exit code is 1 if any stage is beyond its tolerance.
    """
    given = fixtures or tuple(
        FIXTURES / f"{name}.npz" for name in ("matterport_resnet50", "torchvision_resnet50_fpn")
    )
    console = Console(width=100)
    ok = True
    for path in given:
        start = time.perf_counter()
        rows = parity(path)
        console.print(_table(path, rows, time.perf_counter() - start))
        ok = ok and all(row.ok for row in rows)
    sys.exit(0 if ok else 1)


def _table(path: Path, rows: list[Row], seconds: float) -> Table:
    failed = sum(not row.ok for row in rows)
    outcome = f"{failed} of {len(rows)} stages FAILED" if failed else f"all {len(rows)} stages ok"
    table = Table(title=path.name, caption=f"{outcome}, {seconds:.0f} s", title_justify="left")
    table.add_column("stage")
    for name in ("compared", "max abs error", "max rel error", "tolerance"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in rows:
        numbers = f"{row.count:,}", f"{row.absolute:.2g}", f"{row.relative:.2g}"
        table.add_row(row.stage, *numbers, row.tolerance, "ok" if row.ok else "FAIL")
    return table


if __name__ == "__main__":
    main()
