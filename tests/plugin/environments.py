"""Small packages and doctored Pythons, for tests of making environments."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

FACTS = """
import json, sys
from importlib.util import find_spec

assert sys.argv[1:4] == ["inspect", "environment", "--json"]
print(json.dumps({
    "version": "1.0", "python": "3.x", "executable": sys.executable, "devices": ["CPU"],
    "extras": {"train": find_spec("tiny_tensorflow") is not None},
    "models": [{"name": "fields", "classes": ["field"], "gsd": 2.0}],
}))
"""
"""`python -m geomrcnn` of a package that only knows what it has."""


def wheel(folder: Path, name: str, files: dict[str, str], needs: tuple[str, ...] = ()) -> Path:
    """Write a wheel of version 1.0."""
    info = f"{name}-1.0.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", "Provides-Extra: train"]
    metadata += [f"Requires-Dist: {need}" for need in needs]
    contents = {
        **files,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*contents, f"{info}/RECORD"])
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**contents, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return path


def geomrcnn_wheel(folder: Path, needs: tuple[str, ...] = ()) -> Path:
    """Write a wheel that has geomrcnn's name, and answers when asked what it has."""
    files = {"geomrcnn/__init__.py": "", "geomrcnn/__main__.py": FACTS}
    return wheel(folder, "geomrcnn", files, needs)


def slow_source(folder: Path) -> Path:
    """Write source that takes a minute to build, and the number of the process that builds it."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n'
        '[project]\nname = "geomrcnn"\nversion = "1.0"\n'
    )
    (folder / "slow.py").write_text(
        "import os, time\nfrom pathlib import Path\n"
        "def prepare_metadata_for_build_wheel(*_, **__):\n"
        f"    Path({str(folder / 'process')!r}).write_text(str(os.getpid()))\n"
        "    time.sleep(60)\n"
        "build_wheel = prepare_metadata_for_build_wheel\n"
    )
    return folder


def doctored_python(folder: Path, code: str) -> str:
    """Make a Python that runs some code before anything else; its path."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "sitecustomize.py").write_text(code)
    return str(folder / "bin" / "python")
