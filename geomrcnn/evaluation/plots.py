"""Curves and charts, as Matplotlib figures that need no screen."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from geomrcnn.bundle.calibration import ReliabilityBin
from geomrcnn.evaluation.curves import Curve, Threshold
from geomrcnn.formats.destination import written_beside

COLOURS = ("#1f6fb5", "#c8641b", "#2d8659", "#8757a8", "#b3303c", "#6b7280")
"""Told apart by people who do not see red and green, and in print."""

INK, FAINT = "#1f2933", "#d8dde2"

# Matplotlib's type for this differs between its versions.
STYLE: Any = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.prop_cycle": f"cycler(color={list(COLOURS)})",
    "font.size": 10,
    "legend.frameon": False,
    "savefig.bbox": "tight",
    "svg.fonttype": "none",
    "svg.hashsalt": "geomrcnn",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

CURVES = len(COLOURS)
"""More lines than this in one chart nobody tells apart: the first are drawn."""


def svg_uri(figure: Figure) -> str:
    """The figure as a data URI, the same bytes every time."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def write_png(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG.

    Raises:
        OutputError: it cannot be written.
    """
    with matplotlib.rc_context(STYLE), written_beside(path) as partial:
        figure.savefig(partial, dpi=144)


def precision_recall_plot(curves: Mapping[str, Curve], chosen: Threshold | None) -> Figure:
    """Precision against recall, a line a class, and where the chosen threshold lies."""
    figure, axes = _chart("recall", "precision")
    for name, curve in list(curves.items())[:CURVES]:
        axes.step(np.append(0, curve.recall), np.append(curve.precision[:1], curve.precision),
                  where="pre", label=name)  # fmt: skip
    if chosen:
        label = f"score ≥ {chosen.min_score:.2f}: F1 {chosen.f1:.2f}"
        axes.plot(chosen.recall, chosen.precision, "o", color=INK, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    _legend(axes)
    return figure


def threshold_plot(curve: Curve, chosen: Threshold | None) -> Figure:
    """Precision, recall and F1 against the least score."""
    figure, axes = _chart("least score", "share")
    for name in ("precision", "recall", "f1"):
        axes.step(curve.scores, getattr(curve, name), where="pre", label=name.replace("f", "F"))
    if chosen:
        axes.axvline(chosen.min_score, color=INK, linewidth=1, linestyle="--",
                     label=f"in use: {chosen.min_score:.2f}")  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    _legend(axes)
    return figure


def reliability_plot(bins: Sequence[ReliabilityBin]) -> Figure:
    """Share of right detections by score, against what the scores promise, and their number."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 4.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    filled = [one for one in bins if one.count]
    above.plot([0, 1], [0, 1], color=COLOURS[-1], linewidth=1, linestyle="--", label="as promised")
    above.plot([one.score for one in filled], [one.right for one in filled], "o-", label="as found")
    above.set(ylim=(0, 1.02), ylabel="share that is right")
    above.grid(color=FAINT, linewidth=0.6)
    above.set_axisbelow(True)
    _legend(above)
    middles, widths = zip(
        *(((o.low + o.high) / 2, 0.9 * (o.high - o.low)) for o in bins), strict=True
    )
    below.bar(middles, [one.count for one in bins], widths, color=COLOURS[0])
    below.set(xlim=(0, 1), xlabel="score", ylabel="detections")
    return figure


def sizes_plot(sides: npt.NDArray[np.float64], missed: npt.NDArray[np.bool_], unit: str) -> Figure:
    """How many true objects of each size there are, and how many of them were missed.

    Args:
        sides: [M] square roots of the areas.
        missed: [M] whether nobody found them.
        unit: Of the sides.
    """
    figure, axes = _chart(f"side of a square of the same area, {unit}", "true objects")
    if len(sides):
        low, high = sides.min() * 0.99, sides.max() * 1.01
        edges = np.geomspace(max(low, 1e-6), max(high, 2e-6), 21)
        axes.hist([sides[~missed], sides[missed]], edges.tolist(), stacked=True,
                  color=[COLOURS[0], COLOURS[1]], label=["found", "missed"])  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
    _legend(axes)
    return figure


def confusion_plot(matrix: npt.NDArray[np.intp], names: Sequence[str]) -> Figure:
    """Counts of true classes (rows) by predicted classes, each shaded by its share of the row."""
    side = 2.2 + 0.55 * len(names)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(side + 0.8, side), layout="constrained")
        axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        both_background = row == column == len(names) - 1
        axes.text(column, row, "" if both_background else str(count), ha="center", va="center",
                  color="white" if shares[row, column] > 0.5 else INK)  # fmt: skip
    places = np.arange(len(names))
    axes.set_xticks(places, names, rotation=45 if len(names) > 3 else 0,
                    ha="right" if len(names) > 3 else "center")  # fmt: skip
    axes.set_yticks(places, names)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlabel="found as", ylabel="true class")
    return figure


def history_plot(
    steps: npt.NDArray[np.float64], lines: Mapping[str, npt.NDArray[np.float64]], label: str
) -> Figure:
    """Values against training steps."""
    figure, axes = _chart("step", label)
    marker = "o" if len(steps) < 30 else ""
    for name, values in list(lines.items())[:CURVES]:
        axes.plot(steps, values, marker=marker, markersize=3, label=name)
    axes.set_ylim(bottom=0)
    _legend(axes)
    return figure


def _chart(x: str, y: str) -> tuple[Figure, Axes]:
    """An empty chart with these axes."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.8), layout="constrained")
        axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _legend(axes: Axes) -> None:
    with matplotlib.rc_context(STYLE):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")
