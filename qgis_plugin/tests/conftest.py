"""Fixtures for the tests of the plugin."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from profiles import make_profile


@pytest.fixture(scope="session")
def interpreter() -> str:
    """A Python that has geomrcnn."""
    path = os.environ.get("GEOMRCNN_PYTHON", "")
    assert path, "GEOMRCNN_PYTHON must name a Python that has geomrcnn"
    return path


@pytest.fixture(scope="session")
def farmland(interpreter: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an orthophoto of 1 km², `ortho.tif`, and its field outlines, `labels.gpkg`."""
    folder = tmp_path_factory.mktemp("farmland")
    subprocess.run(
        [interpreter, "-I", "-m", "geomrcnn", "sample", str(folder)], check=True, timeout=120
    )
    return folder


@pytest.fixture(scope="session")
def raster(farmland: Path) -> Path:
    """A georeferenced orthophoto in which the shipped model finds fields."""
    return farmland / "ortho.tif"


@pytest.fixture
def profile(interpreter: str, tmp_path: Path) -> Path:
    """A profile of QGIS with the plugin, in which the interpreter is chosen."""
    return make_profile(tmp_path / "profile", interpreter)
