import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from geomrcnn_qgis.child import child, surroundings


def script(text: str) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(text)]


def heard(text: str) -> tuple[list[dict], list[str], dict]:
    events, lines = [], []
    done = child.run(script(text), on_event=events.append, on_line=lines.append)
    return events, lines, done


def test_events_and_other_lines_are_told_apart():
    events, lines, done = heard(
        """
        print('{"event": "progress", "done": 1, "total": 2}')
        print('{"event": "done", "objects": 7}')
        print('{"no": "event"}')
        print('{broken')
        print("ümläut €")
        """
    )
    assert [event["event"] for event in events] == ["progress", "done"]
    assert done == {"event": "done", "objects": 7}
    assert lines == ['{"no": "event"}', "{broken", "ümläut €"]


def test_a_program_that_says_very_much_on_both_streams_is_heard_out():
    _, lines, _ = heard(
        """
        import sys
        for n in range(20000):
            print("out", n)
            print("err", n, file=sys.stderr)
        """
    )
    assert len(lines) == 40000
    assert [line for line in lines if line.startswith("out")] == [f"out {n}" for n in range(20000)]


def test_callbacks_are_called_in_the_thread_of_the_caller():
    threads = []
    child.run(script("print('x')"), on_line=lambda line: threads.append(threading.current_thread()))
    assert threads == [threading.current_thread()]


def test_bytes_that_are_no_text_do_no_harm():
    _, lines, _ = heard("import sys; sys.stdout.buffer.write(b'\\xff\\xfe line\\n')")
    assert lines == ["\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} line"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("""print('{"event": "error", "message": "no such raster"}'); raise SystemExit(1)""",
         "no such raster"),
        ("import sys; print('Error: full', file=sys.stderr); raise SystemExit(1)", "full"),
        ("raise SystemExit(3)", "geomrcnn ended with code 3"),
        ("raise ValueError('odd')", "geomrcnn ended with code 1: ValueError: odd"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line(text, told):
    with pytest.raises(child.Failed) as failure:
        child.run(script(text))
    assert str(failure.value) == told


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_a_crash_says_so():
    with pytest.raises(child.Failed, match=r"^geomrcnn crashed \(SIGSEGV\)"):
        child.run(script("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    with pytest.raises(child.Failed, match=r"SIGKILL.*memory"):
        child.run(script("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))


def test_a_missing_program_says_so(tmp_path: Path):
    with pytest.raises(child.Failed, match="python: cannot be started: No such file"):
        child.run([str(tmp_path / "python"), "-V"])
    not_executable = tmp_path / "text"
    not_executable.write_text("no program")
    with pytest.raises(child.Failed, match="text: cannot be started: Permission denied"):
        child.run([str(not_executable)])


def cancelled_after(seconds: float):
    began = time.monotonic()
    return lambda: time.monotonic() - began > seconds


def test_cancelling_ends_a_program_that_minds_its_standard_input():
    began = time.monotonic()
    with pytest.raises(child.Cancelled):
        child.run(
            script("import sys; sys.stdin.read()"), is_cancelled=cancelled_after(0.3), grace=30
        )
    assert time.monotonic() - began < 10


def test_a_program_that_does_not_obey_is_killed_after_the_grace():
    pids = []
    with pytest.raises(child.Cancelled):
        child.run(
            script("import os, time; print(os.getpid(), flush=True); time.sleep(60)"),
            on_line=lambda line: pids.append(int(line)),
            is_cancelled=lambda: bool(pids),
            grace=0.5,
        )
    assert not alive(pids[0])


def test_a_callback_that_raises_leaves_no_program_behind():
    pids = []

    def raising(line: str) -> None:
        pids.append(int(line))
        raise RuntimeError("of QGIS")

    with pytest.raises(RuntimeError, match="of QGIS"):
        child.run(
            script("import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"),
            on_line=raising,
        )
    assert not alive(pids[0])


def test_a_program_of_its_own_that_it_leaves_behind_does_not_hold_us():
    began = time.monotonic()
    child.run(
        script(
            """
            import subprocess, sys
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"])
            """
        )
    )
    assert time.monotonic() - began < 10


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_program_sees_the_end_of_its_input_when_we_are_killed(tmp_path: Path):
    written = tmp_path / "pid"
    parent = subprocess.Popen(
        script(
            f"""
            import sys
            sys.path.insert(0, {str(Path(child.__file__).parents[2])!r})
            from geomrcnn_qgis.child import child
            program = ("import os, sys; open({str(written)!r}, 'w').write(str(os.getpid())); "
                       "sys.stdin.read()")
            child.run([sys.executable, "-c", program])
            """
        )
    )
    deadline = time.monotonic() + 20
    while not (written.exists() and written.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    pid = int(written.read_text())
    assert alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid: int) -> bool:
    """Whether a process runs, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_belongs_to_qgis_does_not_reach_the_program():
    given = {
        "PATH": "/usr/bin", "HOME": "/home/me", "PYTHONHOME": "/usr", "PYTHONPATH": "/qgis",
        "PYTHONEXECUTABLE": "/usr/bin/python3", "PROJ_LIB": "/usr/share/proj", "GDAL_DATA": "/x",
        "LD_LIBRARY_PATH": "/qgis/lib", "QT_PLUGIN_PATH": "/qt", "HTTPS_PROXY": "proxy:3128",
        "GDAL_HTTP_PROXY": "proxy:3128", "AWS_PROFILE": "mine",
    }  # fmt: skip
    assert surroundings.clean(given) == {
        "PATH": "/usr/bin", "HOME": "/home/me", "HTTPS_PROXY": "proxy:3128",
        "GDAL_HTTP_PROXY": "proxy:3128", "AWS_PROFILE": "mine",
        "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip


def test_the_program_runs_in_clean_surroundings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONHOME", os.path.join(os.sep, "nowhere"))
    _, lines, _ = heard("import os; print(os.environ.get('PYTHONHOME'))")
    assert lines == ["None"]
