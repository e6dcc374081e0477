"""The journals of all shards, made into the output that one process would have written."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from geomrcnn.bundle.card import ModelCard
from geomrcnn.errors import ModelError, OutputError
from geomrcnn.formats.writer import check_output, write_features
from geomrcnn.inference.entries import FORMAT
from geomrcnn.inference.journal import as_json, differing
from geomrcnn.inference.looking import Looked
from geomrcnn.inference.opening import Opening
from geomrcnn.inference.options import Options, Progress, Report
from geomrcnn.inference.overview import look_over
from geomrcnn.inference.provenance import identity, provenance
from geomrcnn.inference.rasters import features_of
from geomrcnn.inference.shard_journals import Shards
from geomrcnn.inference.survey import Work, ignore
from geomrcnn.raster.grid import Cell
from geomrcnn.raster.redaction import HIDDEN, redacted


@dataclass(frozen=True)
class KnownModel:
    """A model that has looked already; see `geomrcnn.runtime.Model`."""

    card: ModelCard
    digest: str
    description: str


def merge_shards(
    paths: Sequence[Path],
    out: str | os.PathLike[str],
    *,
    rasters: Sequence[str] = (),
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Write what one process would have written that had looked at all tiles.

    Rasters, options and the model's card are those in the journals; no model runs.

    Args:
        paths: The journals of all shards, in any order.
        out: File to write, in the format its suffix names.
        rasters: Those with keys in their addresses, which journals do not hold.
        overwrite: Whether `out` may replace a file.
        on_progress: Called before the first tile and after each.

    Raises:
        OutputError: the journals do not belong together, or are not whole, or a raster has
            changed since.
        RasterError, DataError: saying in one line what is wrong.
    """
    began = time.perf_counter()
    check_output(out, overwrite)
    with closing(Shards(paths)) as shards:
        model, options = _asked(shards)
        overview = look_over(_found_again(shards, rasters), model, options)
        now = as_json({"format": FORMAT, **identity(overview.identities, model, options)})
        if other := differing(now, shards.run):
            raise OutputError(
                f"{paths[0]}: was begun with other {other}; run all shards again with --restart"
            )
        shards.check(overview.tiles)
        work = Work(_absent, Report(device=model.description), on_progress or ignore, shards)
        write_features(
            features_of(overview, model, options, work),
            out,
            crs=overview.crs,
            overwrite=overwrite,
            provenance=provenance(overview.sources, model, options),
        )
    work.report.seconds = time.perf_counter() - began
    return work.report


def _asked(shards: Shards) -> tuple[KnownModel, Options]:
    """Who has looked, and how."""
    run = {key: json.loads(value) for key, value in shards.run.items()}
    card, digest = run["model"]
    try:
        model = KnownModel(ModelCard.from_dict(card), digest, run["runtime or precision"])
        return model, Options(**{**run["options"], "aoi": shards.noted["aoi"]})
    except (ModelError, TypeError) as error:
        raise OutputError(f"{shards.paths[0]}: is of another version of geomrcnn") from error


def _found_again(shards: Shards, given: Sequence[str]) -> list[str]:
    """The rasters of a run, by the names they were called.

    Raises:
        OutputError: a key is missing, or names are not meant from here.
    """
    whole = {redacted(path): path for path in given}
    paths = [whole.get(path, path) for path in shards.noted["rasters"]]
    for path in paths:
        if HIDDEN in path:
            raise OutputError(f"{path}: journals hold no keys; name it again with --raster")
    folder, aoi = shards.noted["folder"], shards.noted["aoi"]
    for path in (*paths, *([] if aoi is None else [aoi])):
        if not os.path.exists(path) and os.path.exists(os.path.join(folder, path)):
            raise OutputError(f"{path}: the shards were run in {folder}; merge them there")
    return paths


def _absent(
    cells: Iterable[Cell], opening: Opening, min_score: float, *, strict: bool
) -> Generator[Looked, None, None]:
    """Nobody looks any more."""
    return (_missing(cell) for cell in cells)


def _missing(cell: Cell) -> Looked:
    raise OutputError(f"no journal has the tile in row {cell.row}, column {cell.column}")
