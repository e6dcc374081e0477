"""Servers on this machine, for tests of what is read over the network."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple


class Answer(NamedTuple):
    """What a server says: a status and a body; `total` if the body is a part of so many bytes."""

    status: int
    body: bytes = b""
    first: int = 0
    total: int | None = None


class Server(NamedTuple):
    """A running server."""

    url: str
    seen: list[str]


@contextmanager
def serving(answer: Callable[[str, str | None], Answer]) -> Iterator[Server]:
    """Serve on a free port what `answer` gives for a path and a Range header."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            given = answer(self.path, self.headers.get("Range"))
            self.send_response(given.status)
            self.send_header("Content-Length", str(len(given.body)))
            if given.total is not None:
                last = given.first + len(given.body) - 1
                self.send_header("Content-Range", f"bytes {given.first}-{last}/{given.total}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(given.body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}", seen)
    finally:
        server.shutdown()
        server.server_close()


def file_ranges(folder: Path) -> Callable[[str, str | None], Answer]:
    """Answers with files of a folder, or the bytes of them that are asked for."""

    def answer(path: str, wanted: str | None) -> Answer:
        file = folder / path.partition("?")[0].lstrip("/")
        if not file.is_file():
            return Answer(404)
        content = file.read_bytes()
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
        if not found:
            return Answer(200, content)
        first = int(found[1])
        if first >= len(content):
            return Answer(416)
        last = int(found[2]) if found[2] else len(content) - 1
        return Answer(206, content[first : last + 1], first, len(content))

    return answer


def failing_first(
    answer: Callable[[str, str | None], Answer], status: int, times: int = 1
) -> Callable[[str, str | None], Answer]:
    """The same answers, but every path fails so many times before."""
    asked: Counter[str] = Counter()

    def fail(path: str, wanted: str | None) -> Answer:
        asked[path] += 1
        return Answer(status, b"<html>\nbusy") if asked[path] <= times else answer(path, wanted)

    return fail
