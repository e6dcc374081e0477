"""The bundle file: a zip of card, network config, weights and the graphs OpenVINO runs.

card.json           the model card
network.json        the network's config
weights.npz         every weight by its name, float16
openvino.xml        the graph from pixels to detections
openvino.bin        its weights, the same float16 values
openvino_int8.xml   the graph that computes in 8-bit integers, if it has been made
openvino_int8.bin   its weights
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geomrcnn.bundle.card import ModelCard
from geomrcnn.errors import ModelError
from geomrcnn.network.config import MaskRCNNConfig

MODELS = Path(__file__).resolve().parents[1] / "models"
"""Where the shipped bundles lie."""
GRAPHS = {"fp32": "openvino", "int8": "openvino_int8"}
"""Members that hold the graphs, without their endings, by what these compute in."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same content gives the same bytes


@dataclass(frozen=True)
class Bundle:
    """A model file, opened: the card is read, the rest on demand."""

    path: Path
    card: ModelCard

    @classmethod
    def open(cls, model: str | os.PathLike[str]) -> Bundle:
        """Open a bundle by path, or a shipped one by name.

        Raises:
            ModelError: there is no such model, or the file is none.
        """
        path = find_model(model)
        values = _json(path, "card.json")
        with _told_of(path):
            return cls(path, ModelCard.from_dict(values))

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with anything in the file."""
        with _reading(self.path), zipfile.ZipFile(self.path) as archive:
            parts = sorted(f"{part.filename} {part.CRC}" for part in archive.infolist())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]

    def network(self) -> dict[str, Any]:
        """The network's config, as `MaskRCNNConfig.from_dict` takes it.

        Raises:
            ModelError: it cannot be read.
        """
        return _json(self.path, "network.json")

    def config(self) -> MaskRCNNConfig:
        """The network's config.

        Raises:
            ModelError: it cannot be read, or makes no sense.
        """
        values = self.network()
        with _told_of(self.path):
            return MaskRCNNConfig.from_dict(values)

    def weights(self) -> dict[str, np.ndarray]:
        """Every weight by name, float32.

        Raises:
            ModelError: they cannot be read.
        """
        content = io.BytesIO(_member(self.path, "weights.npz"))
        with _reading(self.path), np.load(content) as archive:
            return {name: archive[name].astype(np.float32) for name in archive.files}

    @property
    def precisions(self) -> tuple[str, ...]:
        """What the OpenVINO graphs compute in, keys of `GRAPHS`."""
        return tuple(self._graphs())

    def openvino(self, precision: str = "fp32") -> tuple[bytes, bytes]:
        """The OpenVINO graph that computes in a precision: xml and bin.

        Raises:
            ModelError: there is none, or no such precision.
        """
        graphs = self._graphs()
        if precision not in graphs:
            advice = {
                "int8": "add one with: geomrcnn export MODEL --format openvino --int8 "
                "--calibrate IMAGES... --out MODEL.zip",
                "fp32": "choose --precision int8 or --runtime tensorflow",
            }.get(precision, f"choose one of {', '.join(graphs)}")
            raise ModelError(f"{self.path}: holds no {precision} graph; {advice}")
        name = graphs[precision]
        return _member(self.path, f"{name}.xml"), _member(self.path, f"{name}.bin")

    def _graphs(self) -> dict[str, str]:
        """Names of the graphs that there are, by precision."""
        if self.card.precision != "fp32":  # a bundle of before there were two graphs
            return {self.card.precision: GRAPHS["fp32"]}
        return {key: name for key, name in GRAPHS.items() if f"{name}.xml" in self._members()}

    def _members(self) -> list[str]:
        with _reading(self.path), zipfile.ZipFile(self.path) as archive:
            return archive.namelist()

    def write_with(self, card: ModelCard, path: Path) -> None:
        """Write the bundle with another card; `path` may be its own."""
        with zipfile.ZipFile(self.path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        _write(path, {**members, "card.json": _card_file(card)})


def find_model(model: str | os.PathLike[str]) -> Path:
    """The file of a model given by path or by the name of a shipped one.

    Raises:
        ModelError: listing what there is.
    """
    path = Path(model)
    if os.path.isfile(path):
        return path
    shipped = MODELS / f"{path}.zip"
    if os.path.isfile(shipped) and len(path.parts) == 1:
        return shipped
    names = ", ".join(shipped_models())
    raise ModelError(f"no model '{model}': give a bundle file, or a shipped model: {names}")


def shipped_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.stem for path in MODELS.glob("*.zip"))


def write_bundle(
    path: Path,
    card: ModelCard,
    network: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    graphs: Mapping[str, tuple[bytes, bytes]],
) -> None:
    """Write a bundle; an existing file is replaced once the new one is whole.

    Args:
        path: The file.
        card: Its card.
        network: The network's config.
        weights: By name. Kernels should hold values that float16 can, as `as_kept` makes them.
        graphs: Of OpenVINO, xml and bin, by what they compute in: keys of `GRAPHS`.
    """
    arrays = io.BytesIO()
    smaller: dict[str, Any] = {
        name: value.astype(np.float16) if value.ndim > 1 else value
        for name, value in weights.items()
    }
    np.savez(arrays, **smaller)
    members = {
        "card.json": _card_file(card),
        "network.json": json.dumps(network, indent=2).encode(),
        "weights.npz": arrays.getvalue(),
    }
    for precision, (xml, values) in graphs.items():
        name = GRAPHS[precision]
        members |= {f"{name}.xml": xml, f"{name}.bin": values}
    _write(path, members)


def _card_file(card: ModelCard) -> bytes:
    return json.dumps(card.to_dict(), indent=2).encode()


def _write(path: Path, members: Mapping[str, bytes]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    partial.replace(path)


def as_kept(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The float32 values a bundle gives back for these weights: kernels rounded to float16."""
    return {
        name: value.astype(np.float16).astype(np.float32) if value.ndim > 1 else value
        for name, value in weights.items()
    }


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with a file that zipfile and NumPy cannot read."""
    try:
        yield
    # RuntimeError: it is encrypted, packed in a way that Python does not know, or nested too deep.
    except (
        zipfile.BadZipFile, zlib.error, KeyError, TypeError, ValueError, OSError, EOFError,
        RuntimeError, MemoryError,
    ) as error:  # fmt: skip
        raise ModelError(f"{path}: not a geomrcnn model bundle, or damaged ({error})") from error


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Name the file in what is said of its contents."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _member(path: Path, name: str) -> bytes:
    with _reading(path), zipfile.ZipFile(path) as archive:
        return archive.read(name)


def _json(path: Path, name: str) -> dict[str, Any]:
    content = _member(path, name)
    with _reading(path):
        values = json.loads(content)
    if not isinstance(values, dict):
        raise ModelError(f"{path}: {name} is damaged")
    return values
