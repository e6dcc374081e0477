"""geomrcnn weights: from another project's weights to a model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geomrcnn.cli.main import LazyGroup, Verb
from geomrcnn.errors import DataError

if TYPE_CHECKING:
    from geomrcnn.network.weights.assign import Report


HELP = """Read the weights of other projects.

The files that `geomrcnn train --init coco` and `--init imagenet` need are downloaded once and
kept in ~/.cache/geomrcnn (macOS: ~/Library/Caches/geomrcnn, Windows: %LOCALAPPDATA%\\geomrcnn)
or in $GEOMRCNN_CACHE. Without a connection, put them there by hand. $GEOMRCNN_MIRROR is the URL
of a folder to fetch them from instead.

\b
Examples:
  geomrcnn weights import mask_rcnn_coco.h5 --out coco.zip
  geomrcnn train farmland --init mask_rcnn_coco.h5 --out runs/farmland --gsd 2
"""

VERBS = {"import": Verb("geomrcnn.cli.weights:import_", "Make a model file of such weights.")}

weights = LazyGroup("weights", VERBS, HELP)


@click.command(
    "import",
    epilog="""\b
Examples:
  geomrcnn weights import mask_rcnn_coco.h5 --out coco.zip
  geomrcnn weights import mask_rcnn_nucleus_0040.h5 --out nuclei.zip \\
      --classes names.txt --anchor-sizes 8 16 32 64 128
  geomrcnn weights import maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth --out coco.zip --gsd 0.05
""",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Bundle to write, .zip."
)
@click.option(
    "--classes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Text file with the names of the classes, one a line, background left out. Default: "
    "COCO's where there are 80, or torchvision's 90.",
)
@click.option(
    "--gsd",
    type=click.FloatRange(min=0, min_open=True),
    help="Metres a pixel that imagery is brought to. Default: 0.1, for photographs have none.",
)
@click.option(
    "--anchor-sizes",
    nargs=5,
    type=click.FloatRange(min=0, min_open=True),
    help="Those it was trained with, if not 32 64 128 256 512: the file does not say.",
)
@click.option(
    "--epsilon",
    type=click.FloatRange(min=0),
    help="Of the batch norms of a torchvision backbone. Default: 0 for the published file "
    "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth; give 0 for a file trained on from it. Else 1e-5.",
)
@click.option(
    "--card",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON with fields of the model card, as for `geomrcnn bundle`.",
)
@click.option("--names", is_flag=True, help="Name every weight that is not used or not there.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def import_(
    file: Path,
    out: Path,
    classes: Path | None,
    gsd: float | None,
    anchor_sizes: tuple[float, ...] | None,
    epsilon: float | None,
    card: Path | None,
    names: bool,
    overwrite: bool,
) -> None:
    """Make a model file of the weights in FILE.

    FILE is a .h5 of matterport's Mask R-CNN (ResNet-50 or -101), or a .pth of torchvision's
    maskrcnn_resnet50_fpn or maskrcnn_resnet50_fpn_v2, of any number of classes. It is read without
    PyTorch, and nothing in it is run. The model computes as that project does.
    """
    if out.exists() and not overwrite:
        raise DataError(f"{out}: exists already; add --overwrite to replace it")
    try:
        fields: dict[str, Any] = json.loads(card.read_text()) if card else {}
    except ValueError as error:
        raise DataError(f"{card}: not JSON ({error})") from error
    if gsd is not None:
        fields["gsd"] = gsd
    from geomrcnn.network.quiet import import_tensorflow

    import_tensorflow()
    from geomrcnn.bundle.importing import import_weights

    def tell(report: Report) -> None:
        for line in report.lines(shown=None) if names else report.lines():
            click.echo(line)

    made = import_weights(
        file,
        out,
        classes=_lines(classes) if classes else None,
        card=fields,
        changes={"anchor_sizes": anchor_sizes} if anchor_sizes else {},
        batch_norm_epsilon=epsilon,
        tell=tell,
    )
    size = out.stat().st_size / 1e6
    click.echo(f"{out}: model '{made.name}', {size:.1f} MB, {len(made.classes)} classes")


def _lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]
