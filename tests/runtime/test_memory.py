"""As many tiles at once as there is memory for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.network.resizing import frame_for
from geomrcnn.runtime import load_detector, openvino
from geomrcnn.runtime.detector import streams_of
from geomrcnn.runtime.memory import available_memory, bytes_for_a_tile, streams_that_fit

GB = 10**9


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


MACHINE = {"proc/meminfo": "MemTotal: 9000000 kB\nMemFree: 1000 kB\nMemAvailable:    6000000 kB\n"}
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc and /sys are Linux's")


@linux
def test_a_machine_tells_what_it_has(tmp_path: Path) -> None:
    assert available_memory(write(tmp_path, MACHINE)) == 6_144_000_000
    assert available_memory(tmp_path / "empty") is None


def test_this_machine_has_some_memory() -> None:
    left = available_memory()
    assert left is not None
    assert 10**7 < left < 10**14


@linux
@pytest.mark.parametrize("where", ["", "system.slice/docker-1/", "system.slice/"])
def test_a_group_may_have_less(tmp_path: Path, where: str) -> None:
    """Its own limit counts, that of a group around it, and in a container that of the mount."""
    limit = {
        "proc/self/cgroup": "0::/system.slice/docker-1\n",
        f"sys/fs/cgroup/{where}memory.max": "3000000000\n",
        f"sys/fs/cgroup/{where}memory.current": "1000000000\n",
        f"sys/fs/cgroup/{where}memory.stat": "anon 700000000\ninactive_file 300000000\n",
    }
    assert available_memory(write(tmp_path, MACHINE | limit)) == 2_300_000_000


@linux
def test_a_group_without_a_limit_leaves_all(tmp_path: Path) -> None:
    free = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "max\n",
        "sys/fs/cgroup/memory.current": "1000000000\n",
    }
    assert available_memory(write(tmp_path, MACHINE | free)) == 6_144_000_000


@linux
def test_groups_of_version_1_count_too(tmp_path: Path) -> None:
    limit = {
        "proc/self/cgroup": "5:cpu,cpuacct:/job\n4:memory:/job\n",
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "2000000000\n",
        "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "500000000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "4000000000\n",
    }
    assert available_memory(write(tmp_path, MACHINE | limit)) == 1_500_000_000


def test_streams_are_as_many_as_fit_and_at_least_one() -> None:
    assert [streams_that_fit(4, GB, left) for left in (0, 2 * GB, 4 * GB, 100 * GB, None)] == [
        1, 1, 3, 4, 4,
    ]  # fmt: skip


def test_where_memory_is_short_a_tile_is_looked_at_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = bytes_for_a_tile(Bundle.open("fields").config(), 512)
    for left, streams in ((needed, 1), (3 * needed, 2)):
        monkeypatch.setattr(openvino, "available_memory", lambda left=left: left)
        assert streams_of(load_detector("fields", tile=512, threads=None, streams=2)) == streams


def test_a_laptop_of_8_gb_looks_at_a_town_tile_by_tile_and_at_fields_two_by_two() -> None:
    for name, streams in (("buildings", 1), ("fields", 4)):
        bundle = Bundle.open(name)
        side = max(frame_for(bundle.config(), bundle.card.tile, bundle.card.tile).array)
        assert streams_that_fit(4, bytes_for_a_tile(bundle.config(), side), 5 * GB) == streams


LOOK = """
import numpy as np
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime import load_detector

def megabytes(key):
    with open("/proc/self/status") as status:
        return [int(line.split()[1]) / 1000 for line in status if line.startswith(key)][0]

image = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
detector = load_detector("fields", precision="fp32", tile=SIDE, streams=1)
before = megabytes("VmRSS:")
detector.detect([Tile(0, 0, Window(0, 0, SIDE, SIDE), image, np.ones((SIDE, SIDE), bool))])
print(megabytes("VmHWM:") - before)
"""


@linux
@pytest.mark.parametrize("side", [512, 1024])
def test_a_tile_takes_no_more_than_was_foreseen(side: int) -> None:
    code = LOOK.replace("SIDE", str(side))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    foreseen = bytes_for_a_tile(Bundle.open("fields").config(), side) / 1e6
    assert 0.2 * foreseen < float(done.stdout) < foreseen
