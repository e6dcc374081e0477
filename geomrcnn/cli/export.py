"""geomrcnn export: from a bundle to files for other runtimes."""

from __future__ import annotations

from pathlib import Path

import click

from geomrcnn.cli.predict import multiple_of_32
from geomrcnn.cli.progress import Narrator, with_progress

FORMATS = ("openvino", "onnx", "saved-model", "litert")


@click.command(
    epilog="""\b
Examples:
  geomrcnn export fields --format onnx --out fields.onnx
  geomrcnn export farmland.zip --format saved-model --out farmland
  geomrcnn export fields --format litert --out fields.tflite --tile 256
  geomrcnn export fields --format openvino --out fields.xml
  geomrcnn export fields --format openvino --int8 --out fields_int8.xml
  geomrcnn export roofs.zip --format openvino --int8 --out fast.zip --calibrate a.tif b.tif
  geomrcnn predict ortho.tif --out roofs.gpkg --model fast.zip --precision int8
"""
)
@click.argument("model")
@click.argument("more", metavar="[IMAGES]...", nargs=-1)
@click.option("-f", "--format", "form", required=True, type=click.Choice(FORMATS),
              help="What to write.")  # fmt: skip
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path),
              help="File to write: .xml or .zip for openvino, .onnx, .tflite; for saved-model a "
              "folder.")  # fmt: skip
@click.option("--tile", type=click.IntRange(min=32), callback=multiple_of_32, metavar="PIXELS",
              help="Side of the images, a multiple of 32.  [default: any; litert: the "
              "model's]")  # fmt: skip
@click.option("--int8", is_flag=True,
              help="The graph in 8-bit integers, which is faster; openvino only. A .zip, which is "
              "a bundle, gets it beside the other.")  # fmt: skip
@click.option("--calibrate", "rasters", multiple=True, metavar="IMAGES...",
              help="Rasters as the model will see, to make the graph for --int8 with, where the "
              "model has none or one for other imagery; a dozen will do.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@with_progress
def export(
    narrator: Narrator,
    model: str,
    more: tuple[str, ...],
    form: str,
    out: Path,
    tile: int | None,
    int8: bool,
    rasters: tuple[str, ...],
    overwrite: bool,
) -> None:
    """Write the network of MODEL, a bundle file or a shipped model, for another runtime.

    IMAGES go on where --calibrate begins, so that --calibrate images/*.tif works.
    """
    calibrate = rasters + more
    if int8 and form != "openvino":
        raise click.UsageError(f"--int8 goes with --format openvino, not with {form}")
    if calibrate and not int8:
        raise click.UsageError(f"{calibrate[0]}: images are for --int8 --calibrate only")
    from geomrcnn.export.export import export as write

    precision = "int8" if int8 else "fp32"
    written = write(
        model, form, out, tile=tile, precision=precision, calibrate=calibrate, overwrite=overwrite
    )
    size = _size(written)
    narrator.done(
        f"{written}: {form}, {size / 1e6:.1f} MB",
        out=str(written), format=form, precision=precision, bytes=size,
    )  # fmt: skip


def _size(path: Path) -> int:
    """Bytes of a file, of both files of an OpenVINO graph, or of all files in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    parts = {path, path.with_suffix(".bin")} if path.suffix == ".xml" else {path}
    return sum(part.stat().st_size for part in parts)
