"""`geomrcnn preview`: polygons drawn over their raster."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("raster")
@click.argument("features")
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="PNG to write.")
@click.option(
    "--max-side",
    type=click.IntRange(min=1),
    default=1600,
    show_default=True,
    help="Pixels of the picture's longer side at most.",
)
@click.option("--overwrite", is_flag=True, help="Replace the PNG if it exists.")
def preview(raster: str, features: str, out: Path, max_side: int, overwrite: bool) -> None:
    """Draw FEATURES over RASTER as a PNG.

    RASTER is any raster GDAL opens: a file, a VRT, an URL. FEATURES is any vector file with
    polygons, in any CRS; the column "class", if there is one, gives the colours.

    \b
    Examples:
      geomrcnn preview ortho.tif fields.gpkg --out preview.png
      geomrcnn preview ortho.tif labels.geojson --out labels.png --max-side 4000
    """
    from geomrcnn.formats.destination import check_destination
    from geomrcnn.formats.reader import read_features
    from geomrcnn.visualize.outlines import draw_outlines

    check_destination(out, overwrite)
    frame = read_features(features)
    draw_outlines(raster, frame, out, max_side=max_side, overwrite=overwrite)
    click.echo(f"{out}: {len(frame)} features")
