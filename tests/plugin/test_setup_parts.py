"""The parts of making an environment: Pythons, requirements, reasons of failures, the leash."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from environments import doctored_python
from geomrcnn_qgis.child import child
from geomrcnn_qgis.setup import failures, pythons
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


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on "
            "device\n",
            "the disk is full",
        ),
        (
            "error: Failed to install: numpy-2.4.6-cp311.whl (numpy==2.4.6)\n"
            "  cause: failed to copy file to /x: No space left on device (os error 28)\n",
            "the disk is full",
        ),
        (
            "error: Requested package name `geomrcnn` does not match `other` in the distribution "
            "filename: file:///x/other-1.0-py3-none-any.whl\n",
            "is not geomrcnn",
        ),
        (
            "ERROR: Package 'geomrcnn' requires a different Python: 3.11.7 not in '>=3.14'\n",
            "(3.11.7 not in '>=3.14')",
        ),
        (
            "error: No solution found when resolving dependencies\n"
            "  cause: Because the current Python version (3.11.7) does not satisfy Python>=3.14 "
            "and geomrcnn==1 depends on Python>=3.14, we can conclude …\n",
            "does not run on the chosen Python (3.11.7)",
        ),
        (
            "ERROR: geomrcnn-1.0-cp39-cp39-win_amd64.whl is not a supported wheel on this "
            "platform.\n",
            "geomrcnn-1.0-cp39-cp39-win_amd64.whl is for another system",
        ),
        (
            "error: No solution found when resolving dependencies\n"
            "  cause: Because only geomrcnn==1.0 is available and geomrcnn==1.0 has no wheels with "
            "a matching Python version tag (e.g., `cp311`), we can conclude …\n",
            "geomrcnn==1.0 is for another system",
        ),
        (
            "  WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by "
            "'NewConnectionError('…')': /simple/geomrcnn/\n"
            "ERROR: No matching distribution found for geomrcnn\n",
            "the package index cannot be reached",
        ),
        (
            "error: Request failed after 3 retries in 5.3s\n"
            "  cause: error sending request for url (http://nowhere.invalid/simple/geomrcnn/)\n"
            "  cause: dns error\n",
            "the package index cannot be reached",
        ),
        (
            "  cause: Because there is no version of geomrcnn==3 and you require geomrcnn==3\n",
            "the package index has no geomrcnn==3",
        ),
        ("Collecting geomrcnn\nERROR: something new\n", "something new"),
        ("Collecting geomrcnn\n", "how it ended"),
    ],
)
def test_what_pip_and_uv_say_becomes_a_line(said, reason):
    told = failures.reason(said.splitlines(), from_folder=False, ending="how it ended")
    assert reason in told
    assert "\n" not in told
