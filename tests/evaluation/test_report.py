"""Reports: every part is there, and nothing comes from elsewhere."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import shapely
from matplotlib.figure import Figure
from rasterio.io import MemoryFile
from shapely import affinity

from geomrcnn.bundle.calibration import Calibration, ReliabilityBin
from geomrcnn.data.dataset import TRUE_COLOUR, Instance, PixelType, Sample
from geomrcnn.errors import DataError
from geomrcnn.evaluation.evaluation import Evaluation, evaluate_dataset
from geomrcnn.evaluation.gallery import COLOURS, best_and_worst
from geomrcnn.evaluation.plots import confusion_plot, reliability_plot, svg_uri, write_png
from geomrcnn.evaluation.report import evaluation_plots, write_card, write_report
from tests.oracles.detector import OracleDetector, card

FIELDS = (shapely.box(20, 20, 90, 90), shapely.Point(150, 140).buffer(40))


class Scenes:
    """Three grey images of the same two fields; of the second image the labels are shifted."""

    classes = ("field",)

    def __len__(self) -> int:
        return 3

    def sample(self, index: int) -> Sample:
        shapes = (affinity.translate(shape, 45 * (index == 1), 0) for shape in FIELDS)
        image = np.full((200, 240, 3), 120, np.uint8)
        return Sample(image, tuple(Instance(shape, 1) for shape in shapes))

    def gsd(self, index: int) -> float | None:
        return 2.0

    def pixel_type(self, index: int) -> PixelType:
        return TRUE_COLOUR

    def name(self, index: int) -> str:
        return f"scene <{index}>.tif"


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate_dataset(OracleDetector(FIELDS), Scenes())


class Page(HTMLParser):
    """What a page loads, and the tags it leaves open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_report_is_whole_and_alone(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "losses.csv").write_text("step,total,mask,seconds\n20,3.0,0.7,1\n40,2.0,0.5,1\n")
    (tmp_path / "scores.csv").write_text("step,mask AP\n20,0.1\n40,0.3\n")
    write_report(
        tmp_path / "report.html",
        title="Fields & <more>",
        evaluation=evaluation,
        dataset=Scenes(),
        losses=tmp_path / "losses.csv",
        scores=tmp_path / "scores.csv",
        config='[training]\nsteps = 40\nnote = "<b>"\n',
    )
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert "script" not in page.seen
    assert all(uri.startswith("data:image/") for uri in page.loads)
    # Five charts of the evaluation, two of the run, three photographs.
    assert len(page.loads) == 10
    assert "<h1>Fields &amp; &lt;more&gt;</h1>" in text
    assert "note = &#34;&lt;b&gt;&#34;" in text
    headings = re.findall("<h2>(.*?)</h2>", text)
    assert headings == [
        "Figures", "Curves", "Worst images", "Best images", "All images", "Training",
        "Configuration",
    ]  # fmt: skip
    assert "url(" not in text.replace("url(#", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "losses.csv", "report.html", "scores.csv",
    ]  # fmt: skip


def test_best_and_worst(evaluation: Evaluation) -> None:
    best, worst = best_and_worst(evaluation, Scenes(), 0.5, count=2)
    assert worst[0].caption.startswith("scene <1>.tif: F1 0.00, 0 right")
    assert len(worst) == 2
    assert len(best) == 1
    assert "F1 1.00, 2 right, 0 wrong, 0 missed" in best[0].caption


def test_photographs_show_outlines_in_the_colours_of_the_legend(evaluation: Evaluation) -> None:
    _, worst = best_and_worst(evaluation, Scenes(), 0.5, count=1)
    data = base64.b64decode(worst[0].uri.partition(",")[2])
    with MemoryFile(data) as memory, memory.open() as file:
        pixels = np.moveaxis(file.read(), 0, -1).astype(int)
    assert pixels.shape == (533, 640, 3)
    zoom = 640 / 240
    for name, (column, row) in {"wrong": (20, 55), "label, missed": (65, 55)}.items():
        around = pixels[round(row * zoom), round(column * zoom) - 3 : round(column * zoom) + 4]
        distance = np.abs(around - np.array(COLOURS[name])).max(axis=1)
        assert distance.min() < 60, name
    assert np.abs(pixels[20, 20] - 120).max() < 5


def test_charts_are_the_same_bytes_every_time(evaluation: Evaluation, tmp_path: Path) -> None:
    first, second = (evaluation_plots(evaluation, 0.5) for _ in range(2))
    assert list(first) == ["precision_recall", "threshold", "reliability", "sizes", "confusion"]
    for name, plot in first.items():
        assert svg_uri(plot) == svg_uri(second[name])
        write_png(plot, tmp_path / f"{name}.png")
    assert len(list(tmp_path.iterdir())) == 5


def test_charts_of_nothing() -> None:
    bins = (ReliabilityBin(0.0, 0.5, 0, 0.0, 0.0), ReliabilityBin(0.5, 1.0, 0, 0.0, 0.0))
    matrix = np.zeros((2, 2), np.intp)
    for plot in (reliability_plot(bins), confusion_plot(matrix, ["field", "background"])):
        assert isinstance(plot, Figure)
        assert svg_uri(plot).startswith("data:image/svg+xml;base64,")


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    for text in ("", "step,total\n", "step,total\n20,much\n", "total\n1\n", "step,total\n20\n"):
        path.write_text(text)
        with pytest.raises(DataError, match=r"losses\.csv: not a table of training steps"):
            write_report(tmp_path / "report.html", title="Run", losses=path)
    assert not (tmp_path / "report.html").exists()


def test_a_card_as_a_page(tmp_path: Path) -> None:
    plain = card(licence="Apache-2.0", metrics={"AP50": 0.7, "at 2 m": {"AP50": 0.65}})
    write_card(tmp_path / "plain.html", plain)
    text = (tmp_path / "plain.html").read_text(encoding="utf-8")
    assert Page(text).loads == []
    assert "Apache-2.0" in text
    assert "at 2 m" in text
    honest = replace(
        plain,
        calibration=Calibration(0.8, -0.2),
        reliability=(ReliabilityBin(0.9, 1.0, 12, 0.95, 0.94),),
    )
    write_card(tmp_path / "honest.html", honest)
    text = (tmp_path / "honest.html").read_text(encoding="utf-8")
    assert len(Page(text).loads) == 1
    assert "sigmoid(0.800 logit(s) -0.200)" in text
