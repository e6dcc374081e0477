"""A throw-away PostGIS server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def _programs() -> Path | None:
    """Where the server's programs are: Debian keeps them off the search path."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").is_file()), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgis() -> Iterator[str]:
    """URL of a database with PostGIS, on a server of its own that is gone afterwards."""
    psycopg = pytest.importorskip("psycopg", reason="needs the extra 'postgis'")
    programs = _programs()
    if programs is None:
        pytest.skip("needs a PostgreSQL server's programs (Debian's package postgresql)")
    # Not pytest's own folder, which is closed to all other users.
    with tempfile.TemporaryDirectory(prefix="geomrcnn-postgis-") as folder:
        server = _Server(programs, Path(folder))
        url = server.start()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION postgis")
            yield url
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("needs PostGIS (Debian's package postgresql-15-postgis-3)")
        finally:
            server.stop()


class _Server:
    """A PostgreSQL server in a folder, which keeps all it has there."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        # The server refuses to run as root; the account nobody is there on every Unix.
        self.account = "nobody" if hasattr(os, "geteuid") and os.geteuid() == 0 else None
        if self.account:
            shutil.chown(folder, self.account)

    def start(self) -> str:
        """Give the URL of a database on it."""
        port = _free_port()
        (self.folder / "password").write_text("s3cret")
        self._run("initdb", "-U", "surveyor", "-A", "scram-sha-256", "-N", "--pwfile=password")
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -F"
        self._run("pg_ctl", "-w", "-l", "log", "-o", settings, "start")
        return f"postgresql://surveyor:s3cret@127.0.0.1:{port}/postgres"

    def stop(self) -> None:
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        # The server inherits the standard output: a file, for a pipe would never end.
        with (self.folder / f"{program}.log").open("w+") as log:
            done = subprocess.run(
                [str(self.programs / program), "-D", "data", *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                timeout=120,
                user=self.account,
            )
            log.seek(0)
            assert done.returncode == 0, log.read()
