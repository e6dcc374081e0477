"""A share of a run's tiles: looked at by one job of many, of which none knows another.

Each job writes a journal and nothing else; `geomrcnn.inference.merging` makes the output of all.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from geomrcnn.formats.writer import check_output
from geomrcnn.inference.crew import Crew
from geomrcnn.inference.inputs import expand
from geomrcnn.inference.journal import Journal, journal_of
from geomrcnn.inference.options import Options, Progress, Report
from geomrcnn.inference.overview import Overview, look_over
from geomrcnn.inference.predict import work_of
from geomrcnn.inference.provenance import identity
from geomrcnn.inference.survey import open_survey
from geomrcnn.raster.redaction import redacted
from geomrcnn.runtime import Detector


class Shard(NamedTuple):
    """One of equal shares, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def tiles(self, total: int) -> range:
        """Numbers from 0 of the tiles in it: neighbours, and as many as in others, or one more."""
        return range((self.number - 1) * total // self.of, self.number * total // self.of)

    def journal(self, out: str | os.PathLike[str]) -> Path:
        """Where the journal of this share of an output lies."""
        whole = journal_of(out)
        return whole.with_name(f"{whole.stem}.{self.number}-of-{self.of}{whole.suffix}")


def parse_shard(text: str) -> Shard:
    """Read "2/5".

    Raises:
        ValueError: it is no share of anything.
    """
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    shard = Shard(*map(int, match.groups())) if match else Shard(0, 0)
    if not 1 <= shard.number <= shard.of:
        raise ValueError(f"'{text}' is no share: say I/N with I from 1 to N, such as 2/5")
    return shard


def predict_shard(
    rasters: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    detector: Detector,
    options: Options,
    shard: Shard,
    *,
    overwrite: bool = False,
    restart: bool = False,
    crew: Crew | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Look at one share of all tiles, and keep what is found in `shard.journal(out)`.

    If the journal is there, what it lacks is looked at, and what could not be read is tried again.

    Args:
        rasters: See `predict_to_file`, as for all that follow.
        out: What the shards will be merged into; it is not written.
        shard: Which share.

    Raises:
        RasterError, ModelError, DataError, OutputError: saying in one line what is wrong.
    """
    began = time.perf_counter()
    check_output(out, overwrite)
    work = work_of(detector, crew, on_progress)
    overview = look_over(expand(rasters), detector, options)
    run = identity(overview.identities, detector, options)
    share = shard.tiles(overview.tiles)
    work.report.tiles = len(share)
    work.tell(work.report.progress)
    noted = _noted(shard, overview, options)
    with Journal(shard.journal(out), run, shard=noted, restart=restart) as journal:
        work = replace(work, known=journal, note=journal.note)
        first = 0
        for number, path in enumerate(overview.paths):
            with open_survey(path, detector, options) as survey:
                here = range(share.start - first, share.stop - first)
                survey.gather(replace(work, layer=number), here)
                first += survey.tiles
        journal.keep()
    work.report.seconds = time.perf_counter() - began
    return work.report


def _noted(shard: Shard, overview: Overview, options: Options) -> dict[str, object]:
    """What merging needs to know beside what tells runs apart. Keys in URLs are not kept."""
    return {
        "number": shard.number,
        "of": shard.of,
        "folder": os.getcwd(),
        "rasters": [redacted(path) for path in overview.paths],
        "aoi": None if options.aoi is None else os.fspath(options.aoi),
    }
