"""What is to be installed, as pip and uv both read it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..child import child

NAME = "geomrcnn"

_BY_NAME = re.compile(NAME + r"\s*(?:\[([^\]]*)\])?\s*([<>=!~].*)?", re.IGNORECASE)


def requirement(text: str, training: bool) -> str:
    """The requirement for what a user has named.

    Args:
        text: "geomrcnn", perhaps with a version; or a folder, a wheel or an archive; or a URL.
        training: Whether to bring what training needs.

    Raises:
        Failed: it is none of these.
    """
    text = text.strip() or NAME
    extra = ["train"] if training else []
    by_name = _BY_NAME.fullmatch(text)
    if by_name:
        asked, versions = by_name.groups(default="")
        return _with_extras([*filter(None, asked.split(",")), *extra]) + versions
    wanted = _with_extras(extra)
    if re.match(r"[a-z+]{2,}://", text):
        return f"{wanted} @ {text}"
    path = Path(text).expanduser()
    if path.exists():
        # As a URL with a name, so that neither pip nor uv takes another package from there.
        return f"{wanted} @ {path.absolute().as_uri()}"
    if os.sep in text or "/" in text or path.suffix in (".whl", ".zip", ".gz"):
        raise child.Failed(f"{text}: there is no such file or folder")
    raise child.Failed(
        f"{text}: is not geomrcnn: name geomrcnn, perhaps with a version (geomrcnn==1.0), "
        "a folder, a wheel or a URL"
    )


def check_wheels(folder: Path, wanted: str) -> None:
    """Find out whether a folder of wheels has what is wanted by name.

    Args:
        folder: The folder.
        wanted: A requirement; one with a path or URL has its file elsewhere.

    Raises:
        Failed: it has not, or is no folder.
    """
    if not folder.is_dir():
        raise child.Failed(f"{folder}: there is no such folder of wheels")
    if " @ " not in wanted and not any(folder.glob(f"{NAME}-*")):
        raise child.Failed(
            f"{folder}: has no wheel of geomrcnn (geomrcnn-….whl): where there is a network, fill "
            f"it with: pip download '{wanted}' --dest FOLDER"
        )


def _with_extras(extras: list[str]) -> str:
    return f"{NAME}[{','.join(dict.fromkeys(extras))}]" if extras else NAME
