"""The machine that figures belong to, in words."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import openvino

LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # not on Windows
"""Processes that wanted to run in the minute before this one began."""
PACKAGES = ("openvino", "tensorflow", "numpy", "rasterio", "shapely")


def machine() -> str:
    """Processor, cores, system and versions, and how busy it was before: one line of Markdown."""
    processor = openvino.Core().get_property("CPU", "FULL_DEVICE_NAME").strip()
    told = [f"{processor}, {cores()} cores", f"{platform.system()} {platform.machine()}"]
    told += [f"Python {platform.python_version()}", *_versions()]
    if LOAD is not None:
        told.append(f"load {LOAD:.1f} before")
    return f"*{'; '.join(told)}*"


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _versions() -> list[str]:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found
