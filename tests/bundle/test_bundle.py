from __future__ import annotations

import dataclasses
import json
import math
import zipfile

import numpy as np
import pytest

from geomrcnn.bundle.bundle import Bundle, find_model, write_bundle
from geomrcnn.bundle.calibration import Calibration, ReliabilityBin
from geomrcnn.bundle.card import ModelCard
from geomrcnn.bundle.quantisation import Quantisation
from geomrcnn.errors import ModelError

CARD = ModelCard(
    name="tiny",
    classes=("field", "pond"),
    bands=("red", "nir"),
    dtype="uint16",
    gsd=10.0,
    tile=256,
    overlap=64,
    min_score=0.5,
    mean=(1.0, 2.0),
    std=(3.0, 4.0),
    metrics={"AP50": 0.5},
)


FLOAT, INT8 = (b"<net/>", b"\x00\x01"), (b"<small/>", b"\x02")


def write(path, card=CARD, **graphs):
    weights = {"rpn/logits/kernel": np.arange(6, dtype="f4").reshape(2, 3) / 8}
    write_bundle(path, card, {"classes": 2}, weights, {"fp32": FLOAT, **graphs})


def test_a_bundle_gives_back_what_was_put_in(tmp_path):
    write(tmp_path / "tiny.zip")
    bundle = Bundle.open(tmp_path / "tiny.zip")
    assert bundle.card == CARD
    assert bundle.network() == {"classes": 2}
    assert bundle.openvino() == FLOAT
    (value,) = bundle.weights().values()
    np.testing.assert_array_equal(value, np.arange(6).reshape(2, 3) / 8)
    assert value.dtype == np.float32


def test_a_bundle_may_hold_a_graph_in_int8(tmp_path):
    made = dataclasses.replace(CARD, quantisation=Quantisation(48, 71, 3, 0.95))
    write(tmp_path / "tiny.zip", made, int8=INT8)
    bundle = Bundle.open(tmp_path / "tiny.zip")
    assert bundle.card == made
    assert bundle.precisions == ("fp32", "int8")
    assert (bundle.openvino("fp32"), bundle.openvino("int8")) == (FLOAT, INT8)
    bundle.write_with(dataclasses.replace(made, gsd=5.0), tmp_path / "new.zip")
    assert Bundle.open(tmp_path / "new.zip").openvino("int8") == INT8
    write(tmp_path / "without.zip")
    without = Bundle.open(tmp_path / "without.zip")
    assert without.precisions == ("fp32",)
    assert without.digest != bundle.digest
    with pytest.raises(ModelError, match=r"without.zip: holds no int8 graph; .*--calibrate"):
        without.openvino("int8")
    with pytest.raises(ModelError, match=r"holds no fp64 graph; choose one of fp32"):
        without.openvino("fp64")


def test_a_bundle_from_before_there_were_two_graphs_tells_what_its_only_one_is(tmp_path):
    values = CARD.to_dict()
    del values["quantisation"]
    write(tmp_path / "old.zip", ModelCard.from_dict({**values, "precision": "int8"}))
    old = Bundle.open(tmp_path / "old.zip")
    assert old.precisions == ("int8",)
    assert old.openvino("int8") == FLOAT
    with pytest.raises(ModelError, match=r"holds no fp32 graph; .*--runtime tensorflow"):
        old.openvino("fp32")


def test_calibration_and_reliability_survive_a_bundle(tmp_path):
    bins = (ReliabilityBin(0.0, 0.5, 3, 0.2, 1 / 3), ReliabilityBin(0.5, 1.0, 1, 0.9, 1.0))
    card = dataclasses.replace(CARD, calibration=Calibration(0.8, -0.3), reliability=bins)
    write(tmp_path / "tiny.zip")
    Bundle.open(tmp_path / "tiny.zip").write_with(card, tmp_path / "new.zip")
    write(tmp_path / "same.zip", card)
    assert Bundle.open(tmp_path / "new.zip").card == card
    assert (tmp_path / "new.zip").read_bytes() == (tmp_path / "same.zip").read_bytes()


