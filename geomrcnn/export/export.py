"""Write the network of a bundle in the format of another runtime."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from geomrcnn.bundle.bundle import Bundle
from geomrcnn.errors import MissingExtraError, OutputError
from geomrcnn.export.openvino import write_openvino
from geomrcnn.export.size import array_side
from geomrcnn.formats.destination import check_destination, written_beside
from geomrcnn.formats.folder import check_folder, folder_beside

FORMATS = {
    "openvino": (".xml", ".zip"),
    "onnx": (".onnx",),
    "saved-model": (),
    "litert": (".tflite",),
}
"""Endings that the output may have; none for a folder."""
SAVED_MODEL = "saved_model.pb"
"""What a SavedModel's folder always holds."""
PACKAGES = ("keras", "nncf", "onnx", "tensorflow", "tf2onnx")
"""What the extra "export" brings."""


def export(
    model: str | os.PathLike[str],
    form: str,
    out: str | os.PathLike[str],
    *,
    tile: int | None = None,
    precision: str = "fp32",
    calibrate: Sequence[str | os.PathLike[str]] = (),
    overwrite: bool = False,
) -> Path:
    """Write a bundle's network in another format.

    Args:
        model: Path of a bundle, or name of a shipped model.
        form: A key of `FORMATS`.
        out: The file, or for a SavedModel the folder. OpenVINO writes a .bin beside its .xml, or a
            bundle if `out` ends in .zip.
        tile: Side of the images, a multiple of 32. By default any; for LiteRT the model's own.
        precision: Which of a bundle's OpenVINO graphs to write as .xml; a new bundle has both.
        calibrate: Rasters as the model is for; given, an OpenVINO graph in int8 is made, which
            takes the place of the one there was.
        overwrite: Whether what is there may be replaced.

    Returns:
        `out`.

    Raises:
        OutputError: `out` is taken, cannot be written, or does not end as the format wants.
        ModelError, RasterError: of the bundle, which may lack the graph, or of the rasters.
        MissingExtraError: a package is missing.
    """
    path = Path(out)
    check_output(path, form, overwrite)
    bundle = Bundle.open(model)
    try:
        if form == "openvino":
            write_openvino(bundle, path, tile, precision, calibrate)
        else:
            _write_network(bundle, form, path, tile)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in PACKAGES:
            raise
        raise MissingExtraError("export", f"this export imports {error.name}, which") from error
    return path


def check_output(path: Path, form: str, overwrite: bool = False) -> None:
    """Find out before the work whether the result can be written.

    Raises:
        OutputError: if not.
    """
    endings = FORMATS[form]
    if not endings:
        check_folder(path, SAVED_MODEL, overwrite)
        return
    if path.suffix not in endings:
        raise OutputError(
            f"{path}: the format {form} wants a name that ends in {' or '.join(endings)}"
        )
    check_destination(path, overwrite)
    if path.suffix == ".xml":
        check_destination(path.with_suffix(".bin"), overwrite)


def _write_network(bundle: Bundle, form: str, path: Path, tile: int | None) -> None:
    """Write a format that is converted from the Keras network."""
    from geomrcnn.network.quiet import import_tensorflow

    import_tensorflow()
    from geomrcnn.runtime.keras import network_of

    if form == "litert":
        tile = tile or bundle.card.tile
    side = array_side(bundle, tile) if tile else None
    write = _writer(form)
    beside = written_beside if FORMATS[form] else folder_beside
    with beside(path) as partial:
        write(network_of(bundle), partial, side)


def _writer(form: str) -> Callable[[Any, Path, Any], None]:
    """What writes a network in a format; only its own packages are imported."""
    if form == "onnx":
        from geomrcnn.network.export.onnx import write_onnx

        return write_onnx
    if form == "litert":
        from geomrcnn.network.export.litert import write_litert

        return write_litert
    from geomrcnn.network.export.saved_model import write_saved_model

    return write_saved_model
