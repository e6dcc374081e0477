"""`geomrcnn export`: what it writes, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from geomrcnn.cli.export import FORMATS
from geomrcnn.cli.main import cli, run
from geomrcnn.export.export import FORMATS as WRITTEN
from tests.oracles.bundle import write_constant_bundle


def test_an_openvino_graph_needs_no_tensorflow(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    out = tmp_path / "fields.xml"
    assert run(cli, ["export", "fields", "--format", "openvino", "--out", str(out)]) == 0
    assert out.is_file()
    assert out.with_suffix(".bin").is_file()
    assert capsys.readouterr().out.startswith(f"{out}: openvino, ")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fields", "--format", "caffe", "--out", "m"], 2, "'caffe' is not one of"),
        (["fields", "-f", "onnx", "--out", "m.onnx", "--int8"], 2, "--format openvino, not"),
        (["fields", "-f", "onnx", "-o", "m.onnx", "--calibrate", "a.tif"], 2, "for --int8"),
        (["fields", "-f", "litert", "-o", "m.tflite", "--tile", "100"], 2, "multiple of 32"),
        (["nomodel", "-f", "onnx", "-o", "m.onnx"], 1, "no model 'nomodel'"),
        (["fields", "-f", "onnx", "-o", "m.xml"], 1, "ends in .onnx"),
        (["fields", "-f", "openvino", "-o", "m.xml", "--int8", "--calibrate", "a.tif", "b.tif"],
         1, "a.tif"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_told_in_one_line(
    arguments, code, message, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["export", *arguments]) == code
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors
    assert code == 2 or len(errors.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_int8_of_a_model_that_has_none_is_told_how_to_get_it(tmp_path, capsys) -> None:
    model = write_constant_bundle(tmp_path / "plain.zip", [[1, 1, 9, 9]], [0.9])
    out = tmp_path / "m.xml"
    assert run(cli, ["export", str(model), "-f", "openvino", "-o", str(out), "--int8"]) == 1
    errors = capsys.readouterr().err
    assert "plain.zip: holds no int8 graph" in errors
    assert "--calibrate" in errors
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["-f", "litert", "-o", "m.tflite"], "tensorflow"),
        (["-f", "openvino", "-o", "m.zip", "--int8", "--calibrate", "a.tif"], "nncf"),
    ],
)
def test_a_missing_package_is_told_with_its_extra(arguments, module, tmp_path) -> None:
    code = f"""
import sys
sys.modules[{module!r}] = None
from geomrcnn.cli.main import cli, run
sys.exit(run(cli, ["export", "fields", *{arguments!r}]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert answer.returncode == 1
    assert f"imports {module}" in answer.stderr
    assert answer.stderr.strip().endswith("pip install 'geomrcnn[export]'")


def test_the_command_offers_every_format() -> None:
    assert tuple(WRITTEN) == FORMATS
