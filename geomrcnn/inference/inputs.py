"""The rasters that a command line names: files, folders, patterns, lists, STAC items."""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from geomrcnn.errors import RasterError

ENDINGS = (
    ".tif",
    ".tiff",
    ".vrt",
    ".jp2",
    ".img",
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".ecw",
    ".sid",
)
"""Of what is taken for a raster in a folder."""

ASSETS = ("visual", "image", "data", "cog", "analytic")
"""Keys of STAC assets that are the image, in the order in which they are looked for."""

LONGEST_REASON = 200
"""Characters of an error's own words that are told."""

_REMOTE = re.compile(r"/vsi|<|[A-Za-z][A-Za-z0-9+.-]+:")


def expand(named: Sequence[str | os.PathLike[str]]) -> list[str]:
    """All rasters that are named, each once, in the order in which they are named.

    A folder stands for the rasters in it, a pattern such as "sheets/*.tif" for what fits, a ".txt"
    for the lines in it, and a STAC item or item collection in ".json" for its images.

    Raises:
        RasterError: something named stands for nothing, or cannot be read.
    """
    found: dict[str, None] = {}
    for one in named:
        rasters = list(_expand(os.fspath(one)))
        if not rasters:
            raise RasterError(f"{one}: there is no raster there")
        found.update(dict.fromkeys(rasters))
    return list(found)


def _expand(name: str) -> Iterator[str]:
    path = Path(name)
    if _REMOTE.match(name):
        yield name
    elif os.path.isdir(name):
        inside = sorted(path.iterdir())
        yield from (str(file) for file in inside if file.suffix.lower() in ENDINGS)
    elif glob.has_magic(name) and not os.path.exists(name):
        yield from sorted(glob.glob(name, recursive=True))
    elif path.suffix.lower() == ".txt" and os.path.isfile(name):
        yield from _lines(path)
    elif path.suffix.lower() in (".json", ".geojson") and os.path.isfile(name):
        yield from _images(path)
    else:
        yield name


def _lines(path: Path) -> Iterator[str]:
    """The rasters in a list, a line each; "#" begins a remark."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RasterError(f"{path}: not a list of rasters ({error})") from error
    for line in lines:
        if entry := line.partition("#")[0].strip():
            yield _beside(path, entry)


def _images(path: Path) -> Iterator[str]:
    """The images of a STAC item or item collection."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        for item in document.get("features", [document]):
            yield _beside(path, _image(item["assets"])["href"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Not the repr: that of a byte which is no text has the whole file.
        reason = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
        raise RasterError(
            f"{path}: not a STAC item, or collection of items, with images ({reason})"
        ) from error


def _image(assets: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The asset that is the image: by its key, or else by its role or type."""
    for key in ASSETS:
        if key in assets:
            return assets[key]
    for asset in assets.values():
        if "data" in asset.get("roles", ()) or "tiff" in asset.get("type", ""):
            return asset
    raise KeyError(f"none of the assets {', '.join(assets)} is an image")


def _beside(path: Path, entry: str) -> str:
    """A path that a file names, which may be relative to that file."""
    return entry if _REMOTE.match(entry) else os.path.normpath(path.parent / entry)
