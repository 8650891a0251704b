"""Whether the process after a running daemon would start: whatever file it needs, and however often that is asked."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from v2g.kernel.errors import V2GError
from v2g.pki.hierarchy import create
from v2g.run.readiness import ASKS_BURST, NextProcess

DEVICE = {"address": "modbus://127.0.0.1:1"}
KEY = "pki/secc_key.pem"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    create(tmp_path / "pki", now=datetime.now(UTC))
    (tmp_path / "password").write_text("0123456789abcdef")
    found = tmp_path / "config.yaml"
    outlet = {"services": ["AC"], "access": {"grant": "everyone"}, "meter": DEVICE, "contactor": DEVICE}
    back_end = {"url": "ws://127.0.0.1:1", "identity": "S", "security_profile": 1, "password_file": "password"}
    found.write_text(json.dumps({"evses": [outlet], "tls": {"directory": "pki"}, "ocpp": back_end}
                                | {"trace": {"file": "trace.log"}, "control": {"socket": "control.sock"}}))  # fmt: skip
    return found


def gone(file: Path) -> None:
    file.unlink()


def another(file: Path) -> None:
    file.write_text((file.parent / "oem_root_key.pem").read_text())


def folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize(
    ("name", "breaks"),
    [(KEY, gone), (KEY, another), ("pki/secc_cert.pem", gone), ("password", gone), ("trace.log", folder)],
)
def test_each_file_that_it_needs_is_looked_at(file: Path, name: str, breaks: Callable[[Path], None]) -> None:
    assert NextProcess(file, tls=True).why_not() == ""
    NextProcess(file, tls=True).check_named_files()
    breaks(file.parent / name)
    assert Path(name).name in NextProcess(file, tls=True).why_not()
    with pytest.raises(V2GError, match="the daemon runs on, and would not start with this"):
        NextProcess(file, tls=True).check_named_files()


def test_the_configuration_itself_may_be_that_of_the_next_version(file: Path) -> None:
    file.write_text(file.read_text().replace('"services"', '"of_the_next_version"'))
    NextProcess(file, tls=True).check_named_files()
    assert "of_the_next_version" in NextProcess(file, tls=True).why_not()


def test_who_asks_on_and_on_takes_no_time_from_the_cars(file: Path) -> None:
    now = 0.0
    following, key = NextProcess(file, tls=True, clock=lambda: now), file.parent / KEY
    content = key.read_text()
    for _ in range(int(ASKS_BURST) // 2):
        key.unlink()
        with pytest.raises(V2GError):
            following.check_named_files()
        key.write_text(content)
        following.check_named_files()  # mended: not answered by what was
    key.unlink()
    following.check_named_files()  # not looked at
    now += 1.0
    with pytest.raises(V2GError):
        following.check_named_files()


def test_no_process_ends_because_all_was_well_a_moment_ago(file: Path) -> None:
    following = NextProcess(file, tls=True, clock=lambda: 0.0)
    assert following.why_not() == ""
    gone(file.parent / KEY)
    assert Path(KEY).name in following.why_not()
