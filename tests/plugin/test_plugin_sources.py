"""What the plugin's sources may say: they run in QGIS's Python, whichever that is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "qgis_plugin"
PLUGIN = FOLDER / "geomrcnn_qgis"
SOURCES = sorted(PLUGIN.rglob("*.py"))

NEWER = {"tomllib"}
REMOVED = {"asynchat", "asyncore", "cgi", "distutils", "imp", "pipes", "smtpd", "telnetlib"}
STANDARD = set(sys.stdlib_module_names) - NEWER - REMOVED
ALLOWED = STANDARD | {"qgis", "processing", "osgeo", "geomrcnn_qgis"}
"""The standard library of Python 3.9 to 3.13, and what QGIS brings. Nothing else is there."""

GONE = {"exec_", "print_", "QRegExp", "QDesktopWidget", "QDirModel"}
"""Names that PyQt6 no longer has."""

LATER = {("zip", "strict"), ("dataclass", "slots"), ("dataclass", "kw_only")}
"""Arguments that functions took after Python 3.9."""

_MEMBER = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")
"""Named like a class or a member of an enum; not like a constant."""


def faults(source: str) -> list[str]:
    """What a source must not do, each with its line."""
    tree = ast.parse(source, feature_version=(3, 9))
    found = [*_imports(tree), *_names(tree), *_enums(tree), *_annotations(tree)]
    return [f"line {line}: {fault}" for line, fault in sorted(set(found))]


Faults = Iterator["tuple[int, str]"]


def _imports(tree: ast.AST) -> Faults:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            if name.split(".")[0] not in ALLOWED:
                yield node.lineno, f"imports {name}"


def _names(tree: ast.AST) -> Faults:
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(node, "id", None)
        if name in GONE:
            yield node.lineno, f"{name} is gone from PyQt6"
        if isinstance(node, ast.alias) and node.name in GONE:
            yield node.lineno, f"{node.name} is gone from PyQt6"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")[-1]
            for word in node.keywords:
                if (called, word.arg) in LATER:
                    yield node.lineno, f"{called}({word.arg}=) came after Python 3.9"


def _enums(tree: ast.AST) -> Faults:
    """Members of Qt's enums without the name of the enum, which PyQt6 does not know.

    `Qt.ItemDataRole.UserRole` is right: below a class of Qt, a name that begins with a capital is
    an enum, and either has a member below it or is called. A member taken from an object, as in
    `self.buttons.Ok`, is never right.
    """
    qt = _imported(tree, r"qgis\.PyQt(\..*)?")
    modules = _imported(tree, r"qgis\.PyQt")
    known = _imported(tree, ".*") | _defined(tree)
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not _MEMBER.fullmatch(node.attr):
            continue
        above = parents.get(id(node))
        if isinstance(above, ast.Attribute) or node is getattr(above, "func", None):
            continue
        written = ast.unparse(node)
        words = written.split(".")[:-1]
        if words[0] in qt and len(words) - (words[0] in modules) == 1:
            yield node.lineno, f"{written} lacks the name of its enum"
        if words[0] not in known and words[-1][:1].islower():
            yield node.lineno, f"{written} is a member of an enum, taken from an object"


def _imported(tree: ast.AST, module: str) -> set[str]:
    """Names that come from modules with a name such as this pattern."""
    return {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if re.fullmatch(module, getattr(node, "module", "") or "")
    }


def _defined(tree: ast.AST) -> set[str]:
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _annotations(tree: ast.Module) -> Faults:
    """Types such as `int | None` are fine in Python 3.9 only while nobody evaluates them."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    later = any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body
    )
    if functions and not later:
        yield 1, "lacks `from __future__ import annotations`"
    for node in ast.walk(tree):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called in {"isinstance", "issubclass"} and isinstance(node.args[1], ast.BinOp):
            yield node.lineno, "asks for a union of types, which came after Python 3.9"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_sources_keep_to_what_every_qgis_has(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import numpy as np", "imports numpy"),
        ("def f():\n    import tensorflow.keras", "imports tensorflow.keras"),
        ("from geomrcnn.errors import GeomrcnnError", "imports geomrcnn.errors"),
        ("from PyQt5.QtCore import Qt", "imports PyQt5.QtCore"),
        ("from PyQt6 import QtCore", "imports PyQt6"),
        ("import tomllib", "imports tomllib"),
        ("from qgis.PyQt.QtCore import QRegExp", "QRegExp is gone from PyQt6"),
        ("dialog.exec_()", "exec_ is gone from PyQt6"),
        ("zip(a, b, strict=True)", "zip(strict=) came after Python 3.9"),
        ("@dataclass(slots=True)\nclass A: ...", "dataclass(slots=) came after Python 3.9"),
        ("isinstance(a, int | str)", "asks for a union of types"),
        ("def f(a: int | None): ...", "lacks `from __future__ import annotations`"),
        ("from qgis.PyQt.QtCore import Qt\nQt.UserRole", "Qt.UserRole lacks the name of its enum"),
        (
            "from qgis.PyQt.QtCore import Qt\nf(Qt.AlignLeft | Qt.AlignTop)",
            "Qt.AlignTop lacks the name of its enum",
        ),
        (
            "from qgis.PyQt import QtCore\nQtCore.Qt.UserRole == 1",
            "QtCore.Qt.UserRole lacks the name of its enum",
        ),
        ("self.buttons.Ok", "self.buttons.Ok is a member of an enum, taken from an object"),
        ("self.Accepted", "self.Accepted is a member of an enum, taken from an object"),
    ],
)
def test_the_checks_find_what_they_look_for(code: str, fault: str) -> None:
    assert any(fault in found for found in faults(code)), faults(code)


@pytest.mark.parametrize(
    "code",
    [
        "import json, os.path\nfrom . import child\nchild.Failed('x')",
        "from qgis.PyQt.QtCore import Qt\nQt.ItemDataRole.UserRole",
        "from qgis.PyQt.QtCore import Qt\nQt.ItemDataRole(256)",
        "from qgis.PyQt import QtCore\nQtCore.Qt.ItemDataRole.UserRole",
        "from qgis.core import QgsWkbTypes\nQgsWkbTypes.PolygonGeometry",
        "class A:\n    class B: ...\nA.B",
        "self.LARGEST",
        "dataset.GetLayer(0)",
        "def f():\n    import processing",
    ],
)
def test_the_checks_let_pass_what_is_right(code: str) -> None:
    assert [fault for fault in faults(code) if "lacks `from" not in fault] == []


def test_importing_the_plugin_needs_no_qgis() -> None:
    code = "import sys, geomrcnn_qgis; print(sorted({'qgis', 'geomrcnn'} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "[]", answer.stderr
