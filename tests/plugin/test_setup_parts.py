"""The parts of making an environment: Pythons, requirements, reasons of failures, the leash."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from environments import doctored_python
from geomrcnn_qgis.child import child
from geomrcnn_qgis.setup import pythons
from geomrcnn_qgis.setup.creation import LEASH
from geomrcnn_qgis.setup.requirement import requirement


def test_pythons_of_this_machine_are_found_once_each_and_the_best_first(tmp_path, monkeypatch):
    old = doctored_python(tmp_path / "old", "import sys; sys.version_info = (3, 9, 18, 'final', 0)")
    Path(old).rename(tmp_path / "old" / "bin" / "python3.9")
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "python3").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "fake" / "python3").chmod(0o755)
    base = Path(sys.base_prefix) / "bin"
    folders = [str(tmp_path / "old" / "bin"), str(tmp_path / "fake"), str(base)]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    found = pythons.found()
    assert all(python.version >= (3, 10) for python in found)
    files = [os.path.realpath(python.path) for python in found]
    assert len(set(files)) == len(files)
    assert os.path.realpath(sys.executable) in files
    best = [python for python in found if python.able and python.version < (3, 14)]
    assert best == sorted(best, key=lambda python: python.version, reverse=True)
    assert found[: len(best)] == best


def test_what_the_launcher_of_windows_lists():
    lines = [
        r" -V:3.12 *        C:\Users\A Name\AppData\Local\Programs\Python\Python312\python.exe",
        r" -3.10-64         C:\Python310\python.exe *",
        "Installed Pythons found by py Launcher for Windows",
        "",
    ]
    assert pythons.launcher_paths(lines) == [
        r"C:\Users\A Name\AppData\Local\Programs\Python\Python312\python.exe",
        r"C:\Python310\python.exe",
    ]


@pytest.mark.parametrize(
    ("text", "training", "wanted"),
    [
        ("", False, "geomrcnn"),
        (" geomrcnn ", True, "geomrcnn[train]"),
        ("geomrcnn==1.2", True, "geomrcnn[train]==1.2"),
        ("geomrcnn[train] >=1,<2", True, "geomrcnn[train]>=1,<2"),
        ("geomrcnn[osm]", True, "geomrcnn[osm,train]"),
        ("https://host/g.whl", True, "geomrcnn[train] @ https://host/g.whl"),
        ("git+https://host/g.git@main", False, "geomrcnn @ git+https://host/g.git@main"),
    ],
)
def test_what_pip_is_asked_for(text, training, wanted):
    assert requirement(text, training) == wanted


def test_a_path_becomes_a_url(tmp_path):
    folder = tmp_path / "my source"
    folder.mkdir()
    assert requirement(str(folder), True) == f"geomrcnn[train] @ {folder.as_uri()}"
    assert "%20" in folder.as_uri()


@pytest.mark.parametrize("text", ["numpy", "geomrcnn-other", "/nowhere/geomrcnn", "missing.whl"])
def test_what_is_not_geomrcnn_is_refused(text):
    with pytest.raises(child.Failed, match=re.escape(text)):
        requirement(text, False)


def leashed(code: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-I", str(LEASH), sys.executable, "-c", code]
    return subprocess.Popen(command, stdin=subprocess.PIPE, **options)


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("", 0),
        ("raise SystemExit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 139),
    ],
)
def test_the_leash_passes_on_how_a_program_ended(code, exit_code):
    with leashed(code) as process:
        assert process.wait(10) == exit_code


def test_the_leash_ends_the_program_and_its_children():
    code = (
        "import subprocess, sys; print('started', flush=True)\n"
        "subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    )
    with leashed(code, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdin.close()
        # The pipe ends when the last of those who hold it has ended.
        assert process.stdout.read() == b""
        assert process.wait(5) == 137
