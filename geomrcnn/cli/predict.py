"""`geomrcnn predict`: a raster in, a vector file out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geomrcnn.cli.progress import MODES, emit, json_lines, progress_bar, silence

if TYPE_CHECKING:
    from geomrcnn.inference.options import Report

EXAMPLES = """
\b
Examples:
  geomrcnn predict ortho.tif --out fields.gpkg
  geomrcnn predict ortho.tif --out fields.geojson --min-score 0.7 --min-area 500
  geomrcnn predict multispectral.tif --out fields.gpkg --bands 3,2,1
  geomrcnn predict county.vrt --out parish.gpkg --aoi parish.geojson
  geomrcnn predict ortho.tif --out roofs.gpkg --model roofs.zip
"""


def band_numbers(
    ctx: click.Context, param: click.Parameter, listed: str | None
) -> tuple[int, ...] | None:
    """Read "3,2,1"."""
    if listed is None:
        return None
    numbers = listed.split(",")
    if not all(number.strip().isdecimal() and int(number) > 0 for number in numbers):
        raise click.BadParameter(
            f"'{listed}' is not a list of band numbers from 1, such as 3,2,1", ctx, param
        )
    return tuple(int(number) for number in numbers)


def multiple_of_32(ctx: click.Context, param: click.Parameter, side: int | None) -> int | None:
    """Pass on a side that networks can take."""
    if side is not None and side % 32:
        raise click.BadParameter(f"{side} is not a multiple of 32", ctx, param)
    return side


UNREADABLE_TOLD = 5
"""Parts of the raster that could not be read, as many as are told one by one."""

POSITIVE = click.FloatRange(0, min_open=True)
NOT_NEGATIVE = click.FloatRange(0)


@click.command(epilog=EXAMPLES)
@click.argument("raster")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path),
              help="File to write: .gpkg or .geojson.")  # fmt: skip
@click.option("-m", "--model", default="fields", show_default=True, metavar="NAME|PATH",
              help="A shipped model, or a bundle file.")  # fmt: skip
@click.option("--min-score", type=click.FloatRange(0, 1), metavar="0..1",
              help="Leave out objects scored lower.  [default: the model's]")  # fmt: skip
@click.option("--min-area", type=NOT_NEGATIVE, default=0.0, metavar="M2",
              help="Leave out smaller objects, in square metres.  [default: 0]")  # fmt: skip
@click.option("--simplify", type=NOT_NEGATIVE, metavar="METRES",
              help="How far an outline may move to save vertices.  "
              "[default: a quarter of a pixel]")  # fmt: skip
@click.option("--aoi", metavar="FILE",
              help="Look only within the polygons of this vector file, in any CRS.")  # fmt: skip
@click.option("--bands", callback=band_numbers, metavar="LIST",
              help="Bands to show the model, in its order: 3,2,1.  "
              "[default: by the names of the bands]")  # fmt: skip
@click.option("--gsd", type=POSITIVE, metavar="METRES",
              help="Ground size of a pixel to resample to. A raster that is not georeferenced is "
              "taken to have it.  [default: the model's]")  # fmt: skip
@click.option("--tile", type=click.IntRange(min=32), callback=multiple_of_32, metavar="PIXELS",
              help="Side of the tiles, a multiple of 32.  [default: the model's]")  # fmt: skip
@click.option("--overlap", type=click.IntRange(min=0), metavar="PIXELS",
              help="What neighbouring tiles share.  [default: the model's]")  # fmt: skip
@click.option("--runtime", type=click.Choice(["auto", "openvino", "tensorflow"]), default="auto",
              show_default=True, help="What runs the network.")  # fmt: skip
@click.option("--strict", is_flag=True,
              help="End at a part of the raster that cannot be read, instead of passing over it "
              "and telling.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@click.option("--restart", is_flag=True,
              help="Begin anew where a run was broken off, instead of going on.")  # fmt: skip
@click.option("--progress", type=click.Choice(MODES), default="auto", show_default=True,
              help="A bar if there is a terminal, or a JSON object a line on the standard "
              "output.")  # fmt: skip
def predict(
    raster: str,
    out: Path,
    model: str,
    min_score: float | None,
    min_area: float,
    simplify: float | None,
    aoi: str | None,
    bands: tuple[int, ...] | None,
    gsd: float | None,
    tile: int | None,
    overlap: int | None,
    runtime: str,
    strict: bool,
    overwrite: bool,
    restart: bool,
    progress: str,
) -> None:
    """Find the objects in RASTER and write their outlines.

    RASTER is anything GDAL opens: a GeoTIFF, a VRT, a /vsi path, an URL. It is resampled to the
    model's ground sample distance while it is read. Each feature has a class, a score from 0 to 1
    and its area on the ground in square metres, in the raster's own CRS (GeoJSON: WGS 84).

    What has been found lies beside the output, in OUT.journal, until the output is complete. If
    the command is broken off, the same command goes on from there.
    """
    if tile is not None and overlap is not None and overlap >= tile:
        raise click.UsageError(f"--overlap {overlap} must be less than --tile {tile}")
    from geomrcnn.formats.writer import check_output
    from geomrcnn.inference.journal import journal_of
    from geomrcnn.inference.options import Options
    from geomrcnn.inference.predict import predict_to_file
    from geomrcnn.runtime import load_detector

    options = Options(
        min_score=min_score, tile=tile, overlap=overlap, bands=bands, gsd=gsd, aoi=aoi,
        simplify=simplify, min_area=min_area, strict=strict,
    )  # fmt: skip
    narrator = {"auto": progress_bar, "jsonl": json_lines, "none": silence}[progress]
    with narrator() as on_progress:
        check_output(out, overwrite)
        detector = load_detector(model, runtime=runtime, tile=tile)
        try:
            report = predict_to_file(
                raster, out, detector, options,
                overwrite=overwrite, restart=restart, on_progress=on_progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            if (journal := journal_of(out)).exists():
                click.echo(f"{journal} holds what was found; the same command goes on", err=True)
            raise
    for problem in report.unreadable[:UNREADABLE_TOLD]:
        click.echo(f"Warning: passed over: {problem}", err=True)
    if progress == "jsonl":
        emit("done", **_facts(out, report))
    else:
        click.echo(_summary(out, report))


def _facts(out: Path, report: Report) -> dict[str, object]:
    return {
        "out": str(out),
        "objects": report.objects,
        "tiles": report.tiles,
        "processed": report.processed,
        "skipped": sum(report.skipped.values()),
        "skipped_because": dict(report.skipped),
        "resumed": report.resumed,
        "unreadable": report.unreadable,
        "seconds": round(report.seconds, 2),
        "device": report.device,
    }


def _summary(out: Path, report: Report) -> str:
    """One line on what was done, how fast and on what."""
    told = [f"{count} skipped as {why}" for why, count in sorted(report.skipped.items())]
    if report.resumed:
        told.append(f"{report.resumed} from the journal")
    aside = f" ({', '.join(told)})" if told else ""
    speed = (report.tiles - report.resumed) / max(report.seconds, 1e-9)
    return (
        f"{out}: {_count(report.objects, 'object')} in {_count(report.tiles, 'tile')}"
        f"{aside} in {report.seconds:.1f} s, {speed:.1f} tiles/s on {report.device}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
