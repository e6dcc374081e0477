"""Profiles of QGIS that have the plugin, and QGIS's programs run with one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PLUGIN = Path(__file__).resolve().parents[1] / "geomrcnn_qgis"

SETTINGS = """\
[PythonPlugins]
geomrcnn_qgis=true
processing=true

[Processing]
Configuration\\GEOMRCNN_PYTHON={interpreter}

[app]
projections\\newProjectCrsBehavior=UseCrsOfFirstLayer

[qgis]
checkVersion=false
showTips=false
"""


def make_profile(folder: Path, interpreter: str = "") -> Path:
    """A fresh profile with the plugin from this source tree.

    Args:
        folder: Where it is made.
        interpreter: The Python chosen in the options; "" as in a profile in which none was chosen.

    Returns:
        What `QGIS_CUSTOM_CONFIG_PATH` and `--profiles-path` want.
    """
    profile = folder / "profiles" / "default"
    (profile / "QGIS").mkdir(parents=True)
    (profile / "QGIS" / "QGIS3.ini").write_text(SETTINGS.format(interpreter=interpreter))
    plugins = profile / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / PLUGIN.name).symlink_to(PLUGIN)
    return folder


def surroundings(profile: Path, **more: str) -> dict[str, str]:
    """Environment variables for a program of QGIS, with some more."""
    # A Python before /usr/bin on the path is taken for QGIS's own, which then finds no module.
    wanted = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "QGIS_CUSTOM_CONFIG_PATH": str(profile),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        **more,
    }
    unwanted = {"GEOMRCNN_PYTHON", "PYTHONHOME", "PYTHONPATH", "QGIS_OPTIONS_PATH", "VIRTUAL_ENV"}
    return {**{name: os.environ[name] for name in os.environ.keys() - unwanted}, **wanted}


def qgis_process(
    profile: Path, *arguments: str, timeout: float = 120, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run QGIS without a window: `qgis_process ARGUMENTS`.

    Args:
        profile: What `make_profile` made.
        arguments: Of the program.
        timeout: Seconds.
        more: Further environment variables.
    """
    return subprocess.run(
        [program(), *arguments],
        env=surroundings(profile, QT_QPA_PLATFORM="offscreen", **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def program() -> str:
    """The path of qgis_process."""
    # Debian's own wrapper hands it an option that it does not know.
    path = "/usr/bin:/bin"
    found = shutil.which("qgis_process.bin", path=path) or shutil.which("qgis_process", path=path)
    assert found, "QGIS has no qgis_process"
    return found
