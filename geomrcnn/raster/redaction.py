"""Keeping secrets out of messages: URLs without passwords and keys."""

from __future__ import annotations

import re

HIDDEN = "***"

_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+|/vsi[a-z0-9_]+[?/][^\s\"'<>]+")
_USER = re.compile(r"(://)[^/@\s]+@")
# Not what is a placeholder, such as {x}, or the address itself of "/vsicurl?url=...".
_VALUE = re.compile(r"([?&;](?!url=|bands=)[^=&;\s]+=)(?!\{)[^&;,\s]+")
_PASSWORD = re.compile(r"(?i)\b(password=)\S+")


def redacted(text: str) -> str:
    """A text whose URLs show neither who asks nor the values of their query strings."""
    return _PASSWORD.sub(rf"\g<1>{HIDDEN}", _URL.sub(_without_secrets, text))


def _without_secrets(url: re.Match[str]) -> str:
    return _VALUE.sub(rf"\g<1>{HIDDEN}", _USER.sub(rf"\g<1>{HIDDEN}@", url.group()))
