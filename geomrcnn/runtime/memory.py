"""How much memory there is, and how much a network needs for a tile."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from geomrcnn.network.config import MaskRCNNConfig

FLOAT = 4

ALWAYS = 100_000_000
"""Bytes that OpenVINO takes for a tile of any size, at most. What follows was measured with
OpenVINO 2026.4, and is more than that by a fifth at least."""

CHANNEL = 3.5
"""Bytes for each pixel of a tile and each channel of the pyramid. With what follows, 810 MB are
foreseen for `fields` and tiles of 1024 pixels, where 350 were measured, and 1,800 for a ResNet-50,
whose own maps are wider, where 1,410 were."""

PROPOSAL = 8
"""Times that the features of a proposal are there at once: pooled, reordered, joined, sorted ..."""

DETECTION = 18
"""... and those of a detection in the mask head, which doubles their grid twice."""

SHARE = 0.8
"""Of what is available, that may be taken."""


def bytes_for_a_tile(config: MaskRCNNConfig, side: int) -> int:
    """What a network needs beside its weights, as long as it looks at one tile; rather too much.

    Most of it are features of proposals and detections, of which there may be thousands where
    objects are crowded.

    Args:
        config: Of the network.
        side: Of the tile, in pixels of the network.
    """
    pooled = config.proposals * PROPOSAL * config.box_pool**2
    drawn = config.detections * DETECTION * (config.mask_size // 2) ** 2
    of_a_channel = CHANNEL * side**2 + FLOAT * (pooled + drawn)
    return ALWAYS + round(config.pyramid_channels * of_a_channel)


def streams_that_fit(wanted: int, needed: int, available: int | None) -> int:
    """Tiles to look at side by side: as many as wanted if memory is enough, and at least one.

    Args:
        wanted: At most.
        needed: Bytes for each.
        available: Bytes that there are; None if that is not known.
    """
    return wanted if available is None else max(1, min(wanted, int(SHARE * available) // needed))


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process may still take without swapping; None where the system does not tell.

    In a container or a job of a batch system, that is what its control group leaves. macOS tells
    only how much there is in all; half of that is taken to be in use.

    Args:
        root: Where `proc` and `sys` are.
    """
    if sys.platform == "win32":
        return _available_on_windows()
    if sys.platform == "darwin":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    left = [*_of_the_system(root), *_of_groups(root)]
    return min(left, default=None)


def _of_the_system(root: Path) -> Iterator[int]:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield 1024 * int(line.split()[1])


def _of_groups(root: Path) -> Iterator[int]:
    """What is left to the control groups of this process, version 1 and 2, and to those around."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory") and "memory" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        limit, used, idle = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            if controllers
            else ("memory.max", "memory.current", "inactive_file")
        )
        group = mount / path.strip("/")
        # In a container the path may be the host's, and its own group is where all are mounted.
        for folder in {mount, *(one for one in (group, *group.parents) if mount in one.parents)}:
            most, now = _number(folder / limit), _number(folder / used)
            if most is not None and now is not None:
                # Files that were read count as used, and go when memory is short.
                kept = dict(line.split() for line in _lines(folder / "memory.stat"))
                yield max(0, most - now + int(kept.get(idle, 0)))


def _number(path: Path) -> int | None:
    """The number in a file; None if there is none, as where a limit is "max"."""
    (text, *_) = [*_lines(path), ""]
    return int(text) if text.isdecimal() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


class _Status(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("length", ctypes.c_ulong), ("load", ctypes.c_ulong),
        ("physical", ctypes.c_ulonglong), ("physical_left", ctypes.c_ulonglong),
        ("paged", ctypes.c_ulonglong), ("paged_left", ctypes.c_ulonglong),
        ("virtual", ctypes.c_ulonglong), ("virtual_left", ctypes.c_ulonglong),
        ("extended_left", ctypes.c_ulonglong),
    ]  # fmt: skip


def _available_on_windows() -> int | None:
    status = _Status(length=ctypes.sizeof(_Status))
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined, unused-ignore]
    return status.physical_left if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None
