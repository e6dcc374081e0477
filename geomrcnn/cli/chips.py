"""`geomrcnn chips`: from rasters and a polygon layer to tiles with labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from geomrcnn.cli.bands import band_numbers
from geomrcnn.cli.progress import Narrator, with_progress

EXAMPLES = """
\b
Examples:
  geomrcnn chips ortho.tif --labels fields.gpkg --out chips --gsd 1
  geomrcnn chips a.tif b.tif --labels roofs.geojson --class-attribute use --aoi done.gpkg \\
      --out chips --gsd 0.3 --tile 1024
  geomrcnn chips a.tif b.tif --labels a.geojson --labels b.geojson --out chips --gsd 0.3
  geomrcnn train chips --val chips/val --out runs/mine --gsd 1
"""


@click.command("chips", epilog=EXAMPLES)
@click.argument("rasters", metavar="RASTER...", nargs=-1, required=True)
@click.option("--labels", multiple=True, required=True, metavar="FILE",
              help="Polygons in any CRS, any format of GDAL. May be given again.")  # fmt: skip
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), metavar="DIR",
              help="Folder to make.")  # fmt: skip
@click.option("--class-attribute", metavar="NAME",
              help="Attribute that names the class.  [default: 'class', or else all labels are "
              "of one class]")  # fmt: skip
@click.option("--classes", metavar="LIST",
              help="Names of the classes, in order: field,pond. One name is what labels without "
              "an attribute are called.  [default: those that occur]")  # fmt: skip
@click.option("--aoi", metavar="FILE",
              help="Polygons in which labels are complete; the rest is left out.")  # fmt: skip
@click.option("--tile", default=512, show_default=True, type=click.IntRange(32, 8192),
              metavar="PIXELS", help="Side of a chip.")  # fmt: skip
@click.option("--overlap", default=0, show_default=True, type=click.IntRange(0), metavar="PIXELS",
              help="What neighbouring chips of a block share at least.")  # fmt: skip
@click.option("--gsd", type=click.FloatRange(0, min_open=True), metavar="METRES",
              help="Ground size of a pixel to resample to.  [default: its own]")  # fmt: skip
@click.option("--bands", callback=band_numbers, metavar="LIST",
              help="Bands to keep, in this order: 4,3,2.  [default: all but alpha]")  # fmt: skip
@click.option("--negatives", default=0.2, show_default=True, metavar="0..1",
              type=click.FloatRange(0, 1, max_open=True),
              help="Share of chips that show no object.")  # fmt: skip
@click.option("--min-visible", default=0.2, show_default=True, type=click.FloatRange(0, 1),
              metavar="0..1",
              help="Share of an object that a chip must show; of what shows less, it is neither "
              "learnt that it is one nor that it is none.")  # fmt: skip
@click.option("--split", nargs=3, type=click.FloatRange(0), default=(0.8, 0.1, 0.1),
              show_default=True, metavar="TRAIN VAL TEST",
              help="Shares of the objects in each part.")  # fmt: skip
@click.option("--block", type=click.IntRange(1), metavar="TILES",
              help="Side of the blocks of ground that go to one part.  [default: 1 to 4, by the "
              "number of labels; the whole raster where there is one part only]")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), metavar="NUMBER",
              help="Another number, another split and other negatives.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a folder of chips.")
@with_progress
def chips(
    narrator: Narrator,
    rasters: tuple[str, ...],
    labels: tuple[str, ...],
    out: Path,
    class_attribute: str | None,
    classes: str | None,
    aoi: str | None,
    tile: int,
    overlap: int,
    gsd: float | None,
    bands: tuple[int, ...] | None,
    negatives: float,
    min_visible: float,
    split: tuple[float, float, float],
    block: int | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Cut RASTERs and labels into tiles to train on.

    Writes DIR/train, DIR/val and DIR/test, each with georeferenced images and a coco.json, and
    DIR/chips.json, which says what was done. Rasters and labels may have any mix of CRSs. The
    parts are kept apart by blocks of ground: no pixel is in two of them.
    """
    from geomrcnn.data.chips import check_chips, write_chips
    from geomrcnn.data.cutting import Cutting
    from geomrcnn.data.rasters import cut_rasters

    check_chips(out, overwrite)
    cutting = Cutting(tile, overlap, negatives, min_visible, split, block, seed)
    with narrator.counting("Looking", "windows") as count:
        made = cut_rasters(
            rasters,
            labels,
            gsd=gsd,
            bands=bands,
            attribute=class_attribute,
            classes=_names(classes),
            aoi=aoi,
            cutting=cutting,
            on_window=count,
        )
    for line in made.lines():
        narrator.say(line)
    options = {name: value for name, value in click.get_current_context().params.items()
               if name not in ("out", "overwrite")}  # fmt: skip
    total, done = len(made.cut.chips), 0
    with narrator.counting("Writing", "chips") as count:

        def on_chip() -> None:
            nonlocal done
            done += 1
            count(done, total)

        counts = write_chips(
            made, out, gsd=gsd, options=options, overwrite=overwrite, on_chip=on_chip
        )
    lines = [f"{out / name}: {_in_words(found)}" for name, found in counts.items()]
    narrator.done(*lines, out=str(out), classes=list(made.labels.classes), counts=counts)


def _names(listed: str | None) -> tuple[str, ...] | None:
    """Read "field,pond"."""
    return tuple(name.strip() for name in listed.split(",")) if listed else None


def _in_words(counts: dict[str, Any]) -> str:
    """One split's counts."""
    objects = ", ".join(f"{number} {name}" for name, number in counts["objects"].items())
    return (
        f"{counts['images']} chips ({counts['negatives']} without objects), {objects}, "
        f"{counts['crowds']} fragments to ignore"
    )
