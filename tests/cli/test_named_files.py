"""A pipe in the place of a file that a command line or a configuration names: refused at once, never opened."""

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from v2g.cli import main
from v2g.pki import hierarchy as pki
from v2g.run.back_end import configured
from v2g.station.config.settings import Ocpp

STATION = """
evses:
  - services: [AC]
    access: {{grant: everyone}}
    contactor: {{address: "modbus://127.0.0.1:1"{map}}}
    meter: {{address: "modbus://127.0.0.1:1"}}
control: {{socket: {directory}/control.sock}}
{more}
"""
BACK_END = """
ocpp: {{url: "wss://127.0.0.1:1", identity: here, security_profile: 3, roots: {0}, certificate: {0}, private_key: {0}}}
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    pki.create(directory, now=datetime.now(UTC), force=True)
    return directory


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "command",
    [
        "config check {pipe}",
        "daemon --config {pipe}",
        "grid codes --config {pipe}",
        "grid codes {pipe}",
        "grid test --code {pipe}",
        "grid test --code vde-4105 --only islanding --report {pipe}",
        "decode {pipe}",
        "decode {capture} --keylog {pipe}",
        "pilot --capture {pipe}",
        "sim plant --listen 127.0.0.1:0 --inverter-map {pipe}",
        "sim contactor --listen 127.0.0.1:0 --log {pipe}",
        "sim grid --listen 127.0.0.1:0 --recording {pipe}",
        "csms --listen 127.0.0.1:0 --send {pipe}",
        "csms --listen 127.0.0.1:0 --password-file {pipe}",
        "csms --listen 127.0.0.1:0 --certificate {pipe} --private-key {pipe}",
        "ev --host ::1 --port 1 --no-tls --resume {pipe}",
        "status --socket {pipe}",
    ],
)
def test_a_pipe_on_the_command_line(command: str, pipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = pipe.with_name("capture.pcap")
    capture.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))  # of no packet
    assert main(shlex.split(command.format(pipe=pipe, capture=capture))) == 2
    said = capsys.readouterr().err
    assert said.startswith("v2g: error: ")
    assert str(pipe) in said
    assert "Errno" not in said


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("map_of", "more", "place"),
    [
        (', registers: "{}"', "", "evses[0].contactor.registers"),
        ("", "tls: {{directory: {1}, certificate: {0}}}", "pipe: "),
        ("", "tls: {{directory: {1}, private_key: {0}}}", "pipe: "),
        ("", "tls: {{directory: {1}, vehicle_roots: {0}}}", "pipe: "),
        ("", "tls: {{directory: {1}, key_log: {0}}}", "tls.key_log"),
        ("", "trace: {{file: {}}}", "trace.file"),
        ("", "kept: {}", "kept"),
        ("", 'ocpp: {{url: "ws://a", identity: here, security_profile: 1, password_file: {}}}', "ocpp.password"),
        ("", BACK_END, "ocpp: "),
    ],
)  # fmt: skip
def test_a_pipe_in_the_configuration(
    map_of: str,
    more: str,
    place: str,
    pipe: Path,
    certificates: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(STATION.format(map=map_of.format(pipe), more=more.format(pipe, certificates), directory=tmp_path))
    assert main(["config", "check", str(file), *([] if "tls" in more else ["--no-tls"])]) == 2
    said = capsys.readouterr().err
    assert place in said
    assert str(pipe) in said


def test_a_password_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff" * 20)
    with pytest.raises(Exception, match="not UTF-8 text; write the password there"):
        configured(Ocpp(url="ws://a", identity="b", password_file=tmp_path / "password"))
