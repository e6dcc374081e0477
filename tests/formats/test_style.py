"""The style for QGIS: by its structure, and by QGIS where it is installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from geomrcnn.formats.style import PALETTE, qml
from geomrcnn.formats.writer import write_features
from tests.found import features, provenance

CLASSES = ("field", 'a "quoted" <pond> & more', "prairie sèche", "d", "e", "f", "seventh")

LOAD = """
import sys
from qgis.core import QgsApplication, QgsVectorLayer
app = QgsApplication([], False)
app.initQgis()
for path in sys.argv[1:]:
    layer = QgsVectorLayer(path, "a", "ogr")
    assert layer.isValid(), path
    for category in layer.renderer().categories():
        line = category.symbol().symbolLayer(0)
        print(category.value(), line.strokeColor().getRgb(), line.fillColor().alpha(), sep="|")
del layer
app.exitQgis()
"""


def test_every_class_has_a_category_and_a_symbol_of_its_colour() -> None:
    root = Xml.fromstring(qml(CLASSES))
    renderer = root.find("renderer-v2")
    assert renderer is not None
    assert renderer.attrib["attr"] == "class"
    categories = renderer.findall("categories/category")
    assert [one.attrib["value"] for one in categories] == [*CLASSES, ""]
    symbols = {one.attrib["name"]: one for one in renderer.findall("symbols/symbol")}
    colours = []
    for category in categories:
        options = symbols[category.attrib["symbol"]].findall("layer[@class='SimpleFill']/Option/*")
        values = {option.attrib["name"]: option.attrib["value"] for option in options}
        *outline, opaque = (int(part) for part in values["outline_color"].split(","))
        *fill, light = (int(part) for part in values["color"].split(","))
        assert outline == fill
        assert opaque == 255
        assert 0 < light < 100
        colours.append(tuple(outline))
    assert colours[:6] == list(PALETTE)
    assert colours[6] == PALETTE[0]
    assert colours[7] not in PALETTE


def test_a_class_keeps_its_colour_when_others_follow() -> None:
    assert qml(["a", "b"]).split('name="1"')[0].count("255,221,0") == 2
    assert qml(["a"]) != qml(["b"])


@pytest.mark.skipif(not Path("/usr/lib/python3/dist-packages/qgis").is_dir(), reason="needs QGIS")
def test_qgis_opens_it_in_colours(tmp_path: Path) -> None:
    paths = [tmp_path / f"a{suffix}" for suffix in (".gpkg", ".fgb", ".shp", ".geojson")]
    for path in paths:
        write_features(features(), path, provenance=provenance())
    done = subprocess.run(
        ["/usr/bin/python3", "-c", LOAD, *map(str, paths)],
        capture_output=True,
        text=True,
        # Its own Python, and nobody's settings.
        env={"PATH": "/usr/bin:/bin", "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path),
             "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == 4 * [
        "field|(255, 221, 0, 255)|45",
        "prairie sèche|(0, 224, 255, 255)|45",
        "|(230, 230, 230, 255)|45",
    ]
