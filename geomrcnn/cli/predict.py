"""`geomrcnn predict`: a raster in, a vector file out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from geomrcnn.cli.bands import band_list
from geomrcnn.cli.outcome import counting_tiles, tell_of
from geomrcnn.cli.progress import Narrator, with_progress

if TYPE_CHECKING:
    from geomrcnn.inference.crew import Crew
    from geomrcnn.inference.shards import Shard
    from geomrcnn.raster.scaling import Method
    from geomrcnn.runtime import Detector
    from geomrcnn.runtime.load import Recipe

EXAMPLES = """
\b
Examples:
  geomrcnn predict ortho.tif --out fields.gpkg
  geomrcnn predict ortho.tif --out fields.geojson --min-score 0.7 --min-area 500
  geomrcnn predict multispectral.tif --out fields.gpkg --bands 3,2,1 --scale percentile
  geomrcnn predict ortho.tif --out fields.parquet --share-edges 4 --fill-holes 500
  geomrcnn predict town.tif --out roofs.gpkg --model roofs.zip --shape right-angles
  geomrcnn predict county.vrt --out parish.gpkg --aoi parish.geojson
  geomrcnn predict sheets/ --out county.gpkg
  geomrcnn predict 'sheets/*.tif' --out 'fields/{name}.gpkg'
  geomrcnn predict county.vrt --out county.gpkg --workers 4
  geomrcnn predict country.vrt --out country.parquet --scheduler tcp://10.0.0.1:8786
  geomrcnn predict country.vrt --out country.parquet --shard 17/200
  geomrcnn predict 'https://tiles.example/{z}/{x}/{y}.png' --out parish.gpkg --aoi parish.geojson
