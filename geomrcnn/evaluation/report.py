"""Reports: what a training run, an evaluation or a model card comes to, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.figure import Figure

from geomrcnn.bundle.card import ModelCard
from geomrcnn.data.dataset import Dataset
from geomrcnn.errors import DataError
from geomrcnn.evaluation.calibration import reliability
from geomrcnn.evaluation.confusion import BACKGROUND, confusion_matrix
from geomrcnn.evaluation.curves import Threshold, best_threshold, precision_recall, reached_at
from geomrcnn.evaluation.evaluation import Evaluation
from geomrcnn.evaluation.gallery import Picture, best_and_worst
from geomrcnn.evaluation.matching import Verdicts
from geomrcnn.evaluation.page import Section, write_page
from geomrcnn.evaluation.plots import (
    confusion_plot,
    history_plot,
    precision_recall_plot,
    reliability_plot,
    sizes_plot,
    svg_uri,
    threshold_plot,
)
from geomrcnn.evaluation.polygons import Layers, PolygonScores
from geomrcnn.evaluation.summary import summarise, working_score
from geomrcnn.evaluation.tables import (
    card_tables,
    evaluation_tables,
    image_table,
    polygon_table,
    reliability_table,
)
from geomrcnn.training.table import read_table

CAPTIONS = {
    "precision_recall": "Precision and recall at IoU 0.5, along falling scores",
    "threshold": "What a least score keeps, at IoU 0.5",
    "reliability": "Share of right detections by score; probabilities would lie on the dashed line",
    "sizes": "True objects by size",
    "confusion": "True classes (rows) and what they were found as; shaded by share of the row",
}
"""What each chart shows, by the name of its file."""

LOSSES = ("total", "rpn_class", "rpn_box", "box_class", "box", "mask")
SCORES = ("mask AP", "mask AP50", "mask AP75", "box AP")


def write_report(
    path: Path,
    *,
    title: str,
    evaluation: Evaluation | None = None,
    dataset: Dataset | None = None,
    min_score: float | None = None,
    losses: Path | None = None,
    scores: Path | None = None,
    config: str = "",
) -> None:
    """Write the report of a training run, or of an evaluation alone.

    Args:
        path: The HTML file; an existing one is replaced.
        title: Heading of the page.
        evaluation: Of the validation images.
        dataset: Those images, for the gallery; without it there is none.
        min_score: Least score in what needs one; by default that with the best F1.
        losses: The run's losses.csv: `step` and a column a loss.
        scores: A CSV file of validation scores during the run: `step` and a column a score.
        config: The run's configuration, as text.

    Raises:
        DataError: a CSV file is not as described.
        OutputError: the page cannot be written.
    """
    sections = []
    if evaluation is not None:
        sections += evaluation_sections(evaluation, dataset, min_score)
    if losses is not None or scores is not None:
        sections.append(_history(losses, scores))
    if config:
        sections.append(Section("Configuration", code=config))
    write_page(path, title, sections)


def write_layers_report(path: Path, title: str, layers: Layers, scores: PolygonScores) -> None:
    """Write the report of a comparison of two layers.

    Raises:
        OutputError: the page cannot be written.
    """
    charts = _charts(layer_plots(layers))
    write_page(path, title, [Section("Figures", tables=(polygon_table(scores),), charts=charts)])


def write_card(path: Path, card: ModelCard) -> None:
    """Write a model card as a page.

    Raises:
        OutputError: the page cannot be written.
    """
    sections = [Section("The model", tables=tuple(card_tables(card)))]
    if card.reliability:
        charts = _charts({"reliability": reliability_plot(card.reliability)})
        tables = (reliability_table(card),)
        sections.append(Section("Reliability of its scores", tables=tables, charts=charts))
    write_page(path, f"Model card: {card.name}", sections)


def evaluation_sections(
    evaluation: Evaluation, dataset: Dataset | None, min_score: float | None
) -> list[Section]:
    """Figures, charts, and the images with the best and the worst F1."""
    least = working_score(evaluation) if min_score is None else min_score
    summary = summarise(evaluation, least)
    sections = [
        Section("Figures", tables=tuple(evaluation_tables(summary))),
        Section("Curves", charts=_charts(evaluation_plots(evaluation, least))),
    ]
    if dataset is not None:
        best, worst = best_and_worst(evaluation, dataset, least)
        note = f"Detections that score at least {least:.2f}; right at IoU 0.5."
        sections += [
            Section(heading, note, photographs=tuple(pictures))
            for heading, pictures in (("Worst images", worst), ("Best images", best))
            if pictures
        ]
    return [*sections, Section("All images", tables=(image_table(summary),))]


def evaluation_plots(evaluation: Evaluation, min_score: float) -> dict[str, Figure]:
    """All charts of an evaluation, by the names of `CAPTIONS`."""
    plots = _curve_plots(evaluation.verdicts(), min_score)
    if len(evaluation.classes) > 1:
        curves = {
            name: precision_recall(evaluation.verdicts(class_id))
            for class_id, name in enumerate(evaluation.classes, start=1)
        }
        plots["precision_recall"] = precision_recall_plot(curves, None)
    wanted = ~evaluation.comparison.ignored
    scale, unit = (evaluation.gsd, "m") if evaluation.gsd else (1.0, "pixels")
    sides = np.sqrt(evaluation.labelled.area[wanted]) * scale
    plots["sizes"] = sizes_plot(sides, evaluation.missed(min_score)[wanted], unit)
    matrix = confusion_matrix(evaluation, min_score)
    plots["confusion"] = confusion_plot(matrix, [*evaluation.classes, BACKGROUND])
    return plots


def layer_plots(layers: Layers) -> dict[str, Figure]:
    """All charts of two layers, by the names of `CAPTIONS`; without scores there are no curves."""
    compared = layers.comparison
    matches = compared.match(0.5)
    verdicts = compared.verdicts(matches)
    best = best_threshold(verdicts)
    plots = _curve_plots(verdicts, best.min_score) if layers.scored and best else {}
    wanted = ~compared.ignored
    missed = wanted.copy()
    missed[matches.truth_of[matches.right]] = False
    plots["sizes"] = sizes_plot(np.sqrt(shapely.area(layers.true[wanted])), missed[wanted], "m")
    return plots


def _curve_plots(verdicts: Verdicts, min_score: float) -> dict[str, Figure]:
    curve = precision_recall(verdicts)
    chosen: Threshold = reached_at(verdicts, min_score)
    return {
        "precision_recall": precision_recall_plot({"all objects": curve}, chosen),
        "threshold": threshold_plot(curve, chosen),
        "reliability": reliability_plot(reliability(verdicts)),
    }


def _charts(plots: Mapping[str, Figure]) -> tuple[Picture, ...]:
    return tuple(Picture(CAPTIONS[name], svg_uri(plot)) for name, plot in plots.items())


def _history(losses: Path | None, scores: Path | None) -> Section:
    """What the run's tables tell, as curves."""
    wanted = (
        (losses, LOSSES, "loss", "Training losses, mean over the steps between two reports"),
        (scores, SCORES, "score", "COCO scores on the validation images"),
    )
    charts = []
    for path, names, label, caption in wanted:
        if path is not None:
            columns = _read_columns(path)
            steps = columns.pop("step")
            lines = {name: columns[name] for name in names if name in columns}
            charts.append(Picture(caption, svg_uri(history_plot(steps, lines, label))))
    return Section("Training", charts=tuple(charts))


def _read_columns(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """The columns of a CSV file of numbers, by name.

    Raises:
        DataError: it cannot be read, has no rows or no column "step", or holds other things.
    """
    try:
        rows = read_table(path)
        columns = {name: np.array([row[name] for row in rows], np.float64) for name in rows[0]}
    except (OSError, ValueError, TypeError, IndexError, KeyError) as error:
        raise DataError(f"{path}: not a table of training steps ({error!r})") from error
    return columns