def test_a_card_from_before_calibration_is_read_as_not_calibrated():
    values = CARD.to_dict()
    del values["calibration"], values["reliability"]
    assert ModelCard.from_dict(values) == CARD
    values["calibration"] = {"slope": 1.0, "bend": 2.0}
    with pytest.raises(ModelError, match=r"model card: .*bend"):
        ModelCard.from_dict(values)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    write(tmp_path / "a.zip")
    write(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "b.zip"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"classes": ()}, "classes"),
        ({"mean": (1.0,)}, "mean"),
        ({"gsd": 0.0}, "gsd"),
        ({"tile": 100}, "tile"),
        ({"overlap": 256}, "overlap"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(changes, named):
    with pytest.raises(ModelError, match=named):
        dataclasses.replace(CARD, **changes)


def test_a_card_of_another_version_is_refused():
    with pytest.raises(ModelError, match="colour"):
        ModelCard.from_dict({**CARD.to_dict(), "colour": "red"})
    values = CARD.to_dict()
    del values["gsd"]
    with pytest.raises(ModelError, match="gsd"):
        ModelCard.from_dict(values)


def test_a_missing_model_is_named_with_what_there_is():
    with pytest.raises(ModelError, match=r"'nowhere\.zip'.*fields"):
        find_model("nowhere.zip")


def test_a_path_is_never_looked_up_among_the_shipped_models():
    with pytest.raises(ModelError):
        find_model("../models/fields")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("classes", "field"),
        ("classes", [1, 2]),
        ("gsd", "10"),
        ("gsd", math.nan),
        ("gsd", math.inf),
        ("gsd", True),
        ("tile", 256.0),
        ("tile", 2**31),
        ("overlap", None),
        ("min_score", [0.5]),
        ("min_score", 2),
        ("mean", [1.0, None]),
        ("std", [1.0, math.inf]),
        ("dtype", "nonsense"),
        ("metrics", {"AP50": "good"}),
        ("calibration", {"slope": "1"}),
        ("calibration", {"offset": math.nan}),
        ("calibration", 7),
        ("reliability", [7]),
        ("reliability", 7),
    ],
)
def test_a_card_with_other_values_is_refused_by_name(field, value, tmp_path):
    values = {**CARD.to_dict(), field: value}
    with pytest.raises(ModelError, match=rf"model card: .*'{field}'|{field}: '") as error:
        ModelCard.from_dict(values)
    assert "\n" not in str(error.value)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("card.json", json.dumps(values))
    with pytest.raises(ModelError, match=r"a\.zip: "):
        Bundle.open(tmp_path / "a.zip")


def rewritten(path, **members):
    """A bundle with other members; None for none."""
    write(path)
    with zipfile.ZipFile(path) as archive:
        old = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**old, **members}.items():
            if content is not None:
                archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"7", b"[" * 100_000, b"\xff\xfe", b'{"classes": "many"}', None]
)
def test_a_bundle_with_a_broken_config_is_refused(content, tmp_path):
    path = rewritten(tmp_path / "a.zip", **{"network.json": content})
    with pytest.raises(ModelError, match=r"a\.zip: "):
        Bundle.open(path).config()


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04N.", None])
def test_a_bundle_with_broken_weights_is_refused(content, tmp_path):
    path = rewritten(tmp_path / "a.zip", **{"weights.npz": content})
    with pytest.raises(ModelError, match=r"a\.zip: not a geomrcnn model bundle, or damaged"):
        Bundle.open(path).weights()


def test_a_bundle_with_a_broken_stream_is_refused(tmp_path):
    write(tmp_path / "a.zip")
    content = (tmp_path / "a.zip").read_bytes()
    start = content.index(b"card.json") + len(b"card.json")
    (tmp_path / "a.zip").write_bytes(content[:start] + b"\xff" * 9 + content[start + 9 :])
    with pytest.raises(ModelError, match=r"a\.zip: not a geomrcnn model bundle, or damaged"):
        Bundle.open(tmp_path / "a.zip")
