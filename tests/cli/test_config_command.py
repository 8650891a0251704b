"""`v2g config`: what it finds that this machine lacks, and the files that it prints."""

import json
import os
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from v2g.cli import main
from v2g.cli.config import EXAMPLES
from v2g.io.configuration import load
from v2g.run import readiness

BENCH = """
evses:
  - services: [AC]
    access: {{grant: everyone}}
    interface: {interface}
    contactor: {{address: "modbus://127.0.0.1:1"}}
    meter: {{address: "modbus://127.0.0.1:1"}}
trace: {{file: {directory}/trace.log}}
control: {{socket: {directory}/control.sock}}
kept: {directory}/kept.json
"""


def check(file: Path, *words: str) -> int:
    return main(["config", "check", "--no-tls", str(file), *words])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(BENCH.format(interface="eth7", directory=tmp_path))
    return file


def test_a_missing_interface_is_found_before_the_daemon_finds_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(file) == 2
    found = capsys.readouterr().err
    assert found.startswith(f"v2g: error: {file}: evses[0].interface: there is no network interface eth7; there are lo")
    assert check(file, "--offline") == 0


def test_a_grid_code_that_widens_the_operating_window_says_so(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unit = "    nominal_hz: 60\n    grid: {{address: 'modbus://127.0.0.1:2'}}\n"
    code = unit + "    grid_code: {{name: ieee1547-cat3{}}}\n    meter:"
    content = file.read_text()
    file.write_text(content.replace("    meter:", code.format("")))
    assert check(file, "--offline") == 0
    assert "power from" not in capsys.readouterr().out
    wider = ", settings: {trip.of1.threshold_hz: 66, trip.of2.threshold_hz: 66}"
    file.write_text(content.replace("    meter:", code.format(wider)))
    assert check(file, "--offline") == 0
    said = "power from 47 to 67 Hz, not 47 to 63 Hz: 1 Hz beyond the thresholds of ieee1547-cat3"
    assert said in capsys.readouterr().out


def test_an_interface_without_an_address_is_found(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(file.read_text().replace("eth7", "lo"))
    assert check(file) == 2
    assert "evses[0].interface: interface lo has no usable IPv6 link-local address" in capsys.readouterr().err


def test_all_that_is_wrong_is_found_at_once(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trace.log").mkdir()
    os.mkfifo(tmp_path / "kept.json")
    assert check(file) == 2
    interface, trace, kept = capsys.readouterr().err.splitlines()
    assert "evses[0].interface" in interface
    assert trace == f"{file}: trace.file: {tmp_path}/trace.log is no file; name one"
    assert kept == f"{file}: kept: {tmp_path}/kept.json is no file; name one"


def test_two_tokens_of_one_secret_are_found(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = []
    for name in ("evcc", "reader"):
        (tmp_path / name).write_text("a-secret-of-sixteen")
        (tmp_path / name).chmod(0o640)
        named.append(f"{{name: {name}, file: {tmp_path / name}}}")
    file.write_text(f"{file.read_text()}\nlocal_api: {{tokens: [{', '.join(named)}]}}\n")
    assert check(file) == 2
    assert f"local_api.tokens[1].file: {tmp_path}/reader holds the token of evcc too" in capsys.readouterr().err


def found_by_another_user(file: Path, findings: Connection) -> None:
    settings, _ = load(file)
    if os.geteuid() == 0:
        os.setuid(65_534)
    try:
        readiness.check(settings, file)
    except readiness.NotReady as error:
        findings.send(str(error))


def test_what_the_user_may_not_write_is_found(file: Path, tmp_path: Path) -> None:
    directory = Path("/usr") if os.geteuid() else tmp_path
    file.write_text(BENCH.format(interface="lo", directory=directory))
    findings, far_end = Pipe(duplex=False)
    process = get_context("fork").Process(target=found_by_another_user, args=(file, far_end))
    process.start()
    far_end.close()
    _, *found = findings.recv().splitlines()
    process.join()
    remedy = "let it, or name another"
    assert found[0].startswith(f"{file}: trace.file: this user may not write to {directory}")
    assert found[0].endswith(f"; {remedy} file")
    assert found[1].startswith(f"{file}: kept: this user may not write to ")
    assert found[2].endswith(f"; {remedy} socket")


def test_settings_in_force_for_programs(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(file, "--offline", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["warnings"] == []
    assert document["settings"]["evses"][0]["interface"] == "eth7"
    assert document["settings"]["trace"]["level"] == "info"


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_file_of_an_installation_is_printed(
    name: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "example", name]) == 0
    assert capsys.readouterr().out == (repository / "src/v2g/deploy" / EXAMPLES[name]).read_text()


def test_the_example_is_a_configuration_that_is_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "example"]) == 0
    file = tmp_path / "config.yaml"
    file.write_text(capsys.readouterr().out)
    assert check(file, "--offline") == 0
