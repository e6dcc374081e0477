"""Why an environment could not be made, in a line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

WITHOUT_NETWORK = "check the network and its proxy, or install from a folder of wheels"


class Cause(NamedTuple):
    """A pattern in what venv, pip or uv say, and what to tell the user.

    Attributes:
        pattern: Its first group, if it has one, stands in the text for {}.
        text: The reason, and what to do about it.
    """

    pattern: str
    text: str


# The first that fits is the reason: what comes of another stands below it.
CAUSES = (
    Cause(
        r"No space left on device|not enough space on the disk|os error 28|Disk quota exceeded",
        "the disk is full: make room, or choose a folder on another disk",
    ),
    Cause(
        r"inconsistent name|does not start with 'geomrcnn'|name `geomrcnn` does not match",
        "what you named is not geomrcnn: name its folder, wheel or URL",
    ),
    Cause(
        r"requires a different Python: (.+)|current Python version \((.+?)\) does not satisfy"
        r"|require a different python version: (.+)",
        "this geomrcnn does not run on the chosen Python ({}): choose another Python",
    ),
    Cause(
        r"(\S+\.whl) is not a supported wheel|(\S+) has no wheels with a matching",
        "{} is for another system or another Python: choose another wheel, or another Python",
    ),
    Cause(
        r"Name or service not known|Temporary failure in name resolution|getaddrinfo failed"
        r"|nodename nor servname|Network is unreachable|Failed to establish a new connection"
        r"|connection broken by|ConnectTimeout|Max retries exceeded|ProxyError"
        r"|error sending request|[Cc]onnection refused",
        f"the package index cannot be reached: {WITHOUT_NETWORK}",
    ),
)

_MISSING = (
    r"No matching distribution found for ([^\s;,]+)|Because (\S+) was not found in"
    r"|there is no version of (\S+)"
)

_NOT_IN_FOLDER = (
    "the folder of wheels has no {} for this Python: where there is a network, fill it with pip "
    "download and the same version of Python"
)
_NOT_IN_INDEX = (
    "the package index has no {} for this Python: choose another Python, or name a folder, a wheel "
    "or a URL"
)

_ERROR = r"(?m)^(?:ERROR|error|Error): (.+)$"


def reason(said: Sequence[str], from_folder: bool, ending: str) -> str:
    """The reason of a failure, in one line.

    Args:
        said: All that was said on the way to it.
        from_folder: Whether packages came from a folder of wheels, not from the index.
        ending: What to say if they said nothing.
    """
    text = "\n".join(said)
    for cause in CAUSES:
        match = re.search(cause.pattern, text)
        if match:
            return cause.text.format(_first(match))
    missing = re.search(_MISSING, text)
    if missing:
        return (_NOT_IN_FOLDER if from_folder else _NOT_IN_INDEX).format(_first(missing))
    errors = re.findall(_ERROR, text)
    return errors[-1] if errors else ending


def _first(match: re.Match[str]) -> str:
    return next((group for group in match.groups() if group), "it")
