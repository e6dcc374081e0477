"""The shipped model in every format, run as other programs run it, against Keras."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import openvino
import pytest

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.data.landscape import landscape
from geomrcnn.errors import DataError, OutputError, RasterError
from geomrcnn.export.calibration import calibration_images
from geomrcnn.export.export import export
from geomrcnn.formats.folder import folder_beside
from geomrcnn.network.export import OUTPUTS
from geomrcnn.raster.grid import TileGrid, tiles
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime import load_detector
from geomrcnn.runtime.keras import network_of
from tests.oracles.boxes import iou
from tests.rasters import write_raster

SIDE = 256
Found = Mapping[str, np.ndarray]
Run = Callable[[np.ndarray], Found]


def farmland() -> np.ndarray:
    return landscape(77, (SIDE, SIDE), 2.0).image[None].astype(np.float32)


@pytest.fixture(scope="module")
def scenes() -> list[np.ndarray]:
    """Synthetic farmland, and two pieces of aerial images where those are."""
    made = [farmland()]
    images = Path(__file__).resolve().parents[3] / "shared/data/naip_fields_us/images"
    for path in sorted(images.glob("train_[12]3.tif")) + sorted(images.glob("train_22.tif")):
        with open_raster(path, gsd=2.0) as source:
            (tile,) = tiles(source, list(TileGrid(source.width, source.height, SIDE, 0))[:1])
            made.append(tile.pixels[None].astype(np.float32))
    return made


@pytest.fixture(scope="module")
def wanted(scenes) -> list[dict[str, np.ndarray]]:
    network = network_of(Bundle.open("fields"))
    return [{k: v.numpy() for k, v in network(image)._asdict().items()} for image in scenes]


def run_openvino(path: Path) -> Run:
    model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda image: {name: model(image)[name] for name in OUTPUTS}


def run_onnx(path: Path) -> Run:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path)
    return lambda image: dict(
        zip(OUTPUTS, session.run(list(OUTPUTS), {"images": image}), strict=True)
    )


def run_saved_model(path: Path) -> Run:
    import tensorflow as tf

    kept = tf.saved_model.load(str(path))

    def run(image: np.ndarray) -> Found:
        found = kept.signatures["serving_default"](images=tf.constant(image))
        of_bytes = kept.signatures["uint8"](images=tf.constant(image.astype(np.uint8)))
        for name in OUTPUTS:
            np.testing.assert_allclose(found[name], of_bytes[name], atol=1e-3)
        return {name: found[name].numpy() for name in OUTPUTS}

    return run


def run_litert(path: Path) -> Run:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    runner = interpreter.Interpreter(str(path)).get_signature_runner()
    return lambda image: dict(runner(images=image))


FORMS = {
    "openvino": ("m.xml", run_openvino),
    "onnx": ("m.onnx", run_onnx),
    "saved-model": ("m", run_saved_model),
    "litert": ("m.tflite", run_litert),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_finds_what_keras_finds(form, scenes, wanted, tmp_path):
    pytest.importorskip("tf2onnx")
    name, loaded = FORMS[form]
    written = export("fields", form, tmp_path / name, tile=SIDE if form == "litert" else None)
    assert not list(tmp_path.glob(".*"))
    run = loaded(written)
    for image, theirs in zip(scenes, wanted, strict=True):
        ours = run(image)
        count = int((theirs["scores"] > 0.1).sum())
        assert count > 3
        assert abs(len(ours["scores"]) - len(theirs["scores"])) <= 1
        np.testing.assert_allclose(ours["scores"][:count], theirs["scores"][:count], atol=1e-3)
        np.testing.assert_allclose(ours["boxes"][:count], theirs["boxes"][:count], atol=0.1)
        np.testing.assert_array_equal(ours["classes"][:count], theirs["classes"][:count])
        np.testing.assert_allclose(ours["masks"][:count], theirs["masks"][:count], atol=1e-2)


def test_a_saved_model_needs_neither_our_code_nor_keras(tmp_path):
    export("fields", "saved-model", tmp_path / "m")
    code = f"""
import sys
sys.modules["geomrcnn"] = sys.modules["keras"] = None
import tensorflow as tf
found = tf.saved_model.load({str(tmp_path / "m")!r}).signatures["uint8"](
    images=tf.zeros([1, 64, 96, 3], tf.uint8))
print(sorted(found))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == str(list(OUTPUTS)), answer.stderr[-2000:]


