"""`v2g ev` as a user runs it: arguments, the JSON report, the live progress, pausing and resuming."""

import json
import re
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.run.station_bench import BenchStation, contexts, station_in_a_thread

from v2g.cli import main
from v2g.pki.hierarchy import EVCCID, create

HERE = ("--host", "::1", "--no-tls")
KEYS = [
    "result",
    "protocol",
    "service",
    "mode",
    "tls",
    "messages",
    "energy_charged_wh",
    "energy_discharged_wh",
    "soc_start",
    "soc_end",
    "stop_reason",
    "error",
]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("ev") / "pki"
    create(directory, now=datetime.now(UTC))
    return directory


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "give either --interface IF"),
        (["--host", "::1", "--interface", "lo"], "give either --interface IF"),
        (["--host", "::1"], "--host needs --port N"),
        (["--interface", "lo", "--port", "1"], "--port goes with --host"),
        (["--protocol", "iso20-ac", "--service", "DC"], "ask for AC_BPT or AC or AC_DER_IEC or AC_DER_SAE"),
        (["--service", "AC"], "ask for DC_BPT or DC"),
        (["--contract", "own"], "--contract needs Plug & Charge, iso20-dc is none"),
        (["--protocol", "iso2-pnc", "--no-tls"], "a contract pays over TLS only"),
        (["--discharge-w", "1"], "need --mode scheduled"),
        (["--mode", "scheduled", "--service", "DC", "--discharge-w", "1"], "DC is none"),
        (["--soc-min", "0.9"], "must not decrease"),
        (["--evccid", "X" * 256], "1 to 255 characters"),
        (["--battery", "localhost:1", "--soc", "0.5"], "set them there"),
        (["--host", "::1", "--port", "1", "--tls-profile", "ssl3"], "there are iso15118-20, interop-p256"),
        (["--host", "::1", "--port", "1", "--pki", "/nonexistent"], "/nonexistent/vehicle_cert.pem"),
        (["--interface", "nosuch0", "--no-tls"], "there is no interface nosuch0"),
        ([*HERE, "--port", "1", "--battery", "127.0.0.1:1"], "the vehicle's side of the plant at 127.0.0.1:1"),
    ],
)
def test_unfit_arguments_are_explained(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ev", *words, "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert text in err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--port", "0"], "'0' is not a whole number from 1 to 65535"),
        (["--duration", "long"], "'long' is not a number from 0"),
        (["--duration", "nan"], "'nan' is not a number from 0"),
        (["--duration", "inf"], "'inf' is not a number from 0"),
        (["--duration", "1_0"], "'1_0' is not a number from 0"),
        (["--duration", "\u0663"], "'\u0663' is not a number from 0"),
        (["--loop-interval", "0.3"], "'0.3' is not a number from 0.01 to 0.25"),
        (["--battery", "localhost"], "'localhost' is not HOST:PORT"),
        (["--charge-w", "1", "--discharge-w", "1"], "not allowed with"),
    ],
)
def test_unfit_values_are_explained(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ev", *words]) == 2
    assert text in capsys.readouterr().err


def test_a_session_that_fails_is_told_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ev", *HERE, "--port", "1", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert list(report) == KEYS
    assert report["result"] == "failed"
    assert "no connection to [::1]:1" in report["error"]
    assert report["stop_reason"] is None
    assert report["messages"] == 0


@pytest.mark.parametrize(
    ("words", "expected", "direction"),
    [
        (["--mode", "scheduled", "--discharge-w", "6000"], ("iso20-dc", "DC_BPT", "scheduled"), -1),
        (["--service", "DC", "--mode", "scheduled", "--charge-w", "6000"], ("iso20-dc", "DC", "scheduled"), 1),
        (["--protocol", "iso20-ac"], ("iso20-ac", "AC_BPT", "dynamic"), 1),
    ],
)
def test_the_json_report_is_one_object_and_nothing_else(
    words: list[str], expected: tuple[str, str, str], direction: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with station_in_a_thread(BenchStation()) as port:
        options = ["--port", str(port), "--duration", "0.4", "--soc", "0.5", "--capacity-wh", "1000", "--json"]
        code = main(["ev", *HERE, *options, *words])
    out, err = capsys.readouterr()
    assert code == 0
    assert err == ""
    assert out.count("\n") == 1
    report = json.loads(out)
    assert list(report) == KEYS
    assert (report["protocol"], report["service"], report["mode"]) == expected
    assert report["result"] == "ok"
    assert report["tls"] is False
    assert report["soc_start"] == 0.5
    assert (report["soc_end"] - 0.5) * direction > 0
    assert (report["energy_charged_wh"] > 0) == (direction > 0)
    assert (report["energy_discharged_wh"] > 0) == (direction < 0)
    assert report["stop_reason"] == "the duration is over"
    assert report["error"] is None


def test_the_progress_is_plain_text_that_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with station_in_a_thread(BenchStation()) as port:
        assert main(["ev", *HERE, "--port", str(port), "--duration", "1.2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 and line.isascii() for line in lines)
    shown = [re.sub(r"^ *\d+\.\d\d s  ", "", line) for line in lines]
    assert shown[0] == f"station at [::1]:{port}, NO TLS"
    assert shown[1] == "authorization setup"
    assert "charge loop" in shown
    turns = [line for line in shown if " kW charging, SoC " in line]
    assert 1 <= len(turns) <= 2, "one line a second, not one a turn"
    assert shown[-2] == "ended: the duration is over"
    assert re.fullmatch(r"charged \d\.\d Wh, discharged 0\.0 Wh, SoC 60\.00% to 60\.0\d%, \d+ messages", shown[-1])


def test_a_failure_is_told_with_its_fault(capsys: pytest.CaptureFixture[str]) -> None:
    def vanish(station: BenchStation) -> None:
        if station.link is not None:
            station.link.abort()

    with station_in_a_thread(BenchStation(at_loop=vanish)) as port:
        assert main(["ev", *HERE, "--port", str(port)]) == 1
    out = capsys.readouterr().out
    assert "FAULT 0x0D CONNECTION_LOST" in out
    assert "\nFAILED: " in out


def test_control_c_ends_the_session_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(station: BenchStation) -> None:
        if not interrupted:
            interrupted.append(True)
            signal.raise_signal(signal.SIGINT)

    interrupted: list[bool] = []
    with station_in_a_thread(BenchStation(at_loop=interrupt)) as port:
        assert main(["ev", *HERE, "--port", str(port), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stop_reason"] == "the driver ended it"


def test_a_session_is_paused_into_a_file_and_resumed_from_it(
    pki: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "paused.json"
    station = BenchStation()
    words = ["ev", "--host", "::1", "--pki", str(pki), "--duration", "0.2", "--resume", str(file)]
    with station_in_a_thread(station, contexts(pki)[0]) as port:
        assert main([*words, "--port", str(port), "--pause"]) == 0
        assert "service selection" in capsys.readouterr().out
        assert file.stat().st_mode & 0o777 == 0o600
        assert station.paused is not None
        assert station.paused.car.evcc_id == EVCCID, "the name in the certificate"
        assert json.loads(file.read_text())["session_id"] == station.paused.session_id.hex()

        assert main([*words, "--port", str(port)]) == 0
        assert "service selection" not in capsys.readouterr().out
        assert not file.exists(), "over for good"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("not JSON", "holds no paused session"),
        ("{}", "holds no paused session"),
        ("[]", "holds no paused session"),
        (
            '{"service": "DC", "mode": "DYNAMIC", "parameter_set": 1, "session_id": "01", "station": "00"}',
            "ask for that, or remove the file",
        ),
    ],
)
def test_an_unfit_file_of_a_paused_session_is_refused(
    content: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "paused.json"
    file.write_text(content)
    assert main(["ev", *HERE, "--port", "1", "--resume", str(file)]) == 2
    assert text in capsys.readouterr().err


def test_a_directory_cannot_be_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ev", *HERE, "--port", "1", "--resume", str(tmp_path)]) == 2
    assert "Is a directory" in capsys.readouterr().err
