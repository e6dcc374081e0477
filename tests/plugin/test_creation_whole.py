"""An environment with the whole of geomrcnn, from this very source and the package index."""

import shutil
import sys
from pathlib import Path

import pytest
from geomrcnn_qgis.setup import creation
from geomrcnn_qgis.setup.creation import Plan

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_an_environment_is_made_that_has_models_and_a_device(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    # A copy, as building leaves files beside the source.
    shutil.copytree(ROOT / "geomrcnn", source / "geomrcnn")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    plan = Plan(sys.executable, tmp_path / "environment", what=str(source))
    facts = creation.create(plan, on_step=print, on_line=print)
    assert {"fields", "buildings"} <= {model.name for model in facts.models}
    assert facts.devices
    assert not facts.extras["train"]
    files = (path for path in plan.folder.rglob("*") if path.is_file() and not path.is_symlink())
    size = sum(path.stat().st_size for path in files) / 1e9
    assert size == pytest.approx(creation.SIZE, rel=0.3)
    shutil.rmtree(plan.folder)
