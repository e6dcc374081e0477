"""Model bundles that are hostile."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.runtime import load_detector
from tests.fuzz.cases import Attempt
from tests.fuzz.damage import damaged
from tests.fuzz.geojson import ODD_NUMBERS, with_something_else
from tests.fuzz.prediction import OBJECTS, predicted, true_places, write_scene
from tests.oracles.bundle import write_constant_bundle

TILE = 128
"""Pixels: the whole raster is one."""


def bundles(sound: Path) -> Attempt:
    """Bundles: one that is taken works as ever, or as its card and config say."""
    raster = write_scene(sound / "a.tif")
    boxes = [shape.bounds for shape in OBJECTS]
    model = write_constant_bundle(
        sound / "a.zip", boxes, [0.9] * len(boxes), gsd=2.0, tile=TILE, overlap=32
    )
    content = model.read_bytes()
    members = _members(model)
    members["network.json"] = json.dumps(MaskRCNNConfig().to_dict()).encode()

    def attempt(rng: np.random.Generator, folder: Path) -> None:
        path = folder / "a.zip"
        told = rng.random() < 0.6
        path.write_bytes(_spoilt(members, rng) if told else damaged(content, rng))
        Bundle.open(path).weights()
        found = predicted(raster, folder, load_detector(path))
        if not told:
            assert true_places(found) == set(range(len(OBJECTS)))

    return attempt


def _members(model: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(model) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _spoilt(members: dict[str, bytes], rng: np.random.Generator) -> bytes:
    """A sound zip whose members are not what they should be."""
    changed = dict(members)
    for _ in range(rng.integers(1, 3)):
        name = str(rng.choice(["card.json"] * 4 + ["network.json"] * 3 + list(members)))
        chance = rng.random()
        if chance < 0.05:
            changed.pop(name, None)
        elif name.endswith(".json") and chance < 0.9 and name in changed:
            changed[name] = _other_json(members[name], rng)
        else:
            changed[name] = damaged(members[name] or b"x", rng)
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, value in changed.items():
            archive.writestr(name, value)
            if rng.random() < 0.02:
                archive.writestr(name, members.get(name, b""))
    return out.getvalue()


def _other_json(content: bytes, rng: np.random.Generator) -> bytes:
    """A card or a config with wrong values."""
    value: Any = json.loads(content)
    chance = rng.random()
    if chance < 0.05:
        return b"[" * 100_000
    if chance < 0.4:
        name = str(rng.choice(list(value)))
        odd = (*ODD_NUMBERS, -1, 64, 10**9, 2**31, "uint8", "nonsense", [None], [[]], {"a": 1})
        return json.dumps({**value, name: odd[rng.integers(len(odd))]}).encode()
    if chance < 0.5:
        return json.dumps({**value, str(rng.choice(["colour", "", "1"])): 7}).encode()
    return json.dumps(with_something_else(value, rng)).encode()
