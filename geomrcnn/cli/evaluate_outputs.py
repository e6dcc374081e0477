"""Where the results of `geomrcnn evaluate` go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geomrcnn.cli.progress import Narrator
from geomrcnn.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from geomrcnn.evaluation.tables import Table


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Where results go besides the screen."""

    json: Path | None
    plots: Path | None
    report: Path | None
    overwrite: bool

    def check(self) -> None:
        """Find out before the work whether all can be written.

        Raises:
            OutputError: one cannot.
        """
        from geomrcnn.formats.destination import check_destination

        for path in (self.json, self.report):
            if path is not None and str(path) != "-":
                check_destination(path, self.overwrite)
        if self.plots is not None and any(self.plots.glob("*.png")) and not self.overwrite:
            raise OutputError(f"{self.plots}: has plots already; say --overwrite to replace them")

    def write(
        self,
        narrator: Narrator,
        tables: Iterable[Table],
        values: Mapping[str, Any],
        plots: Callable[[], Mapping[str, Figure]] | None = None,
        report: Callable[[Path], None] | None = None,
    ) -> None:
        """Tell the figures, in tables or JSON, and write what is asked for."""
        from geomrcnn.evaluation.plain import finite, to_json
        from geomrcnn.evaluation.tables import as_text
        from geomrcnn.formats.destination import written_beside

        on_screen = str(self.json) == "-"
        if not narrator.in_json:
            click.echo(to_json(values) if on_screen else "\n\n".join(map(as_text, tables)))
        written = []
        if self.json is not None and not on_screen:
            with written_beside(self.json) as partial:
                partial.write_text(to_json(values) + "\n", encoding="utf-8")
            written.append(self.json)
        if self.plots is not None and plots is not None:
            from geomrcnn.evaluation.plots import write_png

            self.plots.mkdir(parents=True, exist_ok=True)
            for name, plot in plots().items():
                written.append(self.plots / f"{name}.png")
                write_png(plot, written[-1])
        if self.report is not None and report is not None:
            report(self.report)
            written.append(self.report)
        narrator.done(**finite(values), written=[str(path) for path in written])
