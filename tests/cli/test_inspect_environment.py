"""`geomrcnn inspect environment` as a user meets it."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import geomrcnn
from geomrcnn.bundle.bundle import Bundle
from geomrcnn.cli import inspect_environment
from geomrcnn.cli.inspect import inspect
from geomrcnn.cli.inspect_environment import is_installed
from geomrcnn.cli.main import EXTRAS, run
from geomrcnn.formats.formats import FORMATS


def test_facts_for_programs() -> None:
    """In a process of its own: what it imports, and how long that takes, is part of it."""
    code = """
import sys
from geomrcnn.cli.main import cli, run
code = run(cli, ["inspect", "environment", "--json", "-"])
print([name for name in ("tensorflow", "keras", "dask", "matplotlib") if name in sys.modules])
sys.exit(code)
"""
    began = time.monotonic()
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert time.monotonic() - began < 10
    text, _, imported = answer.stdout.rstrip().rpartition("\n")
    assert imported == "[]"
    facts = json.loads(text)
    assert facts["version"] == geomrcnn.__version__
    assert facts["python"] == platform.python_version()
    assert facts["executable"] == sys.executable
    assert facts["devices"][0].startswith("OpenVINO CPU: ")
    assert set(facts["extras"]) == set(EXTRAS.values())
    assert facts["extras"]["train"] is True
    assert set(FORMATS) < set(facts["formats"])
    for model in facts["models"]:
        bundle = Bundle.open(model["name"])
        assert model == {
            "name": bundle.card.name, "classes": list(bundle.card.classes),
            "gsd": bundle.card.gsd, "min_score": bundle.card.min_score,
            "precisions": list(bundle.precisions),
        }  # fmt: skip
    assert {model["name"] for model in facts["models"]} == {"fields", "buildings"}


def test_tables_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "facts.json"
    result = CliRunner().invoke(inspect, ["environment", "--json", str(out)])
    assert result.exit_code == 0, result.output
    facts = json.loads(out.read_text())
    rows = result.output.splitlines()
    assert ["version", facts["version"]] in [row.split() for row in rows]
    assert ["train", "yes"] in [row.split() for row in rows]
    assert any(row.split()[:2] == ["fields", "field"] for row in rows if row)
    assert run(inspect, ["environment", "--json", str(out)]) == 1
    assert "exists already" in capsys.readouterr().err


def test_tensorflow_is_asked_when_wanted() -> None:
    words = [sys.executable, "-m", "geomrcnn", "inspect", "environment", "--tensorflow"]
    answer = subprocess.run([*words, "--json", "-"], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert any(name.startswith("TensorFlow CPU:0") for name in json.loads(answer.stdout)["devices"])


def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(name: str) -> object:
        return None if name in ("tensorflow", "psycopg") else object()

    monkeypatch.setattr(inspect_environment, "find_spec", find)
    assert not is_installed("train")
    assert not is_installed("export")  # which needs all of train
    assert not is_installed("postgis")
    assert is_installed("dask")
    assert run(inspect, ["environment", "--tensorflow"]) == 1
    assert "pip install 'geomrcnn[train]'" in capsys.readouterr().err


def test_every_extra_is_known() -> None:
    offered = importlib.metadata.metadata("geomrcnn").get_all("Provides-Extra")
    assert set(offered or ()) - set(EXTRAS.values()) == {"dev", "docs"}
