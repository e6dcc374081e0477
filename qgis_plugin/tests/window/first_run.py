"""A fresh profile: no interpreter is chosen yet."""

from __future__ import annotations

from driver import Driver, Scene, after, drawn, shown, soon
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QAbstractItemModel, QModelIndex
from qgis.PyQt.QtWidgets import QAction, QDockWidget, QTreeView
from qgis.utils import iface, plugins


def imagery(driver: Driver) -> Scene:
    """A raster comes to the map."""
    window = iface.mainWindow()
    window.showMaximized()
    window.findChild(QDockWidget, "Browser").close()
    layer = QgsRasterLayer(driver.given["raster"], "ortho")
    QgsProject.instance().addMapLayer(layer)
    iface.mapCanvas().zoomToFullExtent()
    yield after(1)
    yield drawn
    provider = QgsApplication.processingRegistry().providerById("geomrcnn")
    bar = iface.messageBar().currentItem()
    driver.tell(
        raster_crs=layer.crs().authid(),
        algorithms=sorted(algorithm.name() for algorithm in provider.algorithms()),
        welcome=bar.text() if bar else "",
    )
    driver.picture("1_first_start")


def nothing_chosen(driver: Driver) -> Scene:
    """The menu opens the dialog that makes an environment."""
    soon(action("Environment").trigger)
    yield lambda: shown("SetupDialog")
    dialog = shown("SetupDialog")
    yield dialog.go.isEnabled
    driver.tell(pythons=dialog.new.python.count())
    driver.picture("2_make_an_environment")


def environment(driver: Driver) -> Scene:
    """An interpreter without geomrcnn is refused, one that has it is taken."""
    dialog = shown("SetupDialog")
    dialog.use_existing.click()
    dialog.existing.interpreter.setFilePath("/usr/bin/python3")
    dialog.go.click()
    yield dialog.go.isEnabled
    driver.tell(refused=dialog.message.text())
    driver.picture("3_wrong_interpreter")
    dialog.existing.interpreter.setFilePath(driver.given["interpreter"])
    dialog.go.click()
    yield dialog.go.isEnabled
    driver.tell(taken=dialog.message.text())
    driver.picture("4_environment")
    dialog.stop.click()
    yield lambda: not shown("SetupDialog")


def options(driver: Driver) -> Scene:
    """The interpreter is in the options of Processing."""
    soon(lambda: iface.showOptionsDialog(iface.mainWindow(), "processingOptions"))
    yield lambda: shown("QDialog") and shown("QDialog").findChild(QTreeView)
    dialog = shown("QDialog")
    tree, row = next(
        (view, row)
        for view in dialog.findChildren(QTreeView)
        for row in _path(view.model(), "Providers", "geomrcnn")
    )
    tree.expand(row.parent())
    tree.expand(row)
    tree.scrollTo(row, QTreeView.ScrollHint.PositionAtCenter)
    tree.resizeColumnToContents(0)
    model = tree.model()
    driver.tell(options=[model.index(0, column, row).data() for column in (0, 1)])
    yield after(0.5)
    driver.picture("5_options")
    dialog.reject()
    yield lambda: not shown("QDialog")


def _path(model: QAbstractItemModel, *texts: str) -> list[QModelIndex]:
    """Where a row is in a tree, by its text and those of the rows it is in; empty if nowhere."""
    rows = [QModelIndex()]
    for text in texts:
        rows = [
            model.index(number, 0, row) for row in rows for number in range(model.rowCount(row))
        ]
        rows = [row for row in rows if row.data() == text]
    return rows


def action(text: str) -> QAction:
    """An entry of the plugin's menu."""
    entries = plugins["geomrcnn_qgis"].actions
    return next(entry for entry in entries if entry.text().startswith(text))
