"""`geomrcnn sample`: synthetic farmland to try things on, or to train with."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """
\b
Examples:
  geomrcnn sample demo
  geomrcnn sample demo --size 4096 --gsd 0.6 --seed 7
  geomrcnn sample training --scenes 200 --size 512
  geomrcnn sample sentinel --scenes 40 --gsd 10 --bands 12 --dtype uint16
  geomrcnn sample infrared --scenes 40 --gsd 2 --bands 4 --look alike
"""


@click.command("sample", epilog=EXAMPLES)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--size", default=1024, show_default=True, type=click.IntRange(64, 8192),
              help="Width and height of a scene in pixels.")  # fmt: skip
@click.option("--scenes", default=1, show_default=True, type=click.IntRange(1, 10000),
              help="How many scenes; two or more make a training set.")  # fmt: skip
@click.option("--gsd", default=1.0, show_default=True, type=click.FloatRange(0.2, 10.0),
              help="Metres on the ground per pixel.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0),
              help="Another number, another landscape.")  # fmt: skip
@click.option("--bands", default="3", show_default=True, type=click.Choice(["3", "4", "12"]),
              help="Red, green and blue; with near infrared as the fourth; or the twelve of "
              "Sentinel-2.")  # fmt: skip
@click.option("--dtype", default="uint8", show_default=True,
              type=click.Choice(["uint8", "uint16"]),
              help="Bytes, or reflectances times 10,000.")  # fmt: skip
@click.option("--look", default="natural", show_default=True,
              type=click.Choice(["natural", "alike"]),
              help="alike: crops have the green of the meadows around them, and only the infrared "
              "tells them apart.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Write into a folder that holds files already.")
def sample(
    folder: Path,
    size: int,
    scenes: int,
    gsd: float,
    seed: int,
    bands: str,
    dtype: str,
    look: str,
    overwrite: bool,
) -> None:
    """Draw farmland with labelled fields into DIR.

    One scene becomes DIR/ortho.tif with its field outlines in DIR/labels.gpkg. Several become
    a training set: DIR/images/scene_0000.tif, ..., and DIR/coco.json.
    """
    from geomrcnn.data.landscape import Survey, write

    survey = Survey(int(bands), dtype, look)

    if scenes == 1:
        written = write.write_example(folder, size, gsd, seed, overwrite, survey)
    else:
        with click.progressbar(length=scenes, label="Drawing scenes") as bar:
            written = write.write_dataset(
                folder, scenes, size, gsd, seed, overwrite, lambda done: bar.update(1), survey
            )
    for path in written:
        click.echo(f"Wrote {path}")
