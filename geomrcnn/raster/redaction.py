"""Keeping secrets out of messages: URLs without passwords and keys."""

from __future__ import annotations

import re

HIDDEN = "***"

_USER = re.compile(r"(://)[^/@\s\"']+@")
# An URL, or what GDAL leaves of one when it shortens it to "a.tif?key=...".
_QUERY = re.compile(r"[^\s\"'<>]*\?[^\s\"'<>]+=[^\s\"'<>]+")
# Not what is a placeholder, such as {x}, or the address itself of "/vsicurl?url=...".
_VALUE = re.compile(r"([?&;](?!url=)[^=&;\s]+=)(?!\{)[^&;,\s]+")
_PASSWORD = re.compile(r"(?i)\b(password=)\S+")


def redacted(text: str) -> str:
    """A text whose URLs show neither who asks nor the values of their query strings."""
    text = _USER.sub(rf"\g<1>{HIDDEN}@", text)
    return _PASSWORD.sub(rf"\g<1>{HIDDEN}", _QUERY.sub(_without_values, text))


def _without_values(url: re.Match[str]) -> str:
    scheme, _, rest = url.group().partition("://")
    if scheme == "vrt" and "://" not in rest:  # vrt://a.tif?bands=3,2,1
        return url.group()
    return _VALUE.sub(rf"\g<1>{HIDDEN}", url.group())
