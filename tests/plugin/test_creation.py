"""Environments that are made, refused, cancelled and broken off, with real pip and real venv."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from environments import doctored_python, geomrcnn_wheel, slow_source, wheel
from geomrcnn_qgis.child import child
from geomrcnn_qgis.setup import creation, folder
from geomrcnn_qgis.setup.creation import Plan
from geomrcnn_qgis.setup.lock import held

UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or ""
"""From the extra "dev"."""


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system on which there is no room for pip."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root can mount a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("cannot mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    place = tmp_path / "wheels"
    place.mkdir()
    return place


@pytest.fixture
def plan(tmp_path: Path, wheels: Path) -> Plan:
    return Plan(sys.executable, tmp_path / "data" / "environment", wheels=wheels)


def made(plan: Plan, **hooks):
    heard = {"on_step": lambda _: None, "on_line": lambda _: None, **hooks}
    return creation.create(plan, **heard)


def refusal(plan: Plan) -> str:
    """What is said of a plan that must fail; nothing may be left of the attempt."""
    before = sorted(plan.folder.parent.rglob("*"))
    with pytest.raises(child.Failed) as failed:
        made(plan)
    assert sorted(plan.folder.parent.rglob("*")) == before
    assert "\n" not in str(failed.value)
    return str(failed.value)


def old_environment(plan: Plan, wheels: Path) -> Path:
    """An environment that works, made before; its interpreter."""
    geomrcnn_wheel(wheels)
    made(plan)
    return folder.python_in(plan.folder)


def answers(python: Path) -> bool:
    command = [python, "-I", "-m", "geomrcnn", "inspect", "environment", "--json", "-"]
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A dead one whose parent has not looked yet is still there.
    return ") Z" not in Path(f"/proc/{process}/stat").read_text()


def wait_for(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_an_environment_is_made_from_a_folder_of_wheels(plan, wheels):
    geomrcnn_wheel(wheels)
    steps, lines = [], []
    facts = made(plan, on_step=steps.append, on_line=lines.append)
    assert facts.version == "1.0"
    assert not facts.extras["train"]
    assert facts.executable == str(folder.python_in(plan.folder))
    assert [step.number for step in steps] == [1, 2, 3, 4]
    assert {step.total for step in steps} == {4}
    assert any("Successfully installed geomrcnn-1.0" in line for line in lines)
    assert folder.is_complete(plan.folder)
    assert [path.name for path in plan.folder.parent.iterdir()] == ["environment"]
    assert not (plan.folder / "tmp").exists()


def test_training_brings_what_the_extra_says(plan, wheels):
    geomrcnn_wheel(wheels, needs=('tiny_tensorflow; extra == "train"',))
    assert "no tiny_tensorflow" in refusal(replace(plan, training=True)).replace("-", "_")
    wheel(wheels, "tiny_tensorflow", {"tiny_tensorflow.py": ""})
    assert made(replace(plan, training=True)).extras["train"]


def test_a_wheel_can_be_named_by_its_path(plan, wheels, tmp_path):
    other = tmp_path / "named with spaces"
    other.mkdir()
    named = geomrcnn_wheel(other, needs=('tiny_tensorflow; extra == "train"',))
    wheel(wheels, "tiny_tensorflow", {"tiny_tensorflow.py": ""})
    assert made(replace(plan, what=str(named), training=True)).extras["train"]


@pytest.mark.skipif(not UV, reason="needs uv")
def test_uv_installs_the_same(plan, wheels):
    named = geomrcnn_wheel(wheels, needs=('tiny_tensorflow; extra == "train"',))
    with_uv = replace(plan, uv=UV, training=True)
    assert "no tiny-tensorflow" in refusal(with_uv)
    wheel(wheels, "tiny_tensorflow", {"tiny_tensorflow.py": ""})
    assert made(with_uv).extras["train"]
    assert made(replace(with_uv, what=str(named))).extras["train"]


@pytest.mark.skipif(not UV, reason="needs uv")
def test_uv_does_without_ensurepip(plan, wheels, tmp_path):
    geomrcnn_wheel(wheels)
    bare = doctored_python(tmp_path / "bare", "import sys; sys.modules['ensurepip'] = None")
    assert made(replace(plan, python=bare, uv=UV)).version == "1.0"


def test_an_environment_stays_until_a_newer_is_complete(plan, wheels):
    python = old_environment(plan, wheels)
    (plan.folder / "old").touch()
    geomrcnn_wheel(wheels, needs=("nowhere",))
    assert "the folder of wheels has no nowhere" in refusal(plan)
    assert answers(python)
    assert folder.is_complete(plan.folder)
    geomrcnn_wheel(wheels)
    made(plan)
    assert not (plan.folder / "old").exists()
    assert [path.name for path in plan.folder.parent.iterdir()] == ["environment"]


def test_a_full_disk(plan, wheels, small_disk):
    geomrcnn_wheel(wheels)
    with pytest.raises(child.Failed, match="the disk is full"):
        made(replace(plan, folder=small_disk / "environment"))
    assert list(small_disk.iterdir()) == []


def test_a_package_that_does_not_answer_is_no_success(plan, wheels):
    wheel(wheels, "geomrcnn", {"geomrcnn/__init__.py": "", "geomrcnn/__main__.py": "print(7)"})
    assert "does not answer as geomrcnn does" in refusal(plan)


def test_a_wheel_of_something_else_is_refused(plan, wheels):
    other = wheel(wheels, "other", {"other.py": ""})
    assert "is not geomrcnn" in refusal(replace(plan, what=str(other)))


def test_a_folder_of_wheels_without_geomrcnn_is_refused(plan, wheels):
    wheel(wheels, "other", {"other.py": ""})
    assert f"{wheels}: has no wheel of geomrcnn" in refusal(plan)
    assert "there is no such folder" in refusal(replace(plan, wheels=wheels / "none"))


def test_without_a_network_the_folder_of_wheels_is_proposed(plan, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "1")
    said = refusal(replace(plan, wheels=None))
    assert "the package index cannot be reached" in said
    assert "a folder of wheels" in said


def test_an_index_without_geomrcnn(plan, tmp_path, monkeypatch):
    (tmp_path / "simple" / "geomrcnn").mkdir(parents=True)
    (tmp_path / "simple" / "geomrcnn" / "index.html").write_text("<html></html>")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    assert "the package index has no geomrcnn" in refusal(replace(plan, wheels=None))


@pytest.mark.parametrize(
    ("python", "reason"),
    [
        ("", "there is no Python to make an environment from"),
        ("/nowhere/python3", "/nowhere/python3: is no Python"),
        ("/bin/ls", "/bin/ls: is no Python"),
    ],
)
def test_what_is_no_python_is_refused(plan, python, reason):
    assert reason in refusal(replace(plan, python=python))


def test_a_python_that_is_too_old_is_refused(plan, tmp_path):
    old = doctored_python(tmp_path / "old", "import sys; sys.version_info = (3, 9, 18, 'final', 0)")
    assert "is Python 3.9.18 and geomrcnn needs 3.10" in refusal(replace(plan, python=old))


def test_a_python_without_ensurepip_is_refused(plan, tmp_path):
    bare = doctored_python(tmp_path / "bare", "import sys; sys.modules['ensurepip'] = None")
    assert "sudo apt install python3." in refusal(replace(plan, python=bare))


def test_a_folder_with_other_things_in_it_is_left_alone(plan, wheels):
    geomrcnn_wheel(wheels)
    plan.folder.mkdir(parents=True)
    (plan.folder / "thesis.odt").write_text("years of work")
    assert "holds files that were not made here" in refusal(plan)
    assert (plan.folder / "thesis.odt").read_text() == "years of work"
    assert "is a file" in refusal(replace(plan, folder=plan.folder / "thesis.odt"))


def test_a_folder_that_cannot_be_made(plan, wheels, tmp_path):
    geomrcnn_wheel(wheels)
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "environment", Path("/proc/environment")):
        with pytest.raises(child.Failed, match=r"cannot be written \(.+\): choose another folder"):
            made(replace(plan, folder=place))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_must_not_be_written(plan, wheels):
    geomrcnn_wheel(wheels)
    plan.folder.parent.mkdir(mode=0o500)
    assert "Permission denied" in refusal(plan)


def test_two_do_not_make_the_same_environment(plan, wheels):
    geomrcnn_wheel(wheels)
    with held(plan.folder) as ours:
        assert ours
        assert "another QGIS makes an environment there" in refusal(plan)


@pytest.mark.parametrize("number", [3, 4])
def test_a_step_that_is_cancelled_leaves_nothing(plan, wheels, number):
    geomrcnn_wheel(wheels)
    steps = []
    with pytest.raises(child.Cancelled):
        made(
            plan,
            on_step=steps.append,
            is_cancelled=lambda: bool(steps) and steps[-1].number == number,
        )
    assert list(plan.folder.parent.iterdir()) == []


def test_a_build_is_cancelled_within_a_second(plan, tmp_path):
    source = slow_source(tmp_path / "source")
    cancelled = threading.Event()
    ended = []

    def run() -> None:
        with pytest.raises(child.Cancelled):
            made(replace(plan, what=str(source)), is_cancelled=cancelled.is_set)
        ended.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    wait_for((source / "process").exists)
    wait_for(lambda: (source / "process").read_text())
    began = time.monotonic()
    cancelled.set()
    thread.join()
    assert ended[0] - began < 1
    assert not is_running(int((source / "process").read_text()))
    assert list(plan.folder.parent.iterdir()) == []


def test_when_qgis_is_killed_the_build_ends_and_the_old_environment_comes_back(
    plan, wheels, tmp_path
):
    python = old_environment(plan, wheels)
    source = slow_source(tmp_path / "source")
    program = (
        "import sys; from pathlib import Path\n"
        "from geomrcnn_qgis.setup.creation import Plan, create\n"
        f"plan = Plan(sys.executable, Path({str(plan.folder)!r}), what={str(source)!r})\n"
        "create(plan, on_step=print, on_line=print)\n"
    )
    paths = os.pathsep.join(sys.path)
    qgis = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
    )
    wait_for((source / "process").exists)
    wait_for(lambda: (source / "process").read_text())
    qgis.send_signal(signal.SIGKILL)
    qgis.wait()
    wait_for(lambda: not is_running(int((source / "process").read_text())), seconds=2)
    assert not folder.is_complete(plan.folder)
    folder.restore(plan.folder)
    assert folder.is_complete(plan.folder)
    assert answers(python)
    assert [path.name for path in plan.folder.parent.iterdir()] == ["environment"]
