"""geomrcnn bundle: from a run directory to a model file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from geomrcnn.cli.progress import Narrator, with_progress
from geomrcnn.errors import DataError


@click.command(
    epilog="""\b
Examples:
  geomrcnn bundle runs/farmland --out farmland.zip
  geomrcnn bundle runs/fields --out fields.zip --card card.json --int8
  geomrcnn predict ortho.tif --out fields.gpkg --model fields.zip

\b
card.json, every field optional:
  {"name": "fields", "min_score": 0.6, "licence": "Apache-2.0",
   "description": "Crop fields at 2 m.", "training_data": ["..."], "metrics": {"AP50": 0.7}}
"""
)
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Bundle to write, .zip."
)
@click.option(
    "--card",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON with fields of the model card; see below.",
)
@click.option(
    "--weights",
    type=click.Choice(["best", "last"]),
    help="Those that scored best on --val, or the newest. Default: the best, if any were scored.",
)
@click.option(
    "--calibrate/--no-calibrate",
    default=True,
    show_default=True,
    help="Where the run has validation data: make scores probabilities, and choose the default "
    "score by the best F1.",
)
@click.option(
    "--int8",
    is_flag=True,
    help="Add a graph that computes in 8-bit integers, which newer processors run faster. It is "
    "fitted to tiles of the training images.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@with_progress
def bundle(
    narrator: Narrator,
    run: Path,
    out: Path,
    card: Path | None,
    weights: str | None,
    calibrate: bool,
    int8: bool,
    overwrite: bool,
) -> None:
    """Make a model file of the run directory RUN.

    The file carries the weights, the graph that runs without TensorFlow, and the model card.
    """
    if out.exists() and not overwrite:
        raise DataError(f"{out}: exists already; add --overwrite to replace it")
    try:
        fields = json.loads(card.read_text(encoding="utf-8")) if card else {}
    except ValueError as error:
        raise DataError(f"{card}: not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise DataError(f'{card}: must be a JSON object, such as {{"name": "fields"}}')
    from geomrcnn.network.quiet import import_tensorflow

    import_tensorflow()
    from geomrcnn.training.bundling import bundle_run

    with narrator.counting("Measuring", "images") as count:
        made = bundle_run(
            run, out, {"name": out.stem, **fields}, weights or "",
            calibrate=calibrate, int8=int8, say=narrator.say, on_image=count,
        )  # fmt: skip
    size = out.stat().st_size
    lines = [
        f"{out}: model '{made.name}', {size / 1e6:.1f} MB, classes {', '.join(made.classes)}, "
        f"score from {made.min_score:g}"
    ]
    if made.quantisation:
        lines.append(f"int8: {made.quantisation}")
    narrator.done(
        *lines,
        out=str(out), name=made.name, classes=list(made.classes), min_score=made.min_score,
        bytes=size,
    )  # fmt: skip