@pytest.fixture(scope="module")
def farms(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("farms")
    return [
        write_raster(
            folder / f"{seed}.tif", landscape(seed, (SIDE, SIDE), 2.0).image.transpose(2, 0, 1)
        )
        for seed in (1, 2)
    ]


def test_an_int8_bundle_predicts_nearly_the_same(farms, tmp_path):
    pytest.importorskip("nncf")
    from geomrcnn.export.int8 import EXACT

    written = export("fields", "openvino", tmp_path / "small.zip", tile=SIDE, calibrate=farms)
    bundle = Bundle.open(written)
    assert bundle.path.stat().st_size < 30e6
    assert bundle.precisions == ("fp32", "int8")
    made = bundle.card.quantisation
    assert made is not None
    assert (made.images, EXACT <= made.kept < made.layers // 2) == (2, True)
    small, full = (
        load_detector(written, precision=precision, tile=SIDE) for precision in ("int8", "fp32")
    )
    assert (small.description, full.description) == ("OpenVINO CPU int8", "OpenVINO CPU fp32")
    pixels = landscape(77, (SIDE, SIDE), 2.0).image
    tile = Tile(0, 0, Window(0, 0, SIDE, SIDE), pixels, np.ones((SIDE, SIDE), bool))
    (ours,), (theirs,) = small.detect([tile]), full.detect([tile])
    sure = theirs.boxes[theirs.scores > 0.5]
    likely = ours.boxes[ours.scores > 0.3]
    best = np.array([max(iou(box, other) for other in likely) for box in sure])
    assert len(sure) > 3
    assert np.median(best) > 0.9
    assert (best > 0.5).mean() >= 0.8
    # Rounded it is: the same numbers would mean that nothing was quantised.
    assert len(ours) != len(theirs) or np.abs(ours.scores - theirs.scores).max() > 1e-3
    # The other graph takes less space than before, and none of its bits has changed.
    (before,) = load_detector("fields", precision="fp32", tile=SIDE).detect([tile])
    for name in ("boxes", "scores", "classes", "masks"):
        np.testing.assert_array_equal(getattr(theirs, name), getattr(before, name))
    xml = export(written, "openvino", tmp_path / "int8.xml", precision="int8")
    assert b"FakeQuantize" in xml.read_bytes()


def test_calibration_takes_tiles_from_every_raster(farms):
    images = calibration_images(Bundle.open("fields"), farms, 128)
    assert {image.shape for image in images} == {(1, 128, 128, 3)}
    for path in farms:
        with open_raster(path) as source:
            corner, _ = source.read(Window(0, 0, 128, 128))
        assert any((image[0] == corner).all() for image in images)


def test_calibration_without_anything_to_see_is_refused(tmp_path):
    nothing = np.zeros((3, 64, 64), np.uint8)
    path = write_raster(tmp_path / "n.tif", nothing, mask=np.zeros((64, 64), np.uint8))
    with pytest.raises(DataError, match="nothing but nodata"):
        calibration_images(Bundle.open("fields"), [path], 64)
    one = write_raster(tmp_path / "one.tif", nothing[:1])
    with pytest.raises(RasterError, match="1 band"):
        calibration_images(Bundle.open("fields"), [one], 64)


@pytest.mark.parametrize(
    ("form", "name", "message"),
    [
        ("onnx", "m.tflite", r"the format onnx wants a name that ends in .onnx"),
        ("openvino", "m.bin", r"ends in .xml or .zip"),
        ("litert", "there.tflite", "--overwrite"),
        ("openvino", "there.xml", "--overwrite"),
        ("onnx", "no/m.onnx", "there is no folder"),
        ("saved-model", "folder", "a folder of something else"),
        ("saved-model", "saved", "--overwrite"),
        ("saved-model", "there.tflite", "--overwrite"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_the_work(form, name, message, tmp_path):
    (tmp_path / "there.tflite").touch()
    (tmp_path / "there.bin").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/saved_model.pb").touch()
    with pytest.raises(OutputError, match=message):
        export("fields", form, tmp_path / name)


def test_a_folder_is_replaced_whole_or_stays(tmp_path):
    path = tmp_path / "m"

    def write(content: str, *, fail: bool = False) -> None:
        with folder_beside(path) as partial:
            partial.mkdir()
            (partial / content).touch()
            if fail:
                raise RuntimeError("half-way")

    write("old")
    write("new")
    with pytest.raises(RuntimeError, match="half-way"):
        write("newest", fail=True)
    assert [file.name for file in path.iterdir()] == ["new"]
    assert [file.name for file in tmp_path.iterdir()] == ["m"]
