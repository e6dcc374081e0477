"""`geomrcnn evaluate`: how good polygons are, or a model, or the seams."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geomrcnn.cli.bands import band_numbers
from geomrcnn.cli.evaluate_outputs import Outputs
from geomrcnn.cli.predict import METHODS, multiple_of_32
from geomrcnn.cli.progress import Narrator, with_progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from geomrcnn.evaluation.sizing import SizingDetector
    from geomrcnn.raster.scaling import Method

EXAMPLES = """
\b
Examples:
  geomrcnn evaluate --pred fields.gpkg --truth labels.geojson
  geomrcnn evaluate --pred fields.gpkg --truth labels.geojson --aoi surveyed.gpkg --json -
  geomrcnn evaluate --data chips/val --model runs/fields.zip --report fields.html
  geomrcnn evaluate --data labels.json --model fields --gsd 2 --plots plots
  geomrcnn evaluate --data ortho.tif --labels fields.gpkg --aoi surveyed.gpkg --model fields \\
      --rename object=field
  geomrcnn evaluate --seams --image ortho.tif --model fields
"""

POSITIVE = click.FloatRange(0, min_open=True)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(epilog=EXAMPLES)
@click.option("--pred", metavar="FILE", help="Layer of predicted polygons.")
@click.option("--truth", metavar="FILE",
              help="Layer of true polygons, in any CRS.  Seams: what both runs are held against.  "
              "[default: each other]")  # fmt: skip
@click.option("--aoi", metavar="FILE",
              help="Layers: score only within the polygons of this vector file.  Model: polygons "
              "in which --labels are complete.  Seams: look only within them.")  # fmt: skip
@click.option("--band", type=POSITIVE, metavar="METRES",
              help="Layers: width of the strip along outlines for boundary IoU.  [default: 5 % of "
              "the side of a square as large as the median true object]")  # fmt: skip
@click.option("--data", multiple=True, metavar="PATH",
              help="Labelled images, in any form that train reads; of chips, the part called "
              "test, or else val. May be given again.")  # fmt: skip
@click.option("--labels", multiple=True, metavar="FILE",
              help="Model: polygons of what is in --data, which are rasters then. May be given "
              "again.")  # fmt: skip
@click.option("--class-attribute", metavar="NAME",
              help="Model: attribute of --labels, or seams: of --truth, that names the class.  "
              "[default: 'class', or else all are called 'object']")  # fmt: skip
@click.option("--rename", "renamed", multiple=True, metavar="OLD=NEW",
              help="Model: call a class of the labels otherwise; OLD=ignore where it is neither "
              "right nor wrong to find it, OLD= where it is background.")  # fmt: skip
@click.option("--model", metavar="NAME|PATH", help="A shipped model, or a bundle file.")
@click.option("--gsd", type=POSITIVE, metavar="METRES",
              help="Model: ground size of a pixel to bring the images to.  "
              "[default: the model's]")  # fmt: skip
@click.option("--bands", callback=band_numbers, metavar="LIST",
              help="Model: bands to show it, in its order: 4,3,2.  [default: chosen by name, or "
              "else the first]")  # fmt: skip
@click.option("--runtime", type=click.Choice(["auto", "openvino", "tensorflow"]), default="auto",
              show_default=True, help="Model: what runs the network.")  # fmt: skip
@click.option("--precision", type=click.Choice(["auto", "fp32", "int8"]), default="auto",
              show_default=True, help="Model: what the network computes in: int8 is faster on "
              "newer processors; auto takes it there, if the model has it and loses little by "
              "it.")  # fmt: skip
@click.option("--min-score", type=click.FloatRange(0, 1), metavar="0..1",
              help="Layers: leave out predictions scored lower.  [default: none]  Model: from "
              "this score on detections count in precision and recall.  Seams: leave out objects "
              "scored lower.  [default: the model's]")  # fmt: skip
@click.option("--seams", is_flag=True,
              help="Measure what tiling costs: look twice, with other tiles.")  # fmt: skip
@click.option("--image", metavar="RASTER", help="Seams: anything GDAL opens.")
@click.option("--tile", type=click.IntRange(min=32), callback=multiple_of_32, metavar="PIXELS",
              help="Seams: side of tiles, a multiple of 32.  [default: the model's]")  # fmt: skip
@click.option("--overlap", type=click.IntRange(min=0), metavar="PIXELS",
              help="Seams: what neighbouring tiles share.  [default: the model's]")  # fmt: skip
@click.option("--scale", type=click.Choice(METHODS),
              help="Seams: adapt the values of the raster, as for predict.")  # fmt: skip
@click.option("--json", "json_file", type=FILE, metavar="FILE|-",
              help="Write all figures as JSON; - prints them in place of the tables.")  # fmt: skip
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path),
              help="Folder for the curves and charts as PNG files.")  # fmt: skip
@click.option("--report", type=FILE, help="HTML file with tables, charts and, of a model, the best "
              "and worst images.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@with_progress
def evaluate(
    narrator: Narrator,
    pred: str | None,
    truth: str | None,
    aoi: str | None,
    band: float | None,
    data: tuple[str, ...],
    labels: tuple[str, ...],
    class_attribute: str | None,
    renamed: tuple[str, ...],
    model: str | None,
    gsd: float | None,
    bands: tuple[int, ...] | None,
    runtime: str,
    precision: str,
    min_score: float | None,
    seams: bool,
    image: str | None,
    tile: int | None,
    overlap: int | None,
    scale: Method | None,
    json_file: Path | None,
    plots: Path | None,
    report: Path | None,
    overwrite: bool,
) -> None:
    """Compare two layers of polygons, or a model with labelled images.

    With --pred and --truth: the column "score" orders the predictions; where both layers have a
    column "class", only objects of one class match. With --data and --model: COCO's average
    precision and recall, best threshold, reliability of the scores. IoU is intersection over
    union; the area bias is 0.05 if matched outlines are 5 % too large.

    With --seams: the objects in --image are found twice, the second time with tiles midway between
    those of the first. What tells of seams is how far the two agree, which objects are doubled, and
    which are split or missed where several tiles saw them, against those that one tile saw.
    """
    outputs = Outputs(json_file, plots, report, overwrite)
    of_seams = {"--image": image, "--tile": tile, "--overlap": overlap, "--scale": scale}
    of_data: dict[str, object] = {"--data": data, "--labels": labels, "--rename": renamed}
    if seams:
        if not (image and model):
            raise click.UsageError("--seams wants --image and --model")
        others = {"--pred": pred, "--band": band, "--plots": plots, "--report": report}
        _refuse("do not go with --seams", {**others, **of_data})
        if class_attribute and not truth:
            raise click.UsageError("--class-attribute goes with --truth")
        from geomrcnn.cli.evaluate_seams import evaluate_seams

        outputs.check()
        options = {"min_score": min_score, "tile": tile, "overlap": overlap, "bands": bands,
                   "scale": scale, "gsd": gsd, "aoi": aoi}  # fmt: skip
        evaluate_seams(
            narrator, image, model, runtime, precision, options, truth, class_attribute, outputs
        )
        return
    _refuse("go with --seams", of_seams)
    if pred and truth and not (data or model):
        of_data |= {"--gsd": gsd, "--bands": bands, "--class-attribute": class_attribute}
        _refuse("go with --data", of_data)
        outputs.check()
        _layers(narrator, pred, truth, aoi, band, min_score, outputs)
    elif data and model and not (pred or truth):
        if band:
            raise click.UsageError("--band goes with --pred and --truth")
        if not labels and (class_attribute or aoi):
            raise click.UsageError("--class-attribute and --aoi go with --labels")
        outputs.check()
        from geomrcnn.evaluation.sizing import SizingDetector

        opening = {"gsd": gsd, "bands": bands, "labels": labels, "attribute": class_attribute,
                   "aoi": aoi, "renamed": renamed}  # fmt: skip
        detector = SizingDetector(model, runtime, precision)
        _model(narrator, data, opening, detector, min_score, outputs)
    else:
        raise click.UsageError(
            "give either --pred and --truth, or --data and --model, or --seams with --image and "
            "--model"
        )


def _refuse(why: str, options: Mapping[str, object]) -> None:
    """Say that these options cannot be given here, if one of them is."""
    if any(value not in (None, ()) for value in options.values()):
        names = [*options]
        raise click.UsageError(f"{', '.join(names[:-1])} and {names[-1]} {why}")


def _layers(
    narrator: Narrator,
    pred: str,
    truth: str,
    aoi: str | None,
    band: float | None,
    min_score: float | None,
    outputs: Outputs,
) -> None:
    from geomrcnn.evaluation.polygons import compare_files, score_comparison
    from geomrcnn.evaluation.tables import polygon_table

    layers = compare_files(pred, truth, aoi=aoi, min_score=min_score)
    scores = score_comparison(layers, band)

    def plots() -> Mapping[str, Figure]:
        from geomrcnn.evaluation.report import layer_plots

        return layer_plots(layers)

    def report(path: Path) -> None:
        from geomrcnn.evaluation.report import write_layers_report

        title = f"{Path(pred).name} against {Path(truth).name}"
        write_layers_report(path, title, layers, scores)

    outputs.write(narrator, [polygon_table(scores)], dataclasses.asdict(scores), plots, report)


def _model(
    narrator: Narrator,
    data: Sequence[str],
    opening: Mapping[str, Any],
    detector: SizingDetector,
    min_score: float | None,
    outputs: Outputs,
) -> None:
    """Evaluate a model on data that is opened with these options of `open_for`."""
    from geomrcnn.evaluation.evaluation import evaluate_dataset
    from geomrcnn.evaluation.imagery import open_for
    from geomrcnn.evaluation.summary import summarise
    from geomrcnn.evaluation.tables import confusion_table, evaluation_tables

    dataset = open_for(detector.card, *data, **opening)
    with narrator.counting("Looking", "images") as on_image:
        evaluation = evaluate_dataset(detector, dataset, on_image=on_image)
    least = detector.card.min_score if min_score is None else min_score
    summary = summarise(evaluation, least)

    def plots() -> Mapping[str, Figure]:
        from geomrcnn.evaluation.report import evaluation_plots

        return evaluation_plots(evaluation, least)

    def report(path: Path) -> None:
        from geomrcnn.evaluation.report import write_report

        title = f"{detector.card.name} on {', '.join(Path(path).name for path in data)}"
        write_report(path, title=title, evaluation=evaluation, dataset=dataset, min_score=least)

    values = {
        "model": detector.card.name,
        "device": detector.description,
        "data": list(data),
        **summary,
    }
    tables = evaluation_tables(summary)
    if len(evaluation.classes) > 1:
        tables.append(confusion_table(summary))
    outputs.write(narrator, tables, values, plots, report)
