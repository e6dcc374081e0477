"""PostGIS: a table of a database, named by an URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import pyarrow as pa
import shapely

from geomrcnn.errors import MissingExtraError, OutputError
from geomrcnn.formats.provenance import Provenance
from geomrcnn.formats.schema import FeatureTable, multipolygons

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

SCHEMES = ("postgresql://", "postgres://")

_TYPES = {
    pa.string(): "text",
    pa.float64(): "double precision",
    pa.float32(): "real",
    pa.int64(): "bigint",
    pa.int32(): "integer",
    pa.int16(): "smallint",
    pa.bool_(): "boolean",
}


class Target(NamedTuple):
    """A table.

    Attributes:
        url: Of the database, as libpq reads it; may hold a password.
        schema: None for the first of the search path.
        table: Its name.
        shown: The URL for people, without the password.
    """

    url: str
    schema: str | None
    table: str
    shown: str

    def name(self, table: str | None = None) -> sql.Identifier:
        """The table, or another of its schema, for a statement."""
        from psycopg import sql

        parts = [self.schema] if self.schema else []
        return sql.Identifier(*parts, table or self.table)

    @property
    def partial(self) -> str:
        """Name of the table that is written to until all is there."""
        return f".{self.table}.partial"


def is_database(path: str) -> bool:
    """Whether an output is a database and no file."""
    return path.startswith(SCHEMES)


def parse_url(url: str) -> Target:
    """Take an URL such as postgresql://user@host/database?table=schema.name apart.

    Raises:
        OutputError: if it names no table.
    """
    parts = urlsplit(url, allow_fragments=False)
    options = parse_qsl(parts.query, keep_blank_values=True)
    schema, _, table = dict(options).get("table", "").rpartition(".")
    login, at, host = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    shown = f"{parts.scheme}://{user}{colon and ':***'}{at}{host}{parts.path}"
    if not table:
        raise OutputError(f"{shown}: name the table, as in {shown}?table=fields")
    rest = urlencode([(key, value) for key, value in options if key != "table"], quote_via=quote)
    where = f"{schema}.{table}" if schema else table
    # `urlunsplit` would drop the slashes before an empty host.
    database = f"{parts.scheme}://{parts.netloc}{parts.path}?{rest}"
    return Target(database, schema or None, table, f"{shown}?table={where}")


def check(url: str, overwrite: bool) -> None:
    """Find out now, not after hours of work, whether a table can be written.

    Raises:
        OutputError: if the server does not let us, has no PostGIS, or has something of that name
            that is no table, or is one and `overwrite` is False.
        MissingExtraError: if the driver is not installed.
    """
    target = parse_url(url)
    with _connected(target) as connection:
        _check(connection, target, overwrite)


def write(table: FeatureTable, url: str, provenance: Provenance | None, overwrite: bool) -> None:
    """Write features to a new table, which takes its name, and its old place, when all is there.

    Raises:
        OutputError: as `check`; or if PostGIS does not know the CRS, or a column's type; or
            if the server refuses, in its words.
        MissingExtraError: if the driver is not installed.
        BaseException: whatever `table.batches` raises, unchanged.
    """
    target = parse_url(url)
    with _connected(target) as connection:
        import psycopg
        from psycopg import sql

        _check(connection, target, overwrite)
        srid = _srid(connection, table, target)
        drop = sql.SQL("DROP TABLE IF EXISTS {}").format(target.name(target.partial))
        try:
            connection.execute(drop)
            connection.execute(_create(table.schema, target, srid))
            for first, attributes, geometry in _counted(table):
                _copy(connection, target, srid, first, attributes, geometry)
            _finish(connection, target, provenance, overwrite)
        except BaseException:
            with suppress(psycopg.Error):  # of a connection that is lost
                connection.execute(drop)
            raise


def read_provenance(url: str) -> str | None:
    """The table's comment.

    Raises:
        OutputError: if the server does not let us.
        MissingExtraError: if the driver is not installed.
    """
    target = parse_url(url)
    with _connected(target) as connection:
        row = connection.execute(
            "SELECT obj_description(to_regclass(%s), 'pg_class')",
            [target.name().as_string(connection)],
        ).fetchone()
    return row[0] if row else None


@contextmanager
def _connected(target: Target) -> Iterator[Connection]:
    """Every statement is a transaction of its own, but for those that are told otherwise."""
    try:
        import psycopg
    except ImportError as error:
        raise MissingExtraError("postgis", "writing to PostGIS") from error
    try:
        with psycopg.connect(target.url, autocommit=True) as connection:
            yield connection
    except psycopg.Error as error:
        reason = _without_password((str(error) or type(error).__name__).splitlines()[0], target)
        raise OutputError(f"{target.shown}: {reason}") from None


def _without_password(text: str, target: Target) -> str:
    login, _, _ = urlsplit(target.url).netloc.rpartition("@")
    _, _, password = login.partition(":")
    for secret in filter(None, {password, unquote(password)}):
        text = text.replace(secret, "***")
    return text


def _check(connection: Connection, target: Target, overwrite: bool) -> None:
    if not _value(connection, "SELECT 1 FROM pg_extension WHERE extname = 'postgis'"):
        raise OutputError(
            f"{target.shown}: the database has no PostGIS; let its owner run "
            "CREATE EXTENSION postgis"
        )
    schema = target.schema or _value(connection, "SELECT current_schema()")
    if not _value(connection, "SELECT 1 FROM pg_namespace WHERE nspname = %s", schema):
        raise OutputError(f"{target.shown}: there is no schema {schema}; make it first")
    if not _value(connection, "SELECT has_schema_privilege(%s, 'CREATE')", schema):
        raise OutputError(f"{target.shown}: no permission to create tables in schema {schema}")
    kind = _value(
        connection,
        "SELECT relkind::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relname = %s",
        schema,
        target.table,
    )
    if kind not in (None, "r"):
        raise OutputError(f"{target.shown}: is no plain table; name another")
    if kind and not overwrite:
        raise OutputError(f"{target.shown}: exists already; say --overwrite to replace it")


def _value(connection: Connection, query: str, *values: object) -> Any:
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None


def _srid(connection: Connection, table: FeatureTable, target: Target) -> int:
    """PostGIS' number of the CRS; 0 is for pixels."""
    if table.crs is None:
        return 0
    code = table.crs.to_epsg()
    if not code or not _value(connection, "SELECT 1 FROM spatial_ref_sys WHERE srid = %s", code):
        raise OutputError(
            f"{target.shown}: PostGIS knows no number for the CRS {table.crs.name}; "
            "write a file, or give the raster a CRS of EPSG's"
        )
    return int(code)


