"""Downloads from a server on this machine that can be told to misbehave."""

from __future__ import annotations

import hashlib
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from geomrcnn.errors import ModelError
from geomrcnn.network.weights.download import CACHE, MIRROR, Release, cache_directory, digest, fetch

CONTENT = bytes(range(256)) * 2000


class Server(ThreadingHTTPServer):
    """Serves CONTENT as any file."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges = True
        self.cuts: list[int] = []
        """Bytes after which the next answers break off."""
        self.asked: list[str | None] = []
        """The ranges asked for."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        if self.path.endswith("absent.h5"):
            return self.send_error(404)
        content, start = self.server.content, 0
        if asked and self.server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]
            if start >= len(content):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + self.server.cuts.pop(0) if self.server.cuts else None
        self.wfile.write(content[start:end])

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def release(server: Server, algorithm: str | None = "sha256", file: str = "weights.h5") -> Release:
    known = algorithm and f"{algorithm}:{hashlib.new(algorithm, CONTENT).hexdigest()}"
    return Release(f"{server.url}/v1/{file}", known)


@pytest.mark.parametrize("algorithm", ["sha256", "md5", None])
def test_a_file_is_fetched_once(server: Server, tmp_path: Path, algorithm: str | None) -> None:
    path = fetch(release(server, algorithm))
    assert path == tmp_path / "cache/weights.h5"
    assert path.read_bytes() == CONTENT
    assert fetch(release(server, algorithm)) == path
    assert server.asked == [None]
    assert list(path.parent.iterdir()) == [path]


def test_a_wrong_checksum_is_refused_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(ModelError, match=r"weights\.h5 is not the file published: its checksum"):
        fetch(release(server))
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_file_put_into_the_cache_by_hand_is_taken(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "cache/weights.h5"
    path.parent.mkdir()
    path.write_bytes(b"from elsewhere")
    assert fetch(release(server)) == path
    assert path.read_bytes() == b"from elsewhere"
    assert server.asked == []


def test_a_cut_download_goes_on_at_once(server: Server) -> None:
    server.cuts = [100_000, 50_000]
    assert fetch(release(server)).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_cut_download_goes_on_in_the_next_run(server: Server, tmp_path: Path) -> None:
    server.cuts = [100_000, 0, 0]
    with pytest.raises(ModelError, match=r"cannot download weights\.h5 .*broke after 100000 of"):
        fetch(release(server))
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["weights.h5.partial"]
    server.asked.clear()
    assert fetch(release(server)).read_bytes() == CONTENT
    assert server.asked == ["bytes=100000-"]


def test_a_server_that_knows_no_ranges_starts_again(server: Server) -> None:
    server.ranges = False
    server.cuts = [100_000]
    assert fetch(release(server)).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-"]


def test_a_leftover_that_is_too_long_is_thrown_away(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "cache/weights.h5.partial"
    partial.parent.mkdir()
    partial.write_bytes(CONTENT + b"more")
    assert fetch(release(server)).read_bytes() == CONTENT


def test_a_whole_leftover_is_taken_without_a_word(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / "cache/weights.h5.partial"
    partial.parent.mkdir()
    partial.write_bytes(CONTENT)
    assert fetch(release(server)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("file", "reason"), [("absent.h5", "Not Found"), ("weights.h5", "refused")]
)
def test_what_cannot_be_had_is_said_in_one_line(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    reason: str,
) -> None:
    wanted = release(server, file=file)
    if reason == "refused":
        monkeypatch.setenv(MIRROR, "http://127.0.0.1:9")
    with pytest.raises(ModelError, match=rf"cannot download {file} \(.*{reason}") as caught:
        fetch(wanted)
    assert f"save {wanted.url} as {tmp_path / 'cache' / file}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mirror_is_asked_instead(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, f"{server.url}/mirror/")
    checksum = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    path = fetch(Release("https://example.invalid/weights.h5", checksum))
    assert digest(path, "sha256") == checksum.partition(":")[2]


@pytest.mark.skipif(sys.platform != "linux", reason="the path is Linux'")
def test_the_cache_lies_where_the_platform_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_directory() == Path.home() / ".cache/geomrcnn"
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_directory() == Path("/somewhere/geomrcnn")
