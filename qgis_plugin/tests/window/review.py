"""The review panel beside the map."""

from __future__ import annotations

from driver import Driver, Scene, after, drawn
from first_run import action
from qgis.core import NULL
from qgis.PyQt.QtTest import QTest
from qgis.utils import iface, plugins


def verdicts(driver: Driver) -> Scene:
    """Three keys give three verdicts; they are in the layer."""
    layer = iface.activeLayer()
    action("Review").trigger()
    yield lambda: plugins["geomrcnn_qgis"].panel
    panel = plugins["geomrcnn_qgis"].panel
    yield after(1)
    yield drawn
    driver.tell(review_begins=panel.face.counts.text())
    for key in "ARA":
        QTest.keyClick(iface.mapCanvas(), key)
        yield after(0.3)
        yield drawn
    driver.tell(
        review_after=panel.face.counts.text(),
        verdicts=sorted(
            str(feature["review"]) for feature in layer.getFeatures() if feature["review"] != NULL
        ),
    )
    yield after(0.5)
    driver.picture("9_review")
    panel.close()
