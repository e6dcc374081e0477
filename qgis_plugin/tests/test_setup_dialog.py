"""The dialog that makes an environment or takes one, with real processes in its thread."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from environments import geomrcnn_wheel, slow_source
from geomrcnn_qgis.setup.dialog import SetupDialog
from geomrcnn_qgis.setup.folder import is_complete, python_in
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import QDialog

PYTHON = os.environ["GEOMRCNN_PYTHON"]
"""An interpreter that has the real geomrcnn."""

PICTURES = os.environ.get("GEOMRCNN_PICTURES")
"""A folder for pictures of the dialog in each state, to be looked at."""


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        QCoreApplication.processEvents()
        time.sleep(0.005)


def picture(dialog: SetupDialog, name: str) -> None:
    if PICTURES:
        QCoreApplication.processEvents()
        dialog.grab().save(str(Path(PICTURES) / f"{name}.png"))


def is_idle(dialog: SetupDialog) -> bool:
    return dialog.go.isEnabled()


@pytest.fixture
def remembered() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def nothing_chosen(qgis_app, monkeypatch) -> None:
    monkeypatch.delenv("GEOMRCNN_PYTHON")


@pytest.fixture
def dialog(tmp_path: Path, remembered) -> Iterator[SetupDialog]:
    dialog = SetupDialog(data=tmp_path / "data", remember=remembered.append)
    dialog.show()
    wait_for(lambda: is_idle(dialog))
    yield dialog
    dialog.reject()
    wait_for(lambda: not dialog.isVisible())
    dialog.deleteLater()


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    return tmp_path / "data" / "environment"


def ask_for_wheels(dialog: SetupDialog, folder: Path) -> None:
    dialog.new.source.setCurrentIndex(1)
    dialog.new.wheels.setFilePath(str(folder))


def test_it_proposes_a_python_and_a_folder(dialog, environment):
    assert dialog.make_new.isChecked()
    assert Path(dialog.new.python.currentData()).is_file()
    assert dialog.new.python.currentText().startswith("Python 3.")
    assert dialog.new.folder.filePath() == str(environment)
    assert "Takes about 1.0 GB" in dialog.new.room.text()
    picture(dialog, "1-first")
    dialog.new.training.setChecked(True)
    assert "Takes about 3.3 GB" in dialog.new.room.text()
    picture(dialog, "2-training")


def test_an_environment_is_made_and_remembered(dialog, environment, remembered, tmp_path):
    geomrcnn_wheel(tmp_path)
    ask_for_wheels(dialog, tmp_path)
    dialog.go.click()
    assert dialog.bar.isVisible()
    assert not dialog.new.isEnabled()
    wait_for(lambda: "Step 3 of 4" in dialog.message.text())
    picture(dialog, "3-making")
    wait_for(lambda: is_idle(dialog))
    picture(dialog, "4-made")
    assert remembered == [str(python_in(environment))]
    assert "geomrcnn is ready" in dialog.message.text()
    assert "Models: fields" in dialog.message.text()
    assert "Successfully installed geomrcnn-1.0" in dialog.log.toPlainText()
    dialog.stop.click()
    assert dialog.result() == QDialog.DialogCode.Accepted


def test_a_failure_is_a_line_in_the_dialog(dialog, environment, remembered, tmp_path):
    ask_for_wheels(dialog, tmp_path)
    dialog.go.click()
    wait_for(lambda: is_idle(dialog))
    picture(dialog, "5-failed")
    assert f"{tmp_path}: has no wheel of geomrcnn" in dialog.message.text()
    assert remembered == []
    dialog.stop.click()
    assert dialog.result() == QDialog.DialogCode.Rejected


def test_it_is_cancelled_at_once(dialog, environment, remembered, tmp_path):
    source = slow_source(tmp_path / "source")
    dialog.new.what.setText(str(source))
    dialog.go.click()
    wait_for((source / "process").exists)
    picture(dialog, "6-building")
    began = time.monotonic()
    dialog.stop.click()
    wait_for(lambda: is_idle(dialog))
    assert time.monotonic() - began < 1.5
    picture(dialog, "7-cancelled")
    assert "Cancelled" in dialog.message.text()
    assert not environment.exists()
    assert remembered == []
    assert dialog.isVisible()


def test_closing_it_ends_the_work_first(dialog, environment, tmp_path):
    source = slow_source(tmp_path / "source")
    dialog.new.what.setText(str(source))
    dialog.go.click()
    wait_for((source / "process").exists)
    dialog.close()
    wait_for(lambda: not dialog.isVisible())
    assert not environment.exists()
    assert dialog.result() == QDialog.DialogCode.Rejected


def test_what_was_there_is_offered_after_qgis_was_killed(tmp_path, environment):
    geomrcnn_wheel(tmp_path)
    remembered: list[str] = []
    first = SetupDialog(data=tmp_path / "data", remember=remembered.append)
    wait_for(lambda: is_idle(first))
    ask_for_wheels(first, tmp_path)
    first.go.click()
    wait_for(lambda: remembered)
    wait_for(lambda: is_idle(first))
    assert "stays until the new one is complete" in first.new.room.text()
    # As a creation leaves it that was killed.
    environment.rename(environment.with_name("environment.geomrcnn-before"))
    environment.with_name("environment.geomrcnn-unfinished").touch()
    environment.mkdir()
    second = SetupDialog(data=tmp_path / "data", remember=remembered.append)
    wait_for(lambda: is_idle(second))
    assert is_complete(environment)
    assert "stays until the new one is complete" in second.new.room.text()


def test_an_existing_interpreter_is_checked_and_taken(dialog, remembered):
    dialog.use_existing.setChecked(True)
    dialog.existing.interpreter.setFilePath(PYTHON)
    dialog.existing.check.click()
    wait_for(lambda: is_idle(dialog))
    picture(dialog, "8-checked")
    assert "Models: " in dialog.existing.facts.text()
    assert dialog.message.text() == ""
    assert remembered == []
    dialog.go.click()
    wait_for(lambda: is_idle(dialog))
    picture(dialog, "9-taken")
    assert remembered == [PYTHON]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "Name the interpreter first"),
        ("/nowhere/python", "cannot be started"),
        (sys.executable, "this Python has no geomrcnn"),
    ],
)
def test_a_wrong_interpreter_is_refused(dialog, remembered, path, reason):
    dialog.use_existing.setChecked(True)
    dialog.existing.interpreter.setFilePath(path)
    dialog.go.click()
    wait_for(lambda: is_idle(dialog))
    picture(dialog, f"10-wrong-{len(path)}")
    assert reason in dialog.message.text()
    assert remembered == []
