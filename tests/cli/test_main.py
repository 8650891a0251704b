"""The command line: finding commands, what they import, and how they fail."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from v2g.cli import BROKEN_PIPE, COMMANDS, main
from v2g.kernel.fault import Fault
from v2g.pki.hierarchy import create

STATION = """
import asyncio, sys
from pathlib import Path
from v2g.io.control import serve
from v2g.kernel.errors import V2GError
from v2g.station.command import Command, Status

STATUS = {"evses": [{
    "evse": 1, "phase": "CHARGE_LOOP", "power_w": -4999.98765, "ready": True, "evcc_id": "", "fault": None,
    "explanation": "discharging 5000 W: limited by " + "everything that one can think of, " * 4,
    "limited_s": {"EV maximum discharge power": 12.3456, "EV battery full": 1.0},
}, {"evse": 2, "phase": "IDLE"}]}

def obey(command):
    if isinstance(command, Status):
        return STATUS
    if command.evse == 3:
        raise V2GError("there is no EVSE 3, only 1, 2")
    return {"asked": [] if command.evse == 2 else [1]}

async def run():
    task = asyncio.create_task(serve(Path(sys.argv[1]), 0o600, Command, obey))
    await asyncio.sleep(0)
    print("ready", flush=True)
    await task

asyncio.run(run())
"""


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The control socket of a process that answers as the daemon does."""
    path = tmp_path_factory.mktemp("station") / "control.sock"
    with subprocess.Popen([sys.executable, "-c", STATION, str(path)], stdout=subprocess.PIPE) as station:
        assert station.stdout is not None
        assert station.stdout.readline() == b"ready\n"
        yield str(path)
        station.terminate()


def v2g(*words: str, code: str = "sys.exit(main())") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    program = f"import sys\nfrom v2g.cli import main\n{code}"
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, timeout=30
    )


