"""Writing features in the format that the path's suffix names, or to a database."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from geopandas import GeoDataFrame

from geomrcnn.errors import DataError, OutputError
from geomrcnn.formats import postgis
from geomrcnn.formats.destination import check_destination, files_beside
from geomrcnn.formats.formats import companions, format_of, record_beside, style_beside
from geomrcnn.formats.provenance import Provenance, parse
from geomrcnn.formats.schema import FeatureTable, feature_table
from geomrcnn.formats.style import qml


def check_output(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Find out, before the work begins, whether features can be written to a path.

    Raises:
        OutputError: if no format has that suffix, the folder is missing or not writable, or the
            path is taken and `overwrite` is False; for a database, see `postgis.check`.
        MissingExtraError: if a driver is not installed.
    """
    target = os.fspath(path)
    if postgis.is_database(target):
        postgis.check(target, overwrite)
        return
    for file in (Path(target), *companions(Path(target))):
        check_destination(file, overwrite)


def write_features(
    features: GeoDataFrame | Iterable[GeoDataFrame],
    path: str | os.PathLike[str],
    *,
    crs: object = None,
    overwrite: bool = False,
    layer: str | None = None,
    provenance: Provenance | None = None,
) -> None:
    """Write features as a new file or table, which appears complete or not at all.

    Memory is bounded by the largest batch, whatever their number; only FlatGeobuf needs 100 MB
    more, and some 80 bytes for every feature.

    Args:
        features: Polygons with the columns of `geomrcnn.formats.schema.COLUMNS`, and any others:
            at once, or in batches that are asked for one after the other. The first batch decides
            on the columns.
        path: A file with an ending of `geomrcnn.formats.formats.FORMATS`, or
            postgresql://user@host/database?table=schema.name.
        crs: Of batches, if they do not say it themselves; anything pyproj reads.
        overwrite: Whether to replace what is there.
        layer: Name of the layer; the file's name by default. A table has its own.
        provenance: What made the features, to be kept with them. It also gives them a style for
            QGIS; a style that is beside the file already is left as it is.

    Raises:
        OutputError: if that is not possible, saying why.
        MissingExtraError: if a driver is not installed.
        BaseException: whatever the batches raise, unchanged.
    """
    target = os.fspath(path)
    check_output(target, overwrite)
    source = _Watched([features] if isinstance(features, GeoDataFrame) else features)
    try:
        table = feature_table(source, crs)
        if postgis.is_database(target):
            postgis.write(table, target, provenance, overwrite)
        else:
            _write_file(table, Path(target), layer or Path(target).stem, provenance)
    except BaseException:
        if source.error is not None:
            raise source.error from None
        raise


def shown(path: str | os.PathLike[str]) -> str:
    """An output as people may see it: of a database, without the password."""
    target = os.fspath(path)
    return postgis.parse_url(target).shown if postgis.is_database(target) else target


def read_provenance(path: str | os.PathLike[str]) -> Provenance | None:
    """What made the features of a file or table; None if it does not say.

    Raises:
        DataError: if it cannot be read.
        OutputError: if no format has that suffix, or a database does not answer.
        MissingExtraError: if a driver is not installed.
    """
    target = os.fspath(path)
    try:
        text = _record(target)
    except OSError as error:
        raise DataError(f"{target}: {error.strerror or error}") from error
    return None if text is None else parse(text)


class _Watched:
    """Batches, and what they raised: nothing that writing does may pass for it, or hide it."""

    def __init__(self, frames: Iterable[GeoDataFrame]) -> None:
        self.error: BaseException | None = None
        self._frames = frames

    def __iter__(self) -> Iterator[GeoDataFrame]:
        try:
            yield from self._frames
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise


def _write_file(table: FeatureTable, path: Path, layer: str, provenance: Provenance | None) -> None:
    form = format_of(path)
    with files_beside(path, companions(path)) as partial:
        try:
            form.write(table, partial, layer, provenance)
        except OutputError as error:
            raise OutputError(f"{path}: {error}") from error
        if provenance is None:
            return
        if form.read_provenance is None:
            record_beside(partial).write_text(provenance.to_json() + "\n", encoding="utf-8")
        if form.styled and not style_beside(path).exists():
            style_beside(partial).write_text(qml(provenance.classes), encoding="utf-8")


def _record(target: str) -> str | None:
    """The record of what made a file or table, as JSON."""
    if postgis.is_database(target):
        return postgis.read_provenance(target)
    path = Path(target)
    if read := format_of(path).read_provenance:
        return read(path)
    record = record_beside(path)
    return record.read_text(encoding="utf-8") if record.is_file() else None
