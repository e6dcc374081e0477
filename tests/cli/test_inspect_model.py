"""`geomrcnn inspect model` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.cli.inspect import inspect
from geomrcnn.cli.main import run


def test_the_card_of_a_shipped_model(tmp_path: Path) -> None:
    out = tmp_path / "card.html"
    result = CliRunner().invoke(inspect, ["model", "fields", "--out", str(out)])
    assert result.exit_code == 0, result.output
    card = Bundle.open("fields").card
    for text in (*card.classes, card.licence, *card.training_data, f"{card.gsd:g} m"):
        assert text in result.output
        assert text.replace("'", "&#39;") in out.read_text(encoding="utf-8")


def test_wrong_models_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(inspect, ["model", "no_such_model"]) == 1
    assert "no model 'no_such_model'" in capsys.readouterr().err
    (tmp_path / "card.html").write_text("mine")
    assert run(inspect, ["model", "fields", "--out", str(tmp_path / "card.html")]) == 1
    assert (tmp_path / "card.html").read_text() == "mine"
