"""Figures as tables, the same on the screen and in a report."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from geomrcnn.bundle.calibration import IDENTITY
from geomrcnn.bundle.card import ModelCard

if TYPE_CHECKING:
    from geomrcnn.evaluation.polygons import PolygonScores
    from geomrcnn.evaluation.seams import SeamScores

ABSENT = "-"

POLYGON_LABELS = {
    "predictions": "predicted objects",
    "truths": "true objects",
    "ap": "AP (mean over IoU 0.5 to 0.95)",
    "ap50": "AP at IoU 0.5",
    "precision": "precision at IoU 0.5",
    "recall": "recall at IoU 0.5",
    "f1": "F1 at IoU 0.5",
    "mean_precision": "precision, mean over IoU 0.5 to 0.95",
    "mean_recall": "recall, mean over IoU 0.5 to 0.95",
    "mean_f1": "F1, mean over IoU 0.5 to 0.95",
    "mean_iou": "mean IoU of matches",
    "boundary_iou": "mean boundary IoU of matches",
    "band": "width of its band, m",
    "polis": "mean PoLiS distance of matches, m",
    "area_bias": "area bias of matches",
}


class Table(NamedTuple):
    """Rows of text, the first column their names.

    Attributes:
        title: What is in it; may be empty.
        head: Names of the columns; empty for a table of names and values.
        rows: As many entries each.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def as_text(table: Table) -> str:
    """The table in columns; values go to the right, but those of a table without a head."""
    lines = [row for row in (table.head, *table.rows) if row]
    names, *columns = zip(*lines, strict=True)
    place = str.rjust if table.head else str.ljust
    shapes = [(str.ljust, max(map(len, names)))]
    shapes += [(place, max(map(len, column))) for column in columns]
    text = [
        "  ".join(
            justify(entry, width) for entry, (justify, width) in zip(line, shapes, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([table.title, *text] if table.title else text)


def polygon_table(scores: PolygonScores) -> Table:
    """One line a figure."""
    figures = dataclasses.asdict(scores)
    rows = tuple((text, shown(figures[name])) for name, text in POLYGON_LABELS.items())
    return Table("", (), rows)


def seam_tables(scores: SeamScores) -> list[Table]:
    """Figures of both runs together, and what became of objects at seams and elsewhere."""
    both = scores.agreement
    figures = {
        "objects of the first run": scores.objects[0],
        "objects of the second run": scores.objects[1],
        "duplicates to 1,000 objects": scores.duplicates,
        "precision, first against second": both.precision,
        "recall": both.recall,
        "F1": both.f1,
        "mean IoU of partners": both.mean_iou,
    }
    rows = tuple((text, shown(figure)) for text, figure in figures.items())
    groups = {"several tiles": scores.at_seams, "one tile": scores.elsewhere}
    fates = tuple(
        (name, str(group.objects), shown(group.split), shown(group.missed))
        for name, group in groups.items()
    )
    head = ("seen by", "objects", "split", "missed")
    return [Table("", (), rows), Table("Objects by the tiles that saw them", head, fates)]


def evaluation_tables(summary: Mapping[str, Any]) -> list[Table]:
    """The tables of what `summarise` gives, the most wanted ones first."""
    counts = tuple(
        (name, str(summary[name])) for name in ("images", "objects", "crowds", "detections")
    )
    return [Table("", (), counts), _coco_table(summary), _threshold_table(summary)]


def confusion_table(summary: Mapping[str, Any]) -> Table:
    """Counts of true classes (rows) by predicted classes (columns)."""
    classes, counts = summary["confusion"]["classes"], summary["confusion"]["true_by_predicted"]
    rows = ((name, *map(str, row)) for name, row in zip(classes, counts, strict=True))
    return Table("Objects by true class and class found", ("true", *classes), tuple(rows))


def image_table(summary: Mapping[str, Any]) -> Table:
    """One row an image, the worst first."""
    images = sorted(summary["by_image"], key=lambda one: one["f1"])
    columns = ("right", "wrong", "missed", "f1")
    rows = ((one["name"], *(shown(one[column]) for column in columns)) for one in images)
    return Table("Images, the worst first", ("", "right", "wrong", "missed", "F1"), tuple(rows))


def card_tables(card: ModelCard) -> list[Table]:
    """What a model card says, but for its bins of reliability."""
    scaled = card.calibration
    facts = {
        "name": card.name,
        "description": card.description,
        "classes": ", ".join(card.classes),
        "bands": f"{', '.join(card.bands)} ({card.dtype})",
        "GSD": f"{card.gsd:g} m",
        "tile, overlap": f"{card.tile}, {card.overlap} pixels",
        "least score": f"{card.min_score:g}",
        "calibration": "none"
        if scaled == IDENTITY
        else f"score s becomes sigmoid({scaled.slope:.3f} logit(s) {scaled.offset:+.3f})",
        "computes in": card.precision,
        "in int8": str(card.quantisation or ""),
        "licence": card.licence,
    }
    rows = [(name, text) for name, text in facts.items() if text]
    rows += [("source", source) for source in card.training_data]
    plain = {name: value for name, value in card.metrics.items() if not isinstance(value, dict)}
    grouped = {name: value for name, value in card.metrics.items() if isinstance(value, dict)}
    tables = [Table("", (), tuple(rows))]
    if plain:
        figures = tuple((name, shown(value)) for name, value in plain.items())
        tables.append(Table("Validation", (), figures))
    if grouped:
        tables.append(_grid("Validation", grouped))
    return tables


def reliability_table(card: ModelCard) -> Table:
    """How often detections were right, by score."""
    rows = (
        (f"{one.low:.1f} to {one.high:.1f}", str(one.count), shown(one.score), shown(one.right))
        for one in card.reliability
        if one.count
    )
    head = ("score", "detections", "mean score", "right")
    return Table("Reliability on validation images", head, tuple(rows))


def shown(figure: float | None) -> str:
    """Three decimals, or a dash."""
    if figure is None or math.isnan(figure):
        return ABSENT
    return str(figure) if isinstance(figure, int) else f"{figure:.3f}"


def _coco_table(summary: Mapping[str, Any]) -> Table:
    """Masks and boxes over all sizes, by size, and by class where there are several."""
    parts = {"all": summary["scores"], **summary["by_size"]}
    if len(summary["by_class"]) > 1:
        parts |= summary["by_class"]
    rows = {
        f"{kind} {name}": {
            figure.removeprefix(f"{kind} "): value
            for figure, value in figures.items()
            if figure.startswith(kind)
        }
        for kind in ("mask", "box")
        for name, figures in parts.items()
    }
    return _grid("COCO: AP over IoU 0.5 to 0.95, AR by detections an image", rows)


def _threshold_table(summary: Mapping[str, Any]) -> Table:
    columns = ("min_score", "precision", "recall", "f1")
    choices: dict[str, Mapping[str, float] | None] = {
        "in use": summary["at_min_score"],
        "best F1": summary["best_threshold"],
    }
    rows = [
        (name, *(shown(choice[column]) for column in columns))
        for name, choice in choices.items()
        if choice
    ]
    error = shown(summary["calibration_error"])
    return Table(
        f"At IoU 0.5, all classes pooled; expected calibration error {error}",
        ("", "least score", "precision", "recall", "F1"),
        tuple(rows),
    )


def _grid(title: str, figures: Mapping[str, Mapping[str, float]]) -> Table:
    """A row a group, a column a figure that any of them has."""
    columns: Sequence[str] = tuple(dict.fromkeys(name for row in figures.values() for name in row))
    rows = (
        (group, *(shown(row.get(column)) for column in columns)) for group, row in figures.items()
    )
    return Table(title, ("", *columns), tuple(rows))
