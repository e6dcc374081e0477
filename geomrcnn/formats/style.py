"""A style for QGIS: an outline and a light fill in a colour of its own for every class."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

Colour = tuple[int, int, int]

PALETTE: tuple[Colour, ...] = (
    (255, 221, 0),
    (0, 224, 255),
    (255, 74, 183),
    (140, 255, 66),
    (255, 140, 26),
    (184, 148, 255),
)
"""Bright colours that neither vegetation, soil nor roofs have, one a class."""

OTHER: Colour = (230, 230, 230)
"""Of features of no class of the model."""

FILL_OPACITY = 45
"""Of 255."""

LINE_MM = 0.5


def qml(classes: Sequence[str]) -> str:
    """The style as a QGIS layer style file.

    Args:
        classes: Names of classes 1..C. The k-th has the k-th colour, and the seventh the first's
            again, whichever are present.

    Returns:
        XML that QGIS 3 reads.
    """
    root = Xml.Element("qgis", version="3.22.0", styleCategories="Symbology")
    renderer = Xml.SubElement(root, "renderer-v2", type="categorizedSymbol", attr="class",
                              symbollevels="0", forceraster="0", enableorderby="0")  # fmt: skip
    categories = Xml.SubElement(renderer, "categories")
    symbols = Xml.SubElement(renderer, "symbols")
    colours = [PALETTE[k % len(PALETTE)] for k in range(len(classes))]
    # QGIS takes the category without a value for whatever no other fits.
    for k, (name, colour) in enumerate(zip([*classes, ""], [*colours, OTHER], strict=True)):
        Xml.SubElement(categories, "category", value=name, label=name or "other", symbol=str(k),
                       type="string", render="true")  # fmt: skip
        symbols.append(_symbol(k, colour))
    Xml.indent(root)
    return "<!DOCTYPE qgis>\n" + Xml.tostring(root, encoding="unicode") + "\n"


def _symbol(number: int, colour: Colour) -> Xml.Element:
    symbol = Xml.Element("symbol", type="fill", name=str(number), alpha="1", clip_to_extent="1",
                         force_rhr="0")  # fmt: skip
    layer = Xml.SubElement(symbol, "layer", {"class": "SimpleFill"}, enabled="1", locked="0",
                           **{"pass": "0"})  # fmt: skip
    options = Xml.SubElement(layer, "Option", type="Map")
    rgb = ",".join(str(value) for value in colour)
    for name, value in {
        "color": f"{rgb},{FILL_OPACITY}",
        "style": "solid",
        "outline_color": f"{rgb},255",
        "outline_style": "solid",
        "outline_width": str(LINE_MM),
        "outline_width_unit": "MM",
        "joinstyle": "miter",
    }.items():
        Xml.SubElement(options, "Option", name=name, type="QString", value=value)
    return symbol
