"""Which graph of a bundle runs."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.bundle.quantisation import Quantisation
from geomrcnn.cli.main import cli, run
from geomrcnn.errors import ModelError, OutputError
from geomrcnn.evaluation.sizing import SizingDetector
from geomrcnn.formats.writer import read_provenance
from geomrcnn.inference.options import Options, Progress
from geomrcnn.inference.predict import predict_to_file
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime import load_detector
from geomrcnn.runtime.int8 import int8_pays
from geomrcnn.runtime.load import FAITHFUL
from tests.oracles.bundle import write_constant_bundle
from tests.rasters import write_raster

X86 = platform.machine().lower() in ("x86_64", "amd64")
FLOAT, INT8 = 0.9, 0.8


@pytest.fixture
def both(tmp_path: Path) -> Path:
    boxes = [[10, 10, 30, 30]]
    made = Quantisation(images=8, layers=5, kept=2, agreement=FAITHFUL)
    return write_constant_bundle(
        tmp_path / "both.zip", boxes, [FLOAT], [INT8], tile=64, overlap=16, quantisation=made
    )


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    boxes = [[10, 10, 30, 30]]
    return write_constant_bundle(tmp_path / "plain.zip", boxes, [FLOAT], tile=64, overlap=16)


def score(model: Path, **options: str) -> float:
    pixels = np.zeros((64, 64, 3), np.uint8)
    tile = Tile(0, 0, Window(0, 0, 64, 64), pixels, np.ones((64, 64), bool))
    (found,) = load_detector(model, **options).detect([tile])
    return float(found.scores[0])


def test_the_graph_asked_for_runs(both, plain):
    assert score(both, precision="fp32") == pytest.approx(FLOAT)
    assert score(both, precision="int8") == pytest.approx(INT8)
    assert score(both) == pytest.approx(INT8 if int8_pays() else FLOAT)
    assert score(plain) == pytest.approx(FLOAT)
    assert load_detector(both, precision="int8").description == "OpenVINO CPU int8"
    assert SizingDetector(both, precision="fp32").description == "OpenVINO CPU fp32"


def test_int8_runs_unasked_only_if_it_is_faithful(both: Path) -> None:
    bundle = Bundle.open(both)
    made = bundle.card.quantisation
    assert made is not None
    for quantisation in (None, dataclasses.replace(made, agreement=FAITHFUL - 0.01)):
        bundle.write_with(dataclasses.replace(bundle.card, quantisation=quantisation), both)
        assert score(both) == pytest.approx(FLOAT)
        assert score(both, precision="int8") == pytest.approx(INT8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int8"}, r"plain.zip: holds no int8 graph; add one with: geomrcnn export"),
        ({"precision": "fp16"}, "no precision 'fp16': choose one of auto, fp32, int8"),
        ({"precision": "int8", "runtime": "tensorflow"}, "int8 runs on OpenVINO only"),
    ],
)
def test_what_cannot_be_is_one_line(options, message, plain):
    with pytest.raises(ModelError, match=message) as caught:
        load_detector(plain, **options)
    assert "\n" not in str(caught.value)


def test_a_journal_belongs_to_one_precision(both, tmp_path):
    raster = write_raster(tmp_path / "a.tif", np.full((3, 200, 200), 9, np.uint8))
    out, options = tmp_path / "a.gpkg", Options()
    fp32, int8 = (load_detector(both, precision=precision) for precision in ("fp32", "int8"))

    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_to_file(raster, out, fp32, options, on_progress=stop)
    with pytest.raises(OutputError, match="was begun with other runtime or precision; repeat"):
        predict_to_file(raster, out, int8, options)
    report = predict_to_file(raster, out, fp32, options)
    assert report.resumed > 0
    assert report.device == "OpenVINO CPU fp32"
    assert read_provenance(out).runtime == "OpenVINO CPU fp32"


def test_the_summary_names_the_precision(both, tmp_path, capsys):
    raster = write_raster(tmp_path / "a.tif", np.full((3, 64, 64), 9, np.uint8))
    arguments = ["predict", str(raster), "--model", str(both), "--precision", "int8"]
    assert run(cli, [*arguments, "--out", str(tmp_path / "a.gpkg")]) == 0
    assert capsys.readouterr().out.strip().endswith("tiles/s on OpenVINO CPU int8")


@pytest.mark.skipif(not X86, reason="about x86")
@pytest.mark.parametrize("kind", ["SSE41", "AVX2", "AVX512_CORE"])
def test_int8_does_not_pay_on_processors_without_instructions_for_it(kind):
    code = "from geomrcnn.runtime.int8 import int8_pays; print(int8_pays())"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": kind},
    )  # fmt: skip
    assert answer.stdout.strip() == "False", answer.stderr


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs Linux")
def test_int8_pays_where_the_processor_has_instructions_for_it():
    flags = Path("/proc/cpuinfo").read_text().split()
    assert int8_pays() == (X86 and bool({"avx512_vnni", "avx_vnni"} & set(flags)))
