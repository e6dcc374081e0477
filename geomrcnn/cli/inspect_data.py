"""`geomrcnn inspect data`: what training data holds, and which network suits it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geomrcnn.cli.bands import band_numbers

if TYPE_CHECKING:
    from geomrcnn.data.inspection import Inspection

EXAMPLES = """
\b
Examples:
  geomrcnn inspect data chips --gsd 0.3
  geomrcnn inspect data farmland more/coco.json --gsd 2 --plot sizes.png --json sizes.json
  geomrcnn inspect data ortho.tif --labels fields.gpkg --gsd 1
"""


@click.command("data", epilog=EXAMPLES)
@click.argument("data", nargs=-1, required=True)
@click.option("--gsd", type=click.FloatRange(0, min_open=True), metavar="METRES",
              help="Metres a pixel that imagery is brought to.  [default: its own]")  # fmt: skip
@click.option("--bands", callback=band_numbers, metavar="LIST",
              help="Bands to look at: 4,3,2.  [default: all but alpha]")  # fmt: skip
@click.option("--labels", multiple=True, metavar="FILE",
              help="Polygons, where DATA are rasters.")  # fmt: skip
@click.option("--class-attribute", metavar="NAME",
              help="Attribute of the polygons that names the class.")  # fmt: skip
@click.option("--aoi", metavar="FILE", help="Polygons in which those are complete.")
@click.option("--tile", default=512, show_default=True, type=click.IntRange(64), metavar="PIXELS",
              help="Side of the tiles to be trained on.")  # fmt: skip
@click.option("--preset", default="light", show_default=True, help="Network to compare with.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Write all figures as JSON; - for the standard output.")  # fmt: skip
@click.option("--plot", type=click.Path(path_type=Path), metavar="PNG",
              help="Draw sizes, shapes, anchors and crowding.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
def data(
    data: tuple[str, ...],
    gsd: float | None,
    bands: tuple[int, ...] | None,
    labels: tuple[str, ...],
    class_attribute: str | None,
    aoi: str | None,
    tile: int,
    preset: str,
    json_file: Path | None,
    plot: Path | None,
    overwrite: bool,
) -> None:
    """Measure the objects in DATA against the anchors of a network.

    DATA is what `geomrcnn train` takes; of several, all objects count. An anchor is a box from
    which the network starts; recall is the share of objects that some anchor overlaps by an IoU
    of 0.5, or of 0.7.
    """
    from geomrcnn.cli.progress import Narrator
    from geomrcnn.data.cutting import Cutting
    from geomrcnn.data.dataset import ConcatDataset
    from geomrcnn.data.inspection import inspect, read_objects
    from geomrcnn.data.opening import open_data
    from geomrcnn.formats.destination import check_destination, written_beside
    from geomrcnn.network.config import MaskRCNNConfig

    MaskRCNNConfig.preset(preset)
    on_screen = str(json_file) == "-"
    for path in (None if on_screen else json_file, plot):
        if path is not None:
            check_destination(path, overwrite)
    if labels:
        cutting = Cutting(tile=tile, split=(1.0, 0.0, 0.0))
        sources = [open_data(data, gsd=gsd, bands=bands, labels=labels,
                             attribute=class_attribute, aoi=aoi, cutting=cutting)]  # fmt: skip
    else:
        sources = [open_data(path, gsd=gsd, bands=bands) for path in data]
    everything = ConcatDataset(sources)
    with Narrator().counting("Looking", "images") as count:
        objects = read_objects(everything, on_image=count)
    measured = inspect(everything, objects, tile, preset)
    figures = json.dumps(measured.to_dict(), indent=2)
    if on_screen:
        click.echo(figures)
    else:
        for source in sources:
            click.echo(source.report)
        click.echo(table(measured))
    if json_file is not None and not on_screen:
        with written_beside(json_file) as partial:
            partial.write_text(f"{figures}\n", encoding="utf-8")
    if plot is not None:
        from geomrcnn.visualize.object_sizes import draw_objects

        draw_objects(plot, objects, measured)


def table(measured: Inspection) -> str:
    """The figures, a line each, then what they suggest."""
    rows = [
        ("images", f"{measured.images}, {measured.negatives} of them without objects"),
        ("pixels", measured.pixels),
        *((f"objects: {name}", f"{number}") for name, number in measured.objects.items()),
        ("fragments, crowds", f"{measured.crowds}"),
        ("quantiles", "0.1, 0.25, 0.5, 0.75, 0.9"),
        ("side, pixels", _list(measured.side)),
    ]
    if measured.side_metres and measured.area_metres:
        rows.append(("side, m", _list(measured.side_metres)))
        rows.append(("area, m²", _list(measured.area_metres)))
    median, most, all_but = measured.a_tile[0], measured.a_tile[2], measured.a_tile[1]
    rows += [
        (f"in a tile of {measured.tile}", f"median {median}, 95 % {all_but}, most {most}"),
        *((f"band: {name}", f"mean {m:g}, deviation {s:g}, {low:g} to {high:g}")
          for name, (m, s, low, high) in measured.bands.items()),
        ("anchors", "recall at IoU 0.5, 0.7"),
        (f"  {measured.preset}", _list(measured.preset_recall)),
        ("  suggested", f"{_list(measured.anchor_recall)} with sizes "
                        f"{_list(measured.anchors.anchor_sizes)}, ratios "
                        f"{_list(measured.anchors.anchor_ratios)}"),
    ]  # fmt: skip
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    if measured.suggested_gsd is not None:
        lines.append(f"coarsest GSD that shows nine of ten well: {measured.suggested_gsd:g} m")
    for name, value in measured.suggestions.items():
        lines.append(f"suggested: --set {name}={json.dumps(value, separators=(',', ':'))}")
    return "\n".join([*lines, *(f"warning: {warning}" for warning in measured.warnings)])


def _list(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.3g}" if value < 100 else f"{value:.0f}" for value in values)
