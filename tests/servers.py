"""Servers on this machine, for tests of what is read over the network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
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


# --- in a process of its own ---------------------------------------------------------------------


@contextmanager
def file_server(
    folder: Path, *, fails: int = 0, times: int = 1, broken_from: int | None = None
) -> Iterator[Server]:
    """Serve the files of a folder, in another process: rasterio keeps ours waiting as it opens.

    Args:
        folder: What to serve.
        fails: A status that every path is answered with `times` times, before it is served.
        times: How often.
        broken_from: A byte from which on all files cannot be had.
    """
    options = json.dumps({"fails": fails, "times": times, "broken_from": broken_from})
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "tests.servers", str(folder), options]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(process.stdout.readline().strip(), [])
    finally:
        process.terminate()
        process.wait()


def sent_by(server: Server) -> int:
    """Bytes of parts of files that a `file_server` has sent."""
    with urllib.request.urlopen(f"{server.url}/?sent") as response:
        return int(response.read())


def _serve(folder: Path, fails: int, times: int, broken_from: int | None) -> None:
    ranges, sent = file_ranges(folder), [0]

    def answer(path: str, wanted: str | None) -> Answer:
        given = ranges(path, wanted)
        if wanted and broken_from and given.first + len(given.body) > broken_from:
            return Answer(500)
        sent[0] += len(given.body) if wanted else 0
        return given

    kept = failing_first(answer, fails, times) if fails else answer

    def or_sum(path: str, wanted: str | None) -> Answer:
        return Answer(200, str(sent[0]).encode()) if path == "/?sent" else kept(path, wanted)

    with serving(or_sum) as server:
        print(server.url, flush=True)
        while True:
            time.sleep(60)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), **json.loads(sys.argv[2]))