"""


SHAPES = ("right-angles", "right-angles-45", "any-angle", "circle", "rectangle", "wedge")
PARTS = ("keep", "split", "largest")
METHODS = ("minmax", "percentile", "statistics", "as-trained")
# As in vector.regularise, vector.outlines and raster.scaling, which --help has no time to import.


def class_shapes(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    """Read "circle", or "tank=circle", each time it is given."""
    shapes = {}
    for one in given:
        name, _, shape = one.rpartition("=")
        if shape not in SHAPES:
            raise click.BadParameter(
                f"no shape '{shape}': choose one of {', '.join(SHAPES)}", ctx, param
            )
        shapes[name or ANY_CLASS] = shape
    return shapes


def multiple_of_32(ctx: click.Context, param: click.Parameter, side: int | None) -> int | None:
    """Pass on a side that networks can take."""
    if side is not None and side % 32:
        raise click.BadParameter(f"{side} is not a multiple of 32", ctx, param)
    return side


def share(ctx: click.Context, param: click.Parameter, given: str | None) -> Shard | None:
    """Read "2/5"."""
    if given is None:
        return None
    from geomrcnn.inference.shards import parse_shard

    try:
        return parse_shard(given)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


ANY_CLASS = "*"

POSITIVE = click.FloatRange(0, min_open=True)
NOT_NEGATIVE = click.FloatRange(0)


@click.command(epilog=EXAMPLES)
@click.argument("rasters", nargs=-1, required=True, metavar="RASTER...")
@click.option("-o", "--out", required=True, metavar="FILE|TABLE",
              help="File to write: .gpkg, .parquet, .fgb, .geojson, .geojsonl, .shp, or a table: "
              "postgresql://user@host/database?table=name.")  # fmt: skip
@click.option("-m", "--model", default="fields", show_default=True, metavar="NAME|PATH",
              help="A shipped model, or a bundle file.")  # fmt: skip
@click.option("--min-score", type=click.FloatRange(0, 1), metavar="0..1",
              help="Leave out objects scored lower.  [default: the model's]")  # fmt: skip
@click.option("--min-area", type=NOT_NEGATIVE, default=0.0, metavar="M2",
              help="Leave out smaller objects, in square metres.  [default: 0]")  # fmt: skip
@click.option("--max-area", type=NOT_NEGATIVE, default=math.inf, metavar="M2",
              help="Leave out larger objects.  [default: none]")  # fmt: skip
@click.option("--fill-holes", type=NOT_NEGATIVE, default=0.0, metavar="M2",
              help="Fill holes smaller than this; inf fills all.  [default: 0]")  # fmt: skip
@click.option("--parts", type=click.Choice(PARTS), default="keep", show_default=True,
              help="What becomes of an object in several parts: one feature, a feature each, or "
              "the largest part.")  # fmt: skip
@click.option("--simplify", type=NOT_NEGATIVE, metavar="METRES",
              help="How far an outline may move to save vertices.  "
              "[default: a quarter of a pixel]")  # fmt: skip
@click.option("--shape", "shapes", multiple=True, callback=class_shapes, metavar="[CLASS=]SHAPE",
              help=f"Make outlines of a class, or of all, into shapes: {', '.join(SHAPES)}. "
              "An outline that does not nearly have the shape is kept, and its status says so. "
              "May be given again.")  # fmt: skip
@click.option("--shape-tolerance", type=POSITIVE, metavar="METRES",
              help="How far an outline may move for its shape.  "
              "[default: two and a half pixels]")  # fmt: skip
@click.option("--share-edges", type=NOT_NEGATIVE, metavar="METRES",
              help="Give neighbours closer than this one common edge, without slivers or "
              "overlaps. Holds all objects in memory.")  # fmt: skip
@click.option("--agreement", type=click.FloatRange(0, 1, min_open=True), default=0.5,
              show_default=True, metavar="0..1",
              help="How much of what two tiles see where they overlap must be the same (IoU) to "
              "be one object.")  # fmt: skip
@click.option("--aoi", metavar="FILE",
              help="Look only within the polygons of this vector file, in any CRS.")  # fmt: skip
@click.option("--bands", callback=band_list, metavar="LIST",
              help="Bands to show the model, in its order, by number or name: 3,2,1 or "
              "nir,red,green.  [default: by the names of the bands]")  # fmt: skip
@click.option("--scale", type=click.Choice(METHODS),
              help="Adapt the values of a raster to those the model was trained on: stretch each "
              "band between its extremes, its 2nd and 98th percentile, or two standard deviations "
              "either side of its mean; or take the values as they are, in another data type.  "
              "[default: refuse a raster of another data type]")  # fmt: skip
@click.option("--gsd", type=POSITIVE, metavar="METRES",
              help="Ground size of a pixel to resample to. A raster that is not georeferenced is "
              "taken to have it.  [default: the model's]")  # fmt: skip
@click.option("--tile", type=click.IntRange(min=32), callback=multiple_of_32, metavar="PIXELS",
              help="Side of the tiles, a multiple of 32.  [default: the model's]")  # fmt: skip
@click.option("--overlap", type=click.IntRange(min=0), metavar="PIXELS",
              help="What neighbouring tiles share.  [default: the model's]")  # fmt: skip
@click.option("--coarse", is_flag=True,
              help="Look a second time, with pixels four times as large, for objects longer than a "
              "tile that come out in pieces.")  # fmt: skip
@click.option("--runtime", type=click.Choice(["auto", "openvino", "tensorflow"]), default="auto",
              show_default=True, help="What runs the network.")  # fmt: skip
@click.option("--precision", type=click.Choice(["auto", "fp32", "int8"]), default="auto",
              show_default=True, help="What the network computes in: int8 is faster on newer "
              "processors; auto takes it there, if the model has it and loses little by "
              "it.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), metavar="N",
              help="Look with N processes, which share the cores of this machine (extra "
              "dask).  [default: in this process]")  # fmt: skip
@click.option("--scheduler", metavar="ADDRESS|FILE",
              help="Look with the workers of a Dask cluster: the address of its scheduler, such as "
              "tcp://host:8786, or the file that it has written (extra dask).")  # fmt: skip
@click.option("--shard", callback=share, metavar="I/N",
              help="Look only at the I-th of N equal shares of all tiles, and write no output but "
              "OUT.I-of-N.journal, for `geomrcnn merge`.")  # fmt: skip
@click.option("--strict", is_flag=True,
              help="End at a part of the raster that cannot be read, instead of passing over it "
              "and telling.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@click.option("--restart", is_flag=True,
              help="Begin anew where a run was broken off, instead of going on.")  # fmt: skip
@with_progress
def predict(
    narrator: Narrator,
    rasters: tuple[str, ...],
    out: str,
    model: str,
    min_score: float | None,
    min_area: float,
    max_area: float,
    fill_holes: float,
    parts: str,
    simplify: float | None,
    shapes: dict[str, str],
    shape_tolerance: float | None,
    share_edges: float | None,
    agreement: float,
    aoi: str | None,
    bands: tuple[int | str, ...] | None,
    scale: Method | None,
    gsd: float | None,
    tile: int | None,
    overlap: int | None,
    coarse: bool,
    runtime: str,
    precision: str,
    workers: int | None,
    scheduler: str | None,
    shard: Shard | None,
    strict: bool,
    overwrite: bool,
    restart: bool,
) -> None:
    """Find the objects in rasters and write their outlines.

    RASTER is anything GDAL opens: a GeoTIFF, a VRT, a /vsi path, an URL; or the URL of a tile
    service with {z}, {x} and {y}, together with --aoi. It is resampled to the model's ground
    sample distance while it is read. A folder, a pattern, a .txt file with a raster a line, and
    STAC items in .json stand for all their rasters.

    Several rasters go into one output, in the CRS of the first, and what several of them show is
    one feature; or, with {name} in the output's name, into one each, but for those that are there.

    Each feature has a class, a score from 0 to 1 and its area on the ground in square metres, in
    the raster's own CRS (GeoJSON: WGS 84).

    What has been found lies beside the output, in OUT.journal, until the output is complete. If
    the command is broken off, the same command goes on from there.
    """
    if tile is not None and overlap is not None and overlap >= tile:
        raise click.UsageError(f"--overlap {overlap} must be less than --tile {tile}")
    if shapes and share_edges is not None:
        raise click.UsageError("--shape and --share-edges contradict each other: choose one")
    if min_area > max_area:
        raise click.UsageError(f"--min-area {min_area:g} is more than --max-area {max_area:g}")
    if workers is not None and scheduler is not None:
        raise click.UsageError("--workers and --scheduler contradict each other: choose one")
    if shard is not None and "{name}" in out:
        raise click.UsageError("--shard divides the tiles of one output: leave {name} out of --out")
    from geomrcnn.runtime.load import choose

    with counting_tiles(narrator) as on_progress:
        recipe = choose(model, runtime=runtime, precision=precision, tile=tile)
        detector = loaded(recipe)
        from geomrcnn.formats.writer import check_output, shown
        from geomrcnn.inference.journal import journal_of
        from geomrcnn.inference.options import Options
        from geomrcnn.inference.predict import NAME, predict_each, predict_to_file
        from geomrcnn.inference.shards import predict_shard

        options = Options(
            min_score=min_score, tile=tile, overlap=overlap, bands=bands, scale=scale, gsd=gsd,
            aoi=aoi, agreement=agreement, simplify=simplify, shapes=shapes,
            shape_tolerance=shape_tolerance, share_edges=share_edges, fill_holes=fill_holes,
            parts=parts, min_area=min_area, max_area=max_area, coarse=coarse, strict=strict,
        )  # fmt: skip
        if NAME not in out:
            check_output(out, overwrite)
        try:
            with hired(workers, scheduler, recipe, detector.digest) as crew:
                how: dict[str, Any] = {
                    "overwrite": overwrite, "restart": restart, "crew": crew,
                    "on_progress": on_progress,
                }  # fmt: skip
                if shard is not None:
                    report = predict_shard(rasters, out, detector, options, shard, **how)
                    reports = {str(shard.journal(out)): report}
                elif NAME in out:
                    reports = predict_each(rasters, out, detector, options, **how)
                else:
                    reports = {out: predict_to_file(rasters, out, detector, options, **how)}
        except KeyboardInterrupt:
            journal = journal_of(out) if shard is None else shard.journal(out)
            if NAME in out or journal.exists():
                click.echo("What was found is kept; the same command goes on from there.", err=True)
            raise
    for one, report in reports.items():
        tell_of(narrator, one if shard else shown(one), report, shard)


def loaded(recipe: Recipe) -> Detector:
    """The detector; meanwhile what takes as long to be imported is imported."""
    aside = ThreadPoolExecutor(1)
    try:
        loading = aside.submit(recipe.load)
        import geomrcnn.formats.writer
        import geomrcnn.inference.predict  # noqa: F401

        return loading.result()
    finally:
        aside.shutdown(wait=False)  # nobody who interrupts wants to wait for it


@contextmanager
def hired(
    workers: int | None, scheduler: str | None, recipe: Recipe, digest: str
) -> Iterator[Crew | None]:
    """Other processes to look, if they are wanted."""
    if workers is None and scheduler is None:
        yield None
        return
    from geomrcnn.inference.cluster import crew_at, local_crew

    if workers is not None:
        with local_crew(workers, recipe, digest) as crew:
            yield crew
    elif scheduler is not None:
        with crew_at(scheduler, recipe, digest) as crew:
            yield crew
