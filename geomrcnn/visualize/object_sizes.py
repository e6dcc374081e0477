"""A figure of a data set's objects: how large, which shape, how many a tile, and the anchors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from geomrcnn.data.anchors import Anchors
from geomrcnn.data.inspection import Inspection, ObjectTable, objects_in_tiles
from geomrcnn.formats.destination import written_beside
from geomrcnn.network.config import MaskRCNNConfig

OBJECTS, PRESET, SUGGESTED = "#7a8ba6", "#c2571a", "#1b7a4b"


def draw_objects(path: Path, objects: ObjectTable, inspection: Inspection) -> None:
    """Draw what was measured as a PNG.

    Raises:
        MissingExtraError: by way of the command line, where matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    config = MaskRCNNConfig.preset(inspection.preset)
    known = Anchors(config.anchor_sizes, config.anchor_ratios)
    figure = Figure(figsize=(12, 8), layout="constrained")
    FigureCanvasAgg(figure)
    (sides, shapes), (tiles, text) = figure.subplots(2, 2)
    _draw_sides(sides, objects, inspection, known)
    _draw_shapes(shapes, objects, inspection, known)
    _draw_tiles(tiles, objects, inspection, config.detections)
    _write_summary(text, inspection)
    with written_beside(path) as partial:
        figure.savefig(partial, dpi=100)


def _draw_sides(axes: Any, objects: ObjectTable, inspection: Inspection, known: Anchors) -> None:
    sides = np.sqrt((objects.boxes[:, 2:] - objects.boxes[:, :2]).prod(axis=1))
    bins = np.geomspace(max(sides.min(), 1) * 0.95, sides.max() * 1.05, 40)
    axes.hist(sides, bins, color=OBJECTS)
    axes.set_xscale("log", base=2)
    for anchors, colour, label, style in (
        (known, PRESET, f"anchors of {inspection.preset}", "--"),
        (inspection.anchors, SUGGESTED, "suggested", ":"),
    ):
        for k, size in enumerate(anchors.anchor_sizes):
            axes.axvline(size, color=colour, ls=style, label=label if k == 0 else None)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set(xlabel="side of a box, √(width × height) [pixels]", ylabel="objects", title="Sizes")
    axes.legend()


def _draw_shapes(axes: Any, objects: ObjectTable, inspection: Inspection, known: Anchors) -> None:
    width, height = (objects.boxes[:, 2:] - objects.boxes[:, :2]).T
    axes.plot(width, height, ".", color=OBJECTS, ms=3, alpha=0.4)
    for anchors, colour, mark in ((known, PRESET, "s"), (inspection.anchors, SUGGESTED, "x")):
        sizes = np.array(anchors.anchor_sizes)[:, None]
        ratios = np.array(anchors.anchor_ratios)
        axes.plot((sizes / ratios**0.5).ravel(), (sizes * ratios**0.5).ravel(), mark, color=colour)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set(xlabel="width of a box [pixels]", ylabel="height [pixels]", title="Boxes and anchors")


def _draw_tiles(axes: Any, objects: ObjectTable, inspection: Inspection, detections: int) -> None:
    counts = objects_in_tiles(objects, inspection.tile)
    step = max(1, counts.max() // 40)
    axes.hist(counts, np.arange(0, counts.max() + 1 + step, step) - 0.5, color=OBJECTS)
    if counts.max() > detections / 2:
        axes.axvline(detections, color=PRESET, ls="--", label="detections at most")
        axes.legend()
    axes.set(
        xlabel=f"objects in a tile of {inspection.tile} pixels", ylabel="tiles", title="Crowding"
    )


def _write_summary(axes: Any, inspection: Inspection) -> None:
    axes.axis("off")
    objects = [f"{name}: {number} objects" for name, number in inspection.objects.items()]
    lines = [
        f"{inspection.images} images, {inspection.negatives} without objects",
        *objects[:12],
        f"{inspection.crowds} fragments and crowds",
        "",
        "recall of anchors at IoU 0.5 and 0.7",
        f"  {inspection.preset}: " + ", ".join(f"{r:.3f}" for r in inspection.preset_recall),
        "  suggested: " + ", ".join(f"{r:.3f}" for r in inspection.anchor_recall),
    ]
    axes.text(0, 1, "\n".join(lines), va="top", fontsize=11, transform=axes.transAxes)
