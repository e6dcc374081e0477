"""A report as one HTML file that needs no other file, no network and no script."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from geomrcnn.evaluation.gallery import COLOURS, Picture
from geomrcnn.evaluation.tables import Table
from geomrcnn.formats.destination import written_beside


@dataclass(frozen=True)
class Section:
    """A heading and what is under it, in this order.

    Attributes:
        heading: Of the section.
        note: A paragraph.
        tables: The tables.
        charts: Drawings with captions, side by side where there is room.
        photographs: Pictures with outlines as `gallery.py` draws them; a legend goes with them.
        code: Text with its own line breaks.
    """

    heading: str
    note: str = ""
    tables: tuple[Table, ...] = ()
    charts: tuple[Picture, ...] = ()
    photographs: tuple[Picture, ...] = ()
    code: str = ""


def write_page(path: Path, title: str, sections: list[Section]) -> None:
    """Write the sections as a page.

    Raises:
        OutputError: it cannot be written.
    """
    environment = Environment(
        loader=PackageLoader("geomrcnn.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html").render(
        title=title,
        sections=sections,
        style=files("geomrcnn.evaluation").joinpath("page.css").read_text(encoding="utf-8"),
        legend={name: "rgb({}, {}, {})".format(*colour) for name, colour in COLOURS.items()},
    )
    with written_beside(path) as partial:
        partial.write_text(page, encoding="utf-8")