def _create(schema: pa.Schema, target: Target, srid: int) -> sql.Composed:
    from psycopg import sql

    if unknown := [field for field in schema if field.type not in _TYPES]:
        raise OutputError(f"column '{unknown[0].name}' of {unknown[0].type} cannot go to PostGIS")
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(_TYPES[field.type]))
        for field in schema
    ]
    return sql.SQL("CREATE TABLE {} (fid bigint, {}, geom geometry(MultiPolygon, {}))").format(
        target.name(target.partial), sql.SQL(", ").join(columns), sql.Literal(srid)
    )


def _counted(table: FeatureTable) -> Iterator[tuple[int, pa.RecordBatch, Any]]:
    """Batches with the number of their first row, from 1."""
    first = 1
    for attributes, geometry in table.batches:
        yield first, attributes, geometry
        first += len(geometry)


def _copy(
    connection: Connection,
    target: Target,
    srid: int,
    first: int,
    attributes: pa.RecordBatch,
    geometry: Any,
) -> None:
    from psycopg import sql

    shapes = shapely.set_srid(multipolygons(geometry), srid)
    wkb = shapely.to_wkb(shapes, hex=True, include_srid=True)
    columns = [column.to_pylist() for column in attributes.columns]
    statement = sql.SQL("COPY {} FROM STDIN").format(target.name(target.partial))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in zip(count(first), *columns, wkb):
            copy.write_row(row)


def _finish(
    connection: Connection,
    target: Target,
    provenance: Provenance | None,
    overwrite: bool,
) -> None:
    """Put the new table in the place of the old one, in one transaction."""
    from psycopg import sql

    name, partial = target.name(), target.name(target.partial)
    with connection.transaction():
        if overwrite:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
        statements = [
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(partial, sql.Identifier(target.table)),
            sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (fid)").format(name),
            sql.SQL("CREATE INDEX ON {} USING gist (geom)").format(name),
        ]
        if provenance is not None:
            text = sql.Literal(provenance.to_json())
            statements.append(sql.SQL("COMMENT ON TABLE {} IS {}").format(name, text))
        for statement in statements:
            connection.execute(statement)
