"""Files of a run: its config, and tables that survive a power cut."""

from __future__ import annotations

import pytest

from geomrcnn.data.augmentation import Augmentation
from geomrcnn.data.dataset import PixelType
from geomrcnn.data.statistics import BandStatistics
from geomrcnn.errors import DataError
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.training.config import Stage, TrainingConfig
from geomrcnn.training.run import RunConfig
from geomrcnn.training.sources import Source, as_source, together
from geomrcnn.training.table import Table, read_table

RUN = RunConfig(
    MaskRCNNConfig.preset("light", classes=2, bands=3, train_class_weights=(1.0, 2.0, 4.0)),
    TrainingConfig(steps=3, stages=(Stage("heads", 1), Stage("all", 2, 0.1))),
    Augmentation(scale=(0.5, 2.0)),
    ("field", 'Größe "x"'),
    0.25,
    PixelType("uint16", ("nir",)),
    BandStatistics((1.0,), (2.0,), (0.0,), (9.5,)),
    (Source.of("/data/a", share=0.3), Source.of("b.tif", labels=["l.gpkg"], renamed=["x="])),
    Source.of("/data/val"),
    (4,),
    "/runs/first",
)


def test_a_run_reads_what_it_wrote(tmp_path):
    RUN.write(tmp_path)
    assert RunConfig.read(tmp_path) == RUN
    assert RunConfig.read(tmp_path / "run.toml") == RUN
    assert "scale = [" in (tmp_path / "run.toml").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("gsd", "gds"), "gsd"),
        (("momentum", "momentun"), "momentun"),
        (("mask_size", "mask_sise"), "mask_sise"),
        (("haze = 0.05", "haze ="), "line"),
    ],
)
def test_a_config_that_is_none_is_refused_in_one_line(tmp_path, change, message):
    RUN.write(tmp_path)
    path = tmp_path / "run.toml"
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(DataError, match=message) as error:
        RunConfig.read(tmp_path)
    assert "\n" not in str(error.value)
    assert "run.toml" in str(error.value)


def test_a_table_goes_on_after_a_cut(tmp_path):
    path = tmp_path / "losses.csv"
    table = Table(path, 0)
    for step in (10, 20, 30):
        table.add({"step": step, "total": step / 4})
    with path.open("a") as file:
        file.write("4")  # of 40
    assert [row["step"] for row in read_table(path)] == [10, 20, 30]
    table = Table(path, 20)
    table.add({"step": 30, "total": 1.0})
    assert read_table(path) == table.rows
    assert [row["total"] for row in table.rows] == [2.5, 5.0, 1.0]


def test_sources_have_shares_all_or_none():
    with pytest.raises(DataError, match="all sources"):
        together([], [Source.of("a", share=0.5), Source.of("b")])


def test_a_source_is_found_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fields").mkdir()
    assert as_source("fields").paths == (str(tmp_path / "fields"),)
    (tmp_path / "l.gpkg").touch()
    labelled = Source.of("fields", labels=["l.gpkg:roofs"])
    assert labelled.labels == (f"{tmp_path / 'l.gpkg'}:roofs",)
    assert as_source("/vsizip/fields.zip/a.tif").paths == ("/vsizip/fields.zip/a.tif",)
