"""The package as Python meets it: a light import, a public face, types and data that ship."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import subprocess
import sys

import geomrcnn
from geomrcnn.errors import GeomrcnnError

HEAVY = {"tensorflow", "keras", "rasterio", "osgeo", "geopandas", "openvino", "matplotlib", "scipy"}


def test_import_brings_nothing_heavy() -> None:
    code = f"import sys, geomrcnn; print(sorted({HEAVY!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_every_public_name_is_there() -> None:
    for name in geomrcnn.__all__:
        assert getattr(geomrcnn, name) is not None, name


def test_types_and_models_ship() -> None:
    package = importlib.resources.files("geomrcnn")
    assert package.joinpath("py.typed").is_file()
    models = [item.name for item in package.joinpath("models").iterdir()]
    assert "fields.zip" in models


def test_a_plain_install_asks_for_no_tensorflow() -> None:
    requirements = importlib.metadata.requires("geomrcnn") or []
    plain = [requirement for requirement in requirements if "extra ==" not in requirement]
    assert any(requirement.startswith("openvino") for requirement in plain)
    assert not any(requirement.startswith(("tensorflow", "keras")) for requirement in plain)


def test_what_an_error_says_is_one_line() -> None:
    assert str(GeomrcnnError("a\nb\x1b[2J.tif: é \udcff")) == "a b [2J.tif: é  "