def test_help_lists_every_command_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, (_, purpose) in COMMANDS.items():
        assert f"  {name:14}{purpose}" in lines
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_text_fits_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["--help"]) == main(["faults", "0x04"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns


def test_help_imports_no_command() -> None:
    run = v2g("--help", code="main()\nprint(*sys.modules)")
    loaded = set(run.stdout.splitlines()[-1].split())
    own = {name for name in loaded if name.startswith("v2g")}
    kernel, cli = {"v2g.kernel.errors", "v2g.kernel.printable"}, {"interruption", "parser", "terminal"}
    assert own == {"v2g", "v2g.cli", "v2g.kernel"} | kernel | {f"v2g.cli.{name}" for name in cli}
    assert not loaded & {"asyncio", "msgspec", "yaml", "ssl", "cryptography", "serial"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: v2g {name} ")


def test_without_a_command_the_usage_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("usage: v2g COMMAND")


def test_an_unknown_command_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["charge"]) == 2
    assert capsys.readouterr().err == (
        f"v2g: error: there is no command 'charge'; the commands are {', '.join(COMMANDS)}\n"
    )
    assert main(["demon"]) == 2
    assert capsys.readouterr().err == "v2g: error: there is no command 'demon'; did you mean daemon?\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["inject"], "the following arguments are required: --mode; `v2g inject --help` lists the options"),
        (["grid", "test", "--cod"], "argument --code: expected one argument; `v2g grid test --help` lists the options"),
        (["stop", "now"], "unrecognized arguments: now; `v2g stop --help` lists the options"),
        (["pilot", "--capture", "x", "--cable", "sound"], "acting at a cable needs --modbus and --cable"),
    ],
)
def test_misuse_looks_like_every_error(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr() == ("", f"v2g: error: {complaint}\n")


def test_a_missing_package_is_named_with_its_remedy() -> None:
    code = "import sys; sys.modules['yaml'] = None\nfrom v2g.cli import main\nsys.exit(main())"
    run = v2g("config", "check", code=code)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "v2g: error: `v2g config` needs PyYAML; install it with pip install 'v2g[station]'\n"


def test_a_configuration_that_needs_a_missing_package_is_not_good(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "evses: [{services: [AC], access: {grant: everyone}, contactor: {address: 'modbus://127.0.0.1:1'}, "
        "meter: {address: 'modbus://127.0.0.1:1'}}]\n"
        "metrics: {port: 9464}\n"
        "ocpp: {url: 'mqtt://127.0.0.1', identity: A, security_profile: 1, password_file: password}\n"
        f"trace: {{file: {tmp_path}/trace.log}}\ncontrol: {{socket: {tmp_path}/socket}}\n"
    )
    (tmp_path / "password").write_text("p" * 16)
    code = "sys.modules['prometheus_client'] = sys.modules['paho'] = None\nsys.exit(main())"
    run = v2g("config", "check", "--no-tls", str(file), code=code)
    assert run.returncode == 2
    assert "metrics: needs the Python package prometheus-client; pip install 'v2g[metrics]'" in run.stderr
    assert "ocpp: needs the Python package paho; pip install 'v2g[mqtt]'" in run.stderr


@pytest.mark.parametrize(
    "words", [["simulate"], ["user", "ann"], ["--config", "depot.yaml"]], ids=lambda words: words[0]
)
def test_a_station_without_the_depots_packages_says_what_a_depot_needs(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p" * 16)
    (tmp_path / "depot.yaml").write_text(
        "feeders: [{id: T1, charge_w: 20000}]\n"
        "stations: [{id: CS1, password_file: password, evses: [{charge_w: 11000}]}]\n"
        'connect: {listen: "127.0.0.1:0", security_profile: 1}\n'
    )
    code = """
import sys
for name in ("numpy", "highspy", "starlette", "uvicorn", "argon2"):
    sys.modules[name] = None
from v2g.cli import main
sys.exit(main())
"""
    words = [str(tmp_path / word) if word == "depot.yaml" else word for word in words]
    run = v2g("depot", *words, code=code)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("v2g: error: `v2g depot` needs ")
    assert run.stderr.endswith("install it with pip install 'v2g[depot]'\n")


@pytest.mark.parametrize("module", ["depot", "site"])
def test_a_depot_outside_a_fleet_needs_nothing_of_one(module: str) -> None:
    code = f"""
for name in ("nats", "asyncpg", "py1815", "py20305"):
    sys.modules[name] = None
import v2g.run.{module}
"""
    run = v2g(code=code)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_station_as_a_sunspec_inverter_needs_no_web_server() -> None:
    code = """
for name in ("starlette", "uvicorn", "paho"):
    sys.modules[name] = None
import v2g.io.sunspec_server, v2g.io.sunspec_station
"""
    run = v2g(code=code)
    assert (run.returncode, run.stderr) == (0, "")


def test_the_codec_needs_nothing_but_msgspec() -> None:
    code = """
for name in ("cryptography", "OpenSSL", "serial", "yaml"):
    sys.modules[name] = None
from v2g.messages import decode, encode
assert encode("sap", decode("sap", bytes.fromhex("80400040"))).hex() == "80400040"
sys.exit(main())"""
    run = v2g("decode", "--protocol", "sap", "--hex", "80400040", code=code)
    assert (run.returncode, run.stderr) == (0, "")
    assert '"SchemaID":1' in run.stdout


def test_a_full_disk_is_no_traceback() -> None:
    with open("/dev/full", "w") as full:
        program = "import sys\nfrom v2g.cli import main\nsys.exit(main())"
        run = subprocess.run(
            [sys.executable, "-c", program, "faults"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (run.returncode, run.stderr) == (2, b"v2g: error: standard output: No space left on device\n")


def test_the_demonstration_names_a_directory_that_it_cannot_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert main(["demo", "--output", str(file)]) == 2
    remedy = "name a directory that you may write to with --output DIR"
    assert capsys.readouterr() == ("", f"v2g: error: {file}: File exists; {remedy}\n")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("--version", "-V"):
        assert main([word]) == 0
        assert re.fullmatch(r"v2g \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_errors_are_told_on_stderr(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["config", "check", str(tmp_path / "none.yaml")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"v2g: error: {tmp_path}/none.yaml: No such file or directory; ")


def test_errors_of_tasks_are_told_without_a_traceback() -> None:
    group = "ExceptionGroup('tasks', [V2GError('one'), ExceptionGroup('more', [V2GError('two')])])"
    code = f"from v2g.cli import V2GError, faults\ndef fail(args): raise {group}\nfaults.run = fail\nsys.exit(main())"
    run = v2g("faults", code=code)
    assert (run.returncode, run.stdout, run.stderr) == (2, "", "v2g: error: one\nv2g: error: two\n")


def test_a_defect_shows_its_traceback() -> None:
    group = "ExceptionGroup('tasks', [V2GError('one'), ZeroDivisionError('two')])"
    code = f"from v2g.cli import V2GError, faults\ndef fail(args): raise {group}\nfaults.run = fail\nsys.exit(main())"
    run = v2g("faults", code=code)
    assert run.returncode == 1
    assert "Traceback" in run.stderr
    assert "ZeroDivisionError: two" in run.stderr


def test_a_good_configuration_is_summed_up(capsys: pytest.CaptureFixture[str], repository: Path) -> None:
    file = repository / "src/v2g/deploy/config.yaml"
    assert main(["config", "check", str(file), "--no-tls", "--offline"]) == 0
    assert capsys.readouterr().out == (
        f"{file} is good:\n"
        "  EVSE 1 (DE*V2G*E0000001): DC (not DC_BPT: access.discharge is false), interface eth0, port 15118\n"
    )


def test_a_configuration_is_checked_with_its_certificates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    text = (repository / "src/v2g/deploy/config.yaml").read_text().replace("/etc/ssl/v2g", str(tmp_path / "pki"))
    file = tmp_path / "config.yaml"
    file.write_text(text)
    assert main(["config", "check", "--offline", str(file)]) == 2
    assert f"{tmp_path}/pki/secc_cert.pem" in capsys.readouterr().err
    now = datetime.now(UTC)
    create(tmp_path / "pki", now=now)
    assert main(["config", "check", "--offline", str(file)]) == 0
    seen = capsys.readouterr()
    ends = re.search(rf"  certificates: {tmp_path}/pki/secc_cert.pem, valid until (\S+)\n", seen.out)
    assert ends
    assert seen.err == ""
    days = (date.fromisoformat(ends[1]) - now.date()).days
    create(tmp_path / "pki", now=now - timedelta(days=days - 10, minutes=5), force=True)
    assert main(["config", "check", "--offline", str(file)]) == 0
    assert "the certificate CN=SECC-1, O=v2g test, DC=CPO expires in 9 days; renew it" in capsys.readouterr().err


@pytest.mark.parametrize("dash", ["--", "\u2013", "\u2014", "-\u2013", "\u2013-"])
def test_dashes_of_copied_documentation_are_taken_as_meant(dash: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", f"{dash}json", "0x04"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["0x04"]


def test_a_dash_before_a_single_letter_is_a_hyphen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["faults", "\u2013h"])
    assert ended.value.code == 0


def test_dashes_inside_a_word_stay(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["charge\u2013now"]) == 2
    assert "'charge\u2013now'" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_has_its_own_code(number: signal.Signals) -> None:
    code = "import os, signal\nfrom v2g.cli import faults\n"
    code += "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background job\n"
    code += "signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under nohup\n"
    code += f"faults.run = lambda args: os.kill(os.getpid(), {number:d})\nsys.exit(main())"
    run = v2g("faults", code=code)
    assert (run.returncode, run.stdout, run.stderr) == (128 + number, "", "")


def test_what_is_to_be_ignored_stays_ignored() -> None:
    code = "import os, signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\nfrom v2g.cli import faults\n"
    code += "faults.run = lambda args: os.kill(os.getpid(), signal.SIGHUP) or 0\nsys.exit(main())"
    assert v2g("faults", code=code).returncode == 0


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys\nfrom v2g.cli import main\nsys.exit(main())"
    run = subprocess.run([sys.executable, "-c", program, "faults"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (run.returncode, run.stderr) == (BROKEN_PIPE, b"")


def test_faults_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [fault.code for fault in Fault]
    assert "  0x09  Timeout on ServiceDiscovery" in lines


@pytest.mark.parametrize("code", ["0x0A", "0x0a", "0xA", "a"])
def test_a_fault_is_explained(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", code]) == 0
    out = capsys.readouterr().out
    assert out.startswith("0x0A Timeout in the charge loop\n")
    assert all(f"\n  {label} " in out for label in ("What", "Action", "Station", "To car"))
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", ["EVSE_Shutdown", "evse_shutdown"])
def test_faults_are_found_by_the_status_that_a_car_shows(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith("EVSE_Shutdown, of ISO 15118-2 and DIN SPEC 70121\n")
    assert {"  0x1A  Over-current", "  0x1C  Over-temperature"} <= set(out.splitlines())
    assert "0x20" not in out
    assert main(["faults", "--json", name]) == 0
    assert {"0x1A", "0x1C"} <= json.loads(capsys.readouterr().out).keys()


@pytest.mark.parametrize("code", ["0x6E", "islanding", "-1"])
def test_an_unknown_fault_is_bad_input(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "--", code]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"v2g: error: there is no fault '{code}'; the codes are\n  0x01  Islanding")


def test_status_in_eighty_columns(socket: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--socket", socket]) == 0
    everything = "everything that one can think of,"
    assert capsys.readouterr().out == (
        "evse         1\n"
        "phase        CHARGE_LOOP\n"
        "power_w      -4999.988\n"
        "ready        yes\n"
        f"explanation  discharging 5000 W: limited by {everything}\n"
        f"             {everything} {everything}\n"
        f"             {everything}\n"
        "limited_s    EV maximum discharge power: 12.346\n"
        "             EV battery full: 1\n"
        "\n"
        "evse   2\n"
        "phase  IDLE\n"
    )


def test_status_for_programs(socket: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json", "--socket", socket]) == 0
    assert json.loads(capsys.readouterr().out)["evses"][0]["power_w"] == -4999.98765


@pytest.mark.parametrize("command", ["stop", "pause"])
def test_orders_reach_the_daemon(command: str, socket: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--socket", socket]) == 0
    assert capsys.readouterr().out == f"asked the car to {command}: EVSE 1\n"
    assert main([command, "--socket", socket, "--evse", "2"]) == 1
    assert capsys.readouterr().out == "no car is in session\n"
    assert main([command, "--socket", socket, "--evse", "3"]) == 2
    assert capsys.readouterr().err == f"v2g: error: {command}: there is no EVSE 3, only 1, 2\n"


def test_a_daemon_that_does_not_run_is_said_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["status", "--socket", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith(f"v2g: error: no daemon listens at {tmp_path}/none; start it")
