"""The zip of the plugin, and everything that keeps one from being published."""

from __future__ import annotations

import configparser
import importlib.util
import random
import re
import shutil
import zipfile
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

import geomrcnn

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "qgis_plugin" / "geomrcnn_qgis"


def _script() -> ModuleType:
    """scripts/package_plugin, which has no ending that Python would import it by."""
    loader = SourceFileLoader("package_plugin", str(ROOT / "scripts" / "package_plugin"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


script = _script()


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A copy of the plugin to spoil."""
    copy = tmp_path / "sources" / PLUGIN.name
    shutil.copytree(PLUGIN, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def _zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


def _contents(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


# --- the plugin as it is -------------------------------------------------------------------------


def test_the_plugin_can_be_published(tmp_path: Path) -> None:
    archive, faults = script.package(PLUGIN, tmp_path)
    assert faults == []
    assert archive == tmp_path / f"geomrcnn_qgis-{geomrcnn.__version__}.zip"
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]
    names = _contents(archive)
    assert {name.split("/")[0] for name in names} == {"geomrcnn_qgis"}
    assert {"metadata.txt", "LICENSE", "__init__.py"} <= {name.split("/", 1)[1] for name in names}


def test_its_name_gives_the_name_of_its_folder() -> None:
    # qgis-plugin-ci, which setup.cfg is for, names the folder in the zip after it.
    metadata = configparser.ConfigParser()
    metadata.read(PLUGIN / "metadata.txt", encoding="utf-8")
    assert re.sub(r"\W+", "_", metadata["general"]["name"]).lower() == PLUGIN.name


def test_every_file_of_the_plugin_is_in_the_zip_as_it_is(tmp_path: Path) -> None:
    archive, _ = script.package(PLUGIN, tmp_path)
    shutil.unpack_archive(archive, tmp_path)
    for path in PLUGIN.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            unpacked = tmp_path / PLUGIN.name / path.relative_to(PLUGIN)
            assert unpacked.read_bytes() == path.read_bytes()


def test_the_same_sources_give_the_same_bytes(plugin: Path, tmp_path: Path) -> None:
    first, _ = script.package(PLUGIN, tmp_path / "first")
    (plugin / "__pycache__").mkdir()
    (plugin / "__pycache__" / "plugin.cpython-311.pyc").write_bytes(b"\0")
    (plugin / "metadata.txt").touch()
    (plugin / "__init__.py").chmod(0o600)
    second, faults = script.package(plugin, tmp_path / "second")
    assert faults == []
    assert first.read_bytes() == second.read_bytes()


# --- what is refused -----------------------------------------------------------------------------


def _without(name: str) -> Callable[[Path], None]:
    return lambda plugin: (plugin / name).unlink()


def _with(name: str, content: bytes) -> Callable[[Path], None]:
    def spoil(plugin: Path) -> None:
        (plugin / name).parent.mkdir(exist_ok=True)
        (plugin / name).write_bytes(content)

    return spoil


def _metadata(key: str, line: str) -> Callable[[Path], None]:
    """Another line in the place of a key's."""

    def spoil(plugin: Path) -> None:
        path = plugin / "metadata.txt"
        lines = path.read_text(encoding="utf-8").splitlines()
        assert any(old.startswith(f"{key}=") for old in lines)
        changed = [line if old.startswith(f"{key}=") else old for old in lines]
        path.write_text("\n".join(changed), encoding="utf-8")

    return spoil


SPOILT: dict[str, tuple[Callable[[Path], None], str]] = {
    "no licence": (_without("LICENSE"), "LICENSE: not the GNU General Public License, or missing"),
    "another licence": (_with("LICENSE", b"Do as you like."), "LICENSE: not the GNU General"),
    "no metadata": (_without("metadata.txt"), "metadata.txt: has no section [general]"),
    "no package": (_without("__init__.py"), "__init__.py: has no classFactory, or is missing"),
    "no factory": (_with("__init__.py", b"x = 1"), "__init__.py: has no classFactory"),
    "no icon": (_without("icons/icon.svg"), "metadata.txt: there is no icons/icon.svg"),
    "no e-mail": (_metadata("email", ""), "metadata.txt: does not say email"),
    "empty tracker": (_metadata("tracker", "tracker="), "metadata.txt: does not say tracker"),
    "not on the web": (
        _metadata("repository", "repository=ask me"),
        "metadata.txt: repository=ask me is no address",
    ),
    "not for qgis_process": (
        _metadata("hasProcessingProvider", "hasProcessingProvider=no"),
        "metadata.txt: hasProcessingProvider=no keeps qgis_process from loading it",
    ),
    "plugin in its name": (
        _metadata("name", "name=geomrcnn Plugin"),
        "metadata.txt: name=geomrcnn Plugin repeats the word plugin",
    ),
    "two lines of description": (
        _metadata("description", "description=Finds\n  objects"),
        "is more than a line",
    ),
    "version in words": (_metadata("version", "version=new"), "version=new is no version"),
    "bare %": (_metadata("about", "about=90 % right"), "metadata.txt: '%' must be followed by"),
    "key twice": (_metadata("tags", "name=geomrcnn"), "option 'name' in section 'general' already"),
    "binary": (_with("libfast.so", b"\x7fELF\xff"), "libfast.so: of no kind that a plugin is"),
    "binary in disguise": (_with("data.txt", b"\x80\x03"), "data.txt: not text in UTF-8"),
    "compiled": (_with("plugin.pyc", b"\0"), "plugin.pyc: of no kind that a plugin is made of"),
    "hidden": (_with(".DS_Store", b"\0"), ".DS_Store: hidden, or left by a tool"),
    "tests": (_with("tests/test_a.py", b""), "tests/test_a.py: tests do not belong"),
    "large": (
        _with("noise.txt", random.Random(0).randbytes(1_100_000).hex().encode()),
        "are more than 1,000,000",
    ),
    "shell": (
        _with("run.py", b"import subprocess\nsubprocess.run('ls', shell=True)"),
        "run.py: line 2: starts a shell",
    ),
    "system": (_with("run.py", b"import os\nos.system('ls')"), "run.py: line 2: calls os.system"),
    "eval": (_with("run.py", b"eval('1')"), "run.py: line 1: calls eval"),
    "Python 3.10": (
        _with("run.py", b"match 1:\n    case 1:\n        pass"),
        "no Python 3.9: Pattern matching",
    ),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_what_cannot_be_published_is_refused_in_one_line(plugin: Path, fault: str) -> None:
    spoil, said = SPOILT[fault]
    spoil(plugin)
    folder = plugin.parent / "dist"
    archive, faults = script.package(plugin, folder)
    assert any(said in line for line in faults), faults
    assert all("\n" not in line for line in faults)
    assert not archive.exists()
    assert list(folder.iterdir()) == []


def test_a_good_zip_is_not_replaced_by_a_bad_one(plugin: Path, tmp_path: Path) -> None:
    archive, _ = script.package(plugin, tmp_path)
    before = archive.read_bytes()
    (plugin / "LICENSE").unlink()
    again, faults = script.package(plugin, tmp_path)
    assert again == archive
    assert len(faults) == 1
    assert archive.read_bytes() == before


# --- zips that other tools make ------------------------------------------------------------------


def test_the_folder_at_the_top(tmp_path: Path) -> None:
    archive, _ = script.package(PLUGIN, tmp_path)
    files = _contents(archive)
    for top, said in [
        ("geomrcnn", "geomrcnn: this folder would hide the Python package of that name"),
        ("geomrcnn-qgis", "geomrcnn-qgis: no name of a Python package"),
        ("geomrcnn_qgis-0.1.0", "geomrcnn_qgis-0.1.0: no name of a Python package"),
    ]:
        moved = {name.replace("geomrcnn_qgis", top, 1): text for name, text in files.items()}
        assert script.check(_zipped(tmp_path / "moved.zip", moved)) == [said]
    two = {**files, "README.txt": b""}
    (fault,) = script.check(_zipped(tmp_path / "two.zip", two))
    assert fault == "not one folder at the top, but ['README.txt', 'geomrcnn_qgis']"
    above = {**files, "geomrcnn_qgis/../x.py": b""}
    faults = script.check(_zipped(tmp_path / "above.zip", above))
    assert "geomrcnn_qgis/../x.py: leads out of the plugin's folder" in faults


def test_damaged_zips(tmp_path: Path) -> None:
    archive, _ = script.package(PLUGIN, tmp_path)
    whole = archive.read_bytes()
    archive.write_bytes(whole[:1000])
    assert "no zip" in script.check(archive)[0]
    stored = _zipped(archive, {"geomrcnn_qgis/metadata.txt": b"abcdefgh" * 100}).read_bytes()
    archive.write_bytes(stored.replace(b"hab", b"hxb", 1))
    assert script.check(archive) == ["geomrcnn_qgis/metadata.txt: damaged in the zip"]
    archive.unlink()
    assert "no zip" in script.check(archive)[0]
