"""Figures as Markdown, which goes into the documentation as it is, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from scripts.benchmarks.common.machine import machine


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; all columns but the first are numbers and stand at the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def report(title: str, *parts: str) -> None:
    """Print a heading, the machine, and tables or sentences, with blank lines between."""
    click.echo("\n\n".join([f"### {title}", machine(), *parts]) + "\n")


def write_json(path: Path | None, figures: Any) -> None:
    """Write figures to a file, if one is named."""
    if path is not None:
        path.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=2) + "\n")
