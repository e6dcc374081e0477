"""Runs hostile inputs and counts how they end: scripts/fuzz."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from tests.fuzz.cases import Fate, run_cases
from tests.fuzz.kinds import KINDS


@click.command()
@click.option("--cases", default=10_000, show_default=True, help="Of all kinds together.")
@click.option("--seed", default=1, show_default=True, help="Other cases for each.")
@click.option("--kind", "names", type=click.Choice(list(KINDS)), multiple=True, help="Only these.")
@click.option("--case", type=int, help="Only the case of this number, of each kind.")
def main(cases: int, seed: int, names: tuple[str, ...], case: int | None) -> None:
    """Run hostile inputs made from a seed.

    Each must end in a right answer, or in one clear line, in a few seconds and in little memory,
    and leave no output in part. Printed is how many did so. The input of one that did not stays in
    a folder that is named, and the exit code is 1.
    """
    os.environ["GDAL_HTTP_MAX_RETRY"] = "0"
    chosen = names or tuple(KINDS)
    home, began = Path(tempfile.mkdtemp(prefix="geomrcnn-fuzz-")), time.perf_counter()
    total: Counter[Fate] = Counter()
    for place, name in enumerate(chosen):
        share = len(range(place, cases, len(chosen)))
        numbers = range(share) if case is None else range(case, case + 1)
        counts: Counter[Fate] = Counter()
        for number, fate, said in run_cases(KINDS[name], name, numbers, seed, home):
            counts[fate] += 1
            if fate is Fate.FAILURE or case is not None:
                click.echo(f"{home / f'{name}-{number}'}: {fate.value}\n{said}", err=True)
        told = ", ".join(f"{counts[fate]} {fate.value}" for fate in Fate)
        click.echo(f"{name:12}{counts.total():6} cases: {told}")
        total += counts
    told = ", ".join(f"{total[fate]} {fate.value}" for fate in Fate)
    click.echo(f"{'all':12}{total.total():6} cases: {told}; {time.perf_counter() - began:.0f} s")
    sys.exit(1 if total[Fate.FAILURE] else 0)


if __name__ == "__main__":
    main()
