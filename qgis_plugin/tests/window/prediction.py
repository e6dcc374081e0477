"""Predict polygons in its dialog: done, cancelled, failed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from driver import Driver, Scene, after, drawn
from geomrcnn_qgis import settings
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtWidgets import QProgressBar, QTextEdit
from qgis.utils import iface


class Run:
    """The dialog of an algorithm, and what comes of it."""

    def __init__(self, **parameters: Any) -> None:
        """Open Predict polygons."""
        import processing

        self.ended: list[tuple[bool, dict[str, Any]]] = []
        self.dialog = processing.createAlgorithmDialog("geomrcnn:predict", parameters)
        self.dialog.algorithmFinished.connect(lambda ok, found: self.ended.append((ok, found)))
        self.dialog.resize(940, 700)
        self.dialog.show()

    def start(self) -> None:
        """Press Run."""
        self.dialog.runButton().click()

    def percentage(self) -> int:
        """How far the dialog says it is."""
        return int(self.dialog.findChild(QProgressBar).value())

    def log(self) -> str:
        """What stands in the dialog's log."""
        return str(self.dialog.findChild(QTextEdit, "txtLog").toPlainText())


def polygons(driver: Driver) -> Scene:
    """A run that ends well."""
    output = Path(driver.given["folder"]) / "fields.gpkg"
    run = Run(INPUT=driver.given["raster"], OUTPUT=str(output), LABELS=True)
    yield after(1)
    driver.picture("6_predict")
    run.start()
    yield lambda: run.ended
    driver.tell(polygons_log=run.log(), polygons_ended=run.ended[0])
    driver.picture("7_done")
    run.dialog.close()
    yield after(1)
    yield drawn
    (layer,) = (
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if layer.source().startswith(str(output))
    )
    iface.setActiveLayer(layer)
    driver.tell(
        polygons_layer={
            "features": layer.featureCount(),
            "renderer": layer.renderer().type(),
            "labels": layer.labelsEnabled(),
            "crs": layer.crs().authid(),
            "origin": layer.metadata().abstract(),
        }
    )
    driver.picture("8_polygons")


def progress_and_cancel(driver: Driver) -> Scene:
    """A long run is looked at, then cancelled."""
    output = Path(driver.given["folder"]) / "cancelled.gpkg"
    # Pixels as small as these make many tiles of a small raster.
    run = Run(INPUT=driver.given["raster"], OUTPUT=str(output), GSD=0.25)
    run.start()
    yield lambda: run.percentage() >= 8
    yield after(0.3)
    driver.tell(running=children())
    driver.picture("10_progress")
    pressed = time.monotonic()
    run.dialog.cancelButton().click()
    yield lambda: run.ended
    driver.tell(
        cancel_seconds=time.monotonic() - pressed,
        cancel_ended=run.ended[0],
        cancel_log=run.log(),
        cancel_output=output.exists(),
        still_running=children(),
    )
    driver.picture("11_cancelled")
    run.dialog.close()


def failures(driver: Driver) -> Scene:
    """The raster is damaged after it was opened; then the interpreter is taken away."""
    folder = Path(driver.given["folder"])
    output = folder / "failed.gpkg"
    damaged = folder / "damaged.tif"
    damaged.write_bytes(Path(driver.given["raster"]).read_bytes())
    layer = QgsRasterLayer(str(damaged), "damaged")
    QgsProject.instance().addMapLayer(layer)
    os.truncate(damaged, 100)
    run = Run(INPUT=layer, OUTPUT=str(output))
    run.start()
    yield lambda: run.ended
    driver.tell(damaged_ended=run.ended[0], damaged_log=run.log())
    driver.picture("12_unreadable_raster")
    run.dialog.close()
    QgsProject.instance().removeMapLayer(layer)

    vanishing = folder / "python"
    vanishing.symlink_to(driver.given["interpreter"])
    settings.set_interpreter(str(vanishing))
    vanishing.unlink()
    run = Run(INPUT=driver.given["raster"], OUTPUT=str(output))
    run.start()
    yield lambda: run.ended
    driver.tell(gone_ended=run.ended[0], gone_log=run.log(), failed_output=output.exists())
    driver.picture("13_no_interpreter")
    run.dialog.close()


def children() -> list[str]:
    """Command lines of geomrcnn's processes that QGIS has started and that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if parent == str(os.getpid()) and "geomrcnn" in command:
            found.append(command.strip())
    return found
