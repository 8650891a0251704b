"""Logs and firmware over a real HTTP server."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from v2g.io.files import carry
from v2g.station.back_end.files import Download, Install, Upload


class Server(ThreadingHTTPServer):
    """Takes files below /logs/, gives /firmware, and sends away from /elsewhere."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.taken: dict[str, tuple[bytes, str | None]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken[self.path] = content, self.headers["Authorization"]
        self.send_response(403 if self.path == "/closed" else 201)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/firmware" else 302)
        if self.path != "/firmware":
            self.send_header("Location", "/firmware")
        self.end_headers()
        self.wfile.write(b"an image")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()


def test_a_log_goes_up_with_its_name_and_only_its_time(server: Server, tmp_path: Path) -> None:
    log = tmp_path / "trace.log"
    log.write_text("2026-01-01T00:00:00Z a\n2026-01-01T00:00:10Z b\n  more of b\n2026-01-01T00:00:20Z c\n")
    place = server.url.replace("://", "://me:secret@") + "/logs/"
    job = Upload(place, "diagnostics.txt", None, 1_767_225_605.0, 1_767_225_615.0)
    assert carry(job, log=log, roots=None, install=()) == ("done", b"")
    content, authorization = server.taken["/logs/diagnostics.txt"]
    assert content == b"2026-01-01T00:00:10Z b\n  more of b\n"
    assert authorization == "Basic bWU6c2VjcmV0"


def test_what_cannot_be_carried_is_said_so(server: Server, tmp_path: Path) -> None:
    log = tmp_path / "trace.log"
    for url, result in (
        (server.url + "/closed", "denied"),
        ("ftp://nowhere/log", "not supported"),
        ("http://127.0.0.1:1/log", "failed"),
    ):
        assert carry(Upload(url, "log.txt", "text"), log=log, roots=None, install=())[0] == result


def test_a_firmware_comes_down_and_is_installed_by_a_command(server: Server, tmp_path: Path) -> None:
    log, kept = tmp_path / "trace.log", tmp_path / "kept"
    assert carry(Download(server.url + "/firmware"), log=log, roots=None, install=()) == ("done", b"an image")
    assert carry(Download(server.url + "/elsewhere"), log=log, roots=None, install=())[0] == "failed"
    script = tmp_path / "install.sh"
    script.write_text(f"#!/bin/sh\ncp $1 {kept}\n")
    script.chmod(0o755)
    assert carry(Install(b"an image"), log=log, roots=None, install=(str(script),))[0] == "done"
    assert kept.read_bytes() == b"an image"
    assert carry(Install(b"an image"), log=log, roots=None, install=("false",))[0] == "failed"
    assert carry(Install(b"an image"), log=log, roots=None, install=())[0] == "not supported"
