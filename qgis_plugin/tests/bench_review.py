"""Measure the review panel on a large layer: from a key to panel and outline, in milliseconds.

    env PATH=/usr/sbin:/usr/bin:/sbin:/bin QT_QPA_PLATFORM=offscreen \\
        .venv-qgis/bin/python qgis_plugin/tests/bench_review.py [POLYGONS]

The map renders meanwhile, as it does in QGIS, and is not waited for.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsVectorLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtWidgets import QApplication, QMainWindow

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from geomrcnn_qgis.review.panel import ReviewPanel  # noqa: E402
from review_layers import UTM, square, write  # noqa: E402

KEYS = "NNPARA1AN2RUNA" * 15
ACTIONS = {"A": 0, "R": 1, "U": 2, "P": 3, "N": 4, "Z": 5, "1": 7, "2": 8}
"""Where the actions of the panel are in the order of their making."""


class Window(QMainWindow):
    """As much of QGIS's window as the panel needs."""

    def __init__(self) -> None:
        super().__init__()
        self.canvas = QgsMapCanvas(self)
        self.canvas.setDestinationCrs(QgsCoordinateReferenceSystem(UTM))
        self.setCentralWidget(self.canvas)
        self.resize(1200, 800)
        self.show()

    def mapCanvas(self) -> QgsMapCanvas:  # noqa: N802 - QGIS's name
        return self.canvas


def large_layer(path: Path, polygons: int) -> QgsVectorLayer:
    """A layer of squares in a square."""
    chance, side = random.Random(1), round(polygons**0.5)
    rows = (
        (square(k % side, k // side), (chance.choice("ab"), chance.random(), 100.0))
        for k in range(polygons)
    )
    return write(path, rows)


def took(run: Callable[[], object]) -> float:
    """Milliseconds until something is done and the widgets have been drawn."""
    start = time.perf_counter()
    run()
    QApplication.sendPostedEvents()
    QApplication.processEvents()
    return 1000 * (time.perf_counter() - start)


def steps(panel: ReviewPanel, keys: str = KEYS) -> list[float]:
    """Milliseconds of each key."""
    actions = panel.actions()
    return [took(actions[ACTIONS[key]].trigger) for key in keys]


def main() -> None:
    polygons = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    window = Window()
    panel = ReviewPanel(window, window)
    window.addDockWidget(panel_area(), panel)
    with tempfile.TemporaryDirectory() as folder:
        for mode in ("file", "edit buffer"):
            layer = large_layer(Path(folder) / f"{mode}.gpkg", polygons)
            window.canvas.setLayers([layer])
            if mode == "edit buffer":
                layer.startEditing()
            opened = took(lambda layer=layer: panel.review(layer))
            first, *times = steps(panel)
            print(
                f"{mode}: {polygons} polygons opened in {opened:.0f} ms; "
                f"the first key {first:.1f} ms, the next {len(times)}: "
                f"median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms"
            )
            layer.rollBack()
            panel.end_review()
            window.canvas.setLayers([])
            del layer
    panel.unload()


def panel_area() -> object:
    from qgis.PyQt.QtCore import Qt

    return Qt.DockWidgetArea.RightDockWidgetArea


if __name__ == "__main__":
    application = QgsApplication([], True)
    application.initQgis()
    main()
