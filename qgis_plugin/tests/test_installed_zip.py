"""The zip of scripts/package_plugin, installed as QGIS's plugin manager does it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from profiles import PLUGIN, make_profile, qgis_process

PACKAGE = PLUGIN.parents[1] / "scripts" / "package_plugin"


def test_the_zip_brings_the_algorithms(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(PACKAGE), "--out", str(tmp_path)], check=True)
    (archive,) = tmp_path.glob("*.zip")
    profile = make_profile(tmp_path / "profile")
    plugins = profile / "profiles" / "default" / "python" / "plugins"
    (plugins / PLUGIN.name).unlink()
    shutil.unpack_archive(archive, plugins)
    done = qgis_process(profile, "list")
    assert done.returncode == 0, done.stderr
    for name in ("predict", "chips", "train", "evaluate", "environment"):
        assert f"geomrcnn:{name}\t" in done.stdout, done.stdout
    assert "Traceback" not in done.stderr
