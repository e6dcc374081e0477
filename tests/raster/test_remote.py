"""Rasters that a web server or an object store has."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rasterio.shutil import copy

from geomrcnn.errors import RasterError, RasterLostError
from geomrcnn.raster.redaction import redacted
from geomrcnn.raster.source import open_raster
from geomrcnn.raster.tile import Window
from tests.rasters import write_raster
from tests.servers import file_server, sent_by

SIDE = 600


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.01")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with noise.tif, a COG."""
    folder = tmp_path_factory.mktemp("bucket")
    pixels = np.random.default_rng(2).integers(1, 255, (3, SIDE, SIDE), np.uint8)
    plain = write_raster(folder / "plain.tif", pixels, tiled=True)
    copy(str(plain), str(folder / "noise.tif"), driver="COG", BLOCKSIZE=128, COMPRESS="DEFLATE")
    return folder


def check(path: str, folder: Path) -> None:
    window = Window(130, 200, 100, 50)
    with open_raster(path) as source, open_raster(folder / "plain.tif") as local:
        np.testing.assert_array_equal(source.read(window)[0], local.read(window)[0])


@pytest.mark.parametrize("prefix", ["", "/vsicurl/"])
def test_a_file_on_a_web_server_is_read_in_parts(folder: Path, prefix: str) -> None:
    with file_server(folder) as server:
        check(f"{prefix}{server.url}/noise.tif", folder)
        sent = sent_by(server)
    assert 0 < sent < (folder / "noise.tif").stat().st_size / 2


@pytest.mark.parametrize("status", [500, 503, 429])
def test_failures_that_pass_are_waited_for(folder: Path, status: int) -> None:
    with file_server(folder, fails=status) as server:
        check(f"{server.url}/noise.tif", folder)


def test_what_is_not_there_or_down_is_one_line_without_keys(folder: Path) -> None:
    with file_server(folder) as server:
        with pytest.raises(RasterError, match=r"404") as missing:
            open_raster(f"{server.url}/none.tif?sig=geheim")
        url = server.url
    with pytest.raises(RasterError, match=r"(?i)connect") as down:
        open_raster(f"{url}/gone/noise.tif?sig=geheim")
    for error in (missing, down):
        assert "sig=***" in str(error.value)
        assert "geheim" not in str(error.value)
        assert "\n" not in str(error.value)


def test_a_part_that_cannot_be_had_is_named(folder: Path) -> None:
    size = (folder / "noise.tif").stat().st_size
    with (
        file_server(folder, broken_from=size // 2) as server,
        open_raster(f"{server.url}/noise.tif") as source,
        pytest.raises(RasterError, match=r"noise\.tif: rows 0 to 600, .* cannot be read") as caught,
    ):
        source.read(Window(0, 0, SIDE, SIDE))
    assert not isinstance(caught.value, RasterLostError)


def test_a_server_that_goes_down_is_lost(folder: Path) -> None:
    with file_server(folder) as server:
        source = open_raster(f"{server.url}/noise.tif?sig=geheim")
        source.read(Window(0, 0, 10, 10))
    with source, pytest.raises(RasterLostError, match="has gone or changed") as caught:
        source.read(Window(0, 0, SIDE, SIDE))
    assert "geheim" not in str(caught.value)


# --- an object store -----------------------------------------------------------------------------


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """An S3-compatible server: its host and port."""
    beside = Path(sys.executable).with_name("moto_server")
    program = str(beside) if beside.exists() else shutil.which("moto_server")
    if program is None:
        pytest.skip("needs moto_server (pip install 'moto[server]')")
    port = _free_port()
    command = [program, "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def test_an_object_in_a_bucket(store: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, content in (("", b""), ("/some/noise.tif", (folder / "noise.tif").read_bytes())):
        kind = {"Content-Type": "image/tiff"}
        put = urllib.request.Request(f"http://{store}/imagery{path}", content, kind, method="PUT")
        urllib.request.urlopen(put, timeout=60).close()
    for key, value in {
        "AWS_S3_ENDPOINT": store,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "geheim",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(key, value)
    check("/vsis3/imagery/some/noise.tif", folder)
    check("s3://imagery/some/noise.tif", folder)
    with pytest.raises(RasterError, match=r"^/vsis3/imagery/none\.tif: GDAL cannot open it: ") as e:
        open_raster("/vsis3/imagery/none.tif")
    assert "geheim" not in str(e.value)


# --- what messages do not tell -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://h/a.tif?sig=abc&x=1", "https://h/a.tif?sig=***&x=***"),
        ("/vsicurl/https://me:pw@h/a.tif", "/vsicurl/https://***@h/a.tif"),
        ("cannot open 'https://h/a?key=abc'", "cannot open 'https://h/a?key=***'"),
        ("https://h/{z}/{x}/{y}?k=abc&x={x}", "https://h/{z}/{x}/{y}?k=***&x={x}"),
        ("/vsicurl?header.Authorization=abc&url=http://h/a?k=b",
         "/vsicurl?header.Authorization=***&url=http://h/a?k=***"),
        ("WMTS:https://h/wmts?token=abc,layer=world", "WMTS:https://h/wmts?token=***,layer=world"),
        ("PG:dbname=a user=b password=abc", "PG:dbname=a user=b password=***"),
        ("vrt://a.tif?bands=3", "vrt://a.tif?bands=3"),
        ("noise.tif?sig=abc, band 1: failed", "noise.tif?sig=***, band 1: failed"),
        ("folder/a=b&c.tif", "folder/a=b&c.tif"),
    ],
)  # fmt: skip
def test_keys_and_passwords_are_hidden(text: str, shown: str) -> None:
    assert redacted(text) == shown
