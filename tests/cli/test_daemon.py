"""`v2g daemon` as a process: start, sessions, refusals, orders from the control socket, end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, Station, station

from v2g.cli import main
from v2g.io.control import request
from v2g.io.stranger_limit import MOST
from v2g.io.tls_probe import look
from v2g.pki import hierarchy as pki
from v2g.pki import issue
from v2g.pki.certificate import of, read_pem
from v2g.station.command import Command, Pause, Status, Stop, WriteRegister


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    pki.create(directory, now=datetime.now(UTC), force=True)
    return directory


@pytest.fixture
def ours(tmp_path: Path, certificates: Path) -> Iterator[Station]:
    with station(
        None,
        tmp_path,
        services=["DC_BPT", "DC"],
        pki=certificates,
        profile="iso15118-20",
        dispatch=[{"power_w": -5000}],
    ) as running:
        yield running


def car(ours: Station, certificates: Path | None, *options: str, at_the_cable: bool = True) -> Process:
    """A car; its battery is the plant's, unless another car is at the cable."""
    tls = ["--no-tls"] if certificates is None else ["--pki", str(certificates)]
    battery = ["--battery", ours.plant_address] if at_the_cable else []
    place = ["--host", "::1", "--port", str(ours.port)]
    return Process([*V2G, "ev", *place, *battery, *tls, "--json", *options])


def result(process: Process) -> dict[str, Any]:
    assert process.wait(40) is not None
    parsed: dict[str, Any] = json.loads(process.output)
    return parsed


@pytest.fixture
def control(tmp_path: Path) -> Callable[[Command], Any]:
    """Sends a command to the station of the test."""
    return lambda command: request(tmp_path / "control.sock", command)


def test_the_doctor_examines_a_running_station(ours: Station, tmp_path: Path) -> None:
    with Process([*V2G, "doctor", "--config", str(tmp_path / "config.yaml"), "--json"]) as process:
        assert process.wait(40) is not None
    findings = {each["subject"]: each for each in json.loads(process.output)}
    assert findings["EVSE 1"] == {"subject": "EVSE 1", "level": "good", "text": "ready", "remedy": ""}
    assert findings["certificates"]["text"].startswith("valid until 20")
    assert findings["scheduling"]["text"] == "not real-time"
    assert findings["EVSE 1 set-point delay"]["level"] == "note"
    assert findings["configuration"]["level"] == "warning"
    assert "bench_discharge" in findings["configuration"]["text"]


def test_a_configuration_that_was_broken_meanwhile_restarts_nothing(
    ours: Station, tmp_path: Path, certificates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, socket_file = tmp_path / "config.yaml", str(tmp_path / "control.sock")
    good = file.read_text()
    file.write_text(good.replace('"services"', '"servces"'))
    for option in ((), ("--wait",)):
        assert main(["restart", "--socket", socket_file, *option]) == 2
        said = capsys.readouterr().err
        assert f"{file}:1:" in said
        assert "did you mean services?" in said
        assert "the daemon runs on" in said
    assert main(["doctor", "--config", str(file), "--json"]) == 1
    found = {each["subject"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["configuration"]["level"] == "fault"
    assert found["configuration"]["remedy"] == "did you mean services?"
    assert {"kernel", "clock", "daemon"} <= found.keys()
    file.unlink()
    assert main(["restart", "--socket", socket_file]) == 2
    assert f"{file}: No such file or directory" in capsys.readouterr().err
    file.write_text(good)
    with moved_aside(certificates / "secc_key.pem"):
        for option in ((), ("--wait",)):
            assert main(["restart", "--socket", socket_file, *option]) == 2
            said = capsys.readouterr().err
            assert "secc_key.pem: No such file or directory" in said
            assert "the daemon runs on" in said
    assert ours.daemon.child.poll() is None
    assert main(["restart", "--socket", socket_file]) == 0
    assert ours.daemon.wait(START_S) == 0


@contextmanager
def moved_aside(file: Path) -> Iterator[None]:
    aside = file.rename(file.with_suffix(".aside"))
    yield
    aside.rename(file)


def test_it_serves_although_nobody_takes_what_it_prints(tmp_path: Path) -> None:
    device = {"address": "modbus://127.0.0.1:1"}
    evse = {"services": ["AC"], "port": 0, "contactor": device, "meter": device}
    files = {"trace": {"file": str(tmp_path / "trace.log")}, "control": {"socket": str(tmp_path / "control.sock")}}
    (tmp_path / "config.yaml").write_text(json.dumps({"evses": [evse], **files}))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(START_S)
        command = f"exec {' '.join(V2G)} daemon --no-tls --config {tmp_path}/config.yaml >/dev/full 2>&-"
        environment = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        with subprocess.Popen(["bash", "-c", command], env=environment) as daemon:
            try:
                assert manager.recv(1000) == b"STATUS=serving 1 EVSE"
                assert request(tmp_path / "control.sock", Status())["evses"][0]["evse"] == 1
            finally:
                daemon.terminate()
            assert daemon.wait(START_S) == 0


def test_a_session_over_tls_with_the_strict_profile(
    ours: Station, certificates: Path, tmp_path: Path, control: Callable[[Command], Any]
) -> None:
    with car(ours, certificates, "--duration", "1") as process:
        outcome = result(process)
    assert outcome["result"] == "ok"
    assert outcome["tls"] is True
    assert outcome["energy_discharged_wh"] > 0.5
    assert outcome["soc_end"] < outcome["soc_start"]
    [status] = control(Status())["evses"]
    assert status["result"] == "completed"
    assert status["contactor_closed"] is False
    trace = (tmp_path / "trace.log").read_text()
    assert not re.search("error", trace, re.IGNORECASE), trace
    assert "slowest response" in trace


def test_one_station_serves_cars_of_both_editions_over_their_tls(tmp_path: Path) -> None:
    """And who only looks at its certificates leaves no fault behind."""
    both = tmp_path / "both"
    pki.create(both, now=datetime.now(UTC), both=True)
    options: dict[str, Any] = {
        "services": ["DC_BPT", "DC"],
        "pki": both,
        "profile": "iso15118-20",
        "contracts": True,
        "receipts_s": 0.5,
    }
    with station(None, tmp_path, **options) as ours:
        looked = subprocess.run(
            [*V2G, "pki", "verify", f"[::1]:{ours.port}", "--directory", str(both)], capture_output=True, text=True
        )
        assert looked.returncode == 0, looked.stdout + looked.stderr
        assert "TLS 1.3: TLS_AES_256_GCM_SHA384, secp521r1\n" in looked.stdout
        assert "TLS 1.2: ECDHE-ECDSA-AES128-SHA256, secp256r1\n" in looked.stdout
        assert looked.stdout.count("\n  OK\n") == 2
        with car(ours, both, "--protocol", "iso2-dc", "--duration", "1") as process:
            older = result(process)
        assert older["result"] == "ok"
        assert older["tls"] is True
        assert older["energy_discharged_wh"] == 0
        with car(ours, both, "--duration", "1") as process:
            assert result(process)["result"] == "ok"
        for protocol in ("iso2-pnc", "iso20-pnc"):  # nobody says whether the contract was revoked: it charges only
            with car(ours, both, "--protocol", protocol, "--service", "DC", "--duration", "1") as process:
                assert result(process)["result"] == "ok"
    trace = (tmp_path / "trace.log").read_text()
    assert not re.search("error", trace, re.IGNORECASE), trace
    assert "TLS 1.3 and TLS 1.2" in trace
    paid = "contract XXV2GC00000001: everyone may use this EVSE; it charges only: nobody says whether"
    assert trace.count(paid) == 2, trace


def test_certificates_are_exchanged_under_a_session_that_goes_on(tmp_path: Path) -> None:
    """Below several roots, one of which has expired when the station starts: it serves the cars of the others."""
    directory, new, now = tmp_path / "pki", tmp_path / "new", datetime.now(UTC)
    pki.create(directory, now=now)
    pki.create(new, now=now)
    key = issue.make_key("p521")
    order = issue.Order(issue.name("Old Root", "OEM"), key.public_key(), 1, 2)
    old = of(issue.issue(order, order.subject, key, now - timedelta(days=10)))
    (directory / "oem_root_2.pem").write_bytes(old.pem)
    with station(None, tmp_path, services=["DC_BPT", "DC"], pki=directory, profile="iso15118-20") as ours:
        assert ours.traced("the root CN=Old Root, O=v2g test, DC=OEM expired on") is not None
        with car(ours, directory, "--duration", "600") as process:
            assert ours.traced("-> CHARGE_LOOP"), ours.account()
            (directory / "secc_key.pem").write_text("half a file")
            ours.daemon.signal(signal.SIGHUP)
            assert ours.traced("cannot be used; the former ones stay in force") is not None
            for file in ("secc_cert.pem", "secc_key.pem", "cpo_chain.pem", "v2g_root.pem", "oem_root.pem"):
                (directory / file).write_bytes((new / file).read_bytes())
            ours.daemon.signal(signal.SIGHUP)
            assert ours.traced("were read again from") is not None
            seen = look("::1", ours.port, "TLS 1.3")
            [leaf] = read_pem((new / "secc_cert.pem").read_bytes())
            assert seen.chain[0] == leaf.der
            assert process.child.poll() is None, "the session goes on"
            request(tmp_path / "control.sock", Stop())
            assert result(process)["result"] == "ok"
        with car(ours, new, "--duration", "1") as process:
            assert result(process)["result"] == "ok"


def test_a_car_without_tls_is_refused_with_its_code_and_the_next_is_served(ours: Station, certificates: Path) -> None:
    with car(ours, None) as process:
        assert result(process)["result"] == "failed"
    assert ours.traced("ERROR 0x0B TLS failure")
    with car(ours, certificates, "--duration", "1") as process:
        assert result(process)["result"] == "ok"


@pytest.mark.parametrize(("listed", "outcome"), [("ZZZV123456789ABCDEF9", "ok"), ("ZZZVSECONDCAR0000001", "failed")])
def test_who_may_charge_is_decided_on_the_certificate(
    tmp_path: Path, certificates: Path, listed: str, outcome: str
) -> None:
    """The car is the one of the first name, whatever it calls itself."""
    access = {"grant": "listed", "certificates": [listed], "discharge": True}
    options = {"services": ["DC_BPT"], "pki": certificates, "profile": "iso15118-20", "access": access}
    with station(None, tmp_path, **options) as ours:  # type: ignore[arg-type]  # the options' types differ
        with car(ours, certificates, "--duration", "1", "--evccid", "ZZZVSECONDCAR0000001") as process:
            assert result(process)["result"] == outcome
        assert ours.traced("states another name than its certificate: EVCCID ZZZVSECONDCAR0000001, certificate ZZZV123")


def test_garbage_is_refused_and_the_next_car_is_served(tmp_path: Path) -> None:
    with station(None, tmp_path, services=["DC_BPT"]) as ours:
        for garbage, code in (
            (b"GET / HTTP/1.1\r\n\r\n", "0x03"),
            (bytes.fromhex("01fe800100000004ffffffff"), "0x04"),
            (bytes.fromhex("01fe8001ffffffff"), "0x03"),
        ):
            with socket.create_connection(("::1", ours.port), timeout=5) as stranger:
                stranger.sendall(garbage)
                stranger.settimeout(10)
                while stranger.recv(1000):
                    pass
            assert ours.traced(f"ERROR {code} ")
        with car(ours, None, "--duration", "1") as process:
            assert result(process)["result"] == "ok"


def test_a_second_car_does_not_disturb_the_first(ours: Station, certificates: Path) -> None:
    with car(ours, certificates, "--duration", "4") as first:
        assert ours.traced("-> CHARGE_LOOP")
        with car(ours, certificates, at_the_cable=False) as second:
            assert result(second)["result"] == "failed"
        assert result(first)["result"] == "ok"
    assert ours.traced("refused: another car is in session")


def test_strangers_leave_few_lines_and_none_in_the_session_of_a_car(ours: Station, certificates: Path) -> None:
    with car(ours, certificates, "--duration", "4") as process:
        entered = ours.traced("-> CHARGE_LOOP")
        assert entered is not None
        for _ in range(100):
            with socket.create_connection(("::1", ours.port), timeout=5) as stranger:
                stranger.sendall(b"GET /ERROR 0x20 HTTP/1.1\r\n\r\n")
                stranger.settimeout(5)
                while stranger.recv(1000):
                    pass
        assert result(process)["result"] == "ok"
    assert ours.daemon.stop() == 0
    assert ours.trace_file is not None
    lines = ours.trace_file.read_text().splitlines()
    strangers = [line for line in lines if " session=stranger " in line]
    assert 1 <= len(strangers) <= MOST + 1
    assert [line for line in lines if " ERROR " in line] == [line for line in strangers if " ERROR " in line]
    assert not [line for line in lines if "ERROR 0x20" in line]


@pytest.mark.parametrize(("order", "reason"), [(Stop(), "asked to end"), (Pause(), "asked to pause")])
def test_the_operator_ends_a_session(
    ours: Station, certificates: Path, order: Command, reason: str, control: Callable[[Command], Any]
) -> None:
    assert control(order) == {"asked": []}
    with car(ours, certificates) as process:
        assert ours.traced("-> CHARGE_LOOP")
        assert control(order) == {"asked": [1]}
        outcome = result(process)
    assert outcome["result"] == "ok"
    assert reason in outcome["stop_reason"]


def test_a_paused_session_is_taken_up_again(
    ours: Station, certificates: Path, tmp_path: Path, control: Callable[[Command], Any]
) -> None:
    keep = str(tmp_path / "paused.json")
    with car(ours, certificates, "--duration", "1", "--pause", "--resume", keep) as process:
        assert result(process)["result"] == "ok"
    first = control(Status())["evses"][0]["session"]
    with car(ours, certificates, "--duration", "1", "--resume", keep) as process:
        assert result(process)["result"] == "ok"
    assert control(Status())["evses"][0]["session"] == first
    assert ours.traced("SESSION_SETUP -> CHARGE_PARAMETERS")


def test_sigterm_ends_the_session_in_order_and_leaves_the_hardware_safe(ours: Station, certificates: Path) -> None:
    with car(ours, certificates) as process:
        assert ours.traced("-> CHARGE_LOOP")
        ours.daemon.child.send_signal(signal.SIGTERM)
        outcome = result(process)
    assert outcome["result"] == "ok"
    assert ours.daemon.wait(START_S) == 0
    assert "open command" in ours.contactor.lines[-1]


def test_a_restart_during_energy_transfer_is_refused_unless_forced(
    ours: Station, certificates: Path, tmp_path: Path
) -> None:
    restart = [*V2G, "restart", "--socket", str(tmp_path / "control.sock")]
    with car(ours, certificates) as process:
        assert ours.traced("discharging 5.0 kW")
        refused = subprocess.run(restart, capture_output=True, text=True, timeout=60, check=False)
        assert refused.returncode == 2
        assert "energy is being transferred at EVSE 1 with ZZZV123456789ABCDEF9; wait for its end" in refused.stderr
        assert process.child.poll() is None
        forced = subprocess.run([*restart, "--force"], capture_output=True, text=True, timeout=60, check=False)
        assert forced.returncode == 0
        assert result(process)["result"] == "ok"
    assert ours.daemon.wait(START_S) == 0
    assert "open command" in ours.contactor.lines[-1]


def test_a_restart_waits_for_the_end_of_the_session(ours: Station, certificates: Path, tmp_path: Path) -> None:
    restart = [*V2G, "restart", "--socket", str(tmp_path / "control.sock")]

    def said(option: str) -> tuple[int, str]:
        done = subprocess.run([*restart, option], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    assert said("--check") == (0, "the daemon may be restarted now\n")
    with car(ours, certificates) as process:
        assert ours.traced("discharging 5.0 kW")
        code, text = said("--check")
        assert (code, text[:69]) == (1, "energy is being transferred at EVSE 1 with ZZZV123456789ABCDEF9; wait")
        code, text = said("--wait")
        assert code == 0
        assert text.endswith("\nthe daemon restarts once no car is in session\n")
        assert said("--wait")[0] == 0
        assert ours.daemon.child.poll() is None
        assert request(tmp_path / "control.sock", Status())["evses"][0]["stage"] == "ENERGY"
        good = (file := tmp_path / "config.yaml").read_text()
        file.write_text(good.replace('"services"', '"servces"'))
        process.child.send_signal(signal.SIGINT)
        assert result(process)["result"] == "ok"
    assert ours.traced("WARNING the restart waits, as the station would not start again: .* did you mean services")
    assert ours.daemon.child.poll() is None
    file.write_text(good)
    assert ours.daemon.wait(START_S) == 0
    assert "a restart waits until no car is in session" in (tmp_path / "trace.log").read_text()


def test_a_daemon_that_was_killed_leaves_word_and_the_next_one_serves_the_car(
    ours: Station, certificates: Path, tmp_path: Path, control: Callable[[Command], Any]
) -> None:
    with car(ours, certificates, "--evccid", "WMIKILLED0000000001X") as process:
        assert ours.traced("discharging 5.0 kW")
        assert control(WriteRegister(address=0x4001, value=2_000))["held_w"] == 2_000
        ours.daemon.child.kill()
        assert process.wait(20) is not None
    config = str(tmp_path / "config.yaml")
    with Process([*V2G, "daemon", "--config", config, "--port", "0"]) as daemon:
        assert daemon.wait_for("listens on ", START_S)
        found = ours.traced("the last process ended in ENERGY since .* of WMIKILLED0000000001X; contactor found ")
        assert found, ours.account()
        assert "safe state seen after" in found
        allowed_w, end_s = 0.0, monotonic() + START_S
        while allowed_w == 0.0 and monotonic() < end_s:  # nothing is allowed before all devices have answered
            allowed_w = control(Status())["evses"][0]["allowed_discharge_w"]
        assert allowed_w == 2_000, "the operator's limit holds until it is set again"
        again = Station(
            None, daemon, ours.plant, ours.contactor, ours.plant_address, ours.contactor_address, ours.trace
        )
        with car(again, certificates, "--duration", "1") as process:
            assert result(process)["result"] == "ok"


def test_a_daemon_that_was_stopped_and_goes_on_names_that_as_the_cause(ours: Station, certificates: Path) -> None:
    with car(ours, certificates) as process:
        assert ours.traced("discharging 5.0 kW")
        ours.daemon.signal(signal.SIGSTOP)
        assert process.wait(START_S) is not None  # no answer within 0.5 s
        ours.daemon.signal(signal.SIGCONT)
        assert ours.traced("ERROR 0x22 Process stalled: this process did not run for "), ours.account()
    faults = [line for line in ours.trace.lines if " ERROR " in line]
    assert len(faults) == 1, faults
    with car(ours, certificates, "--duration", "1") as process:
        assert result(process)["result"] == "ok", ours.account()


def test_a_second_daemon_on_the_same_hardware_is_refused_and_touches_nothing(
    ours: Station, certificates: Path, tmp_path: Path
) -> None:
    config = json.loads((tmp_path / "config.yaml").read_text())
    config |= {"control": {"socket": str(tmp_path / "other.sock")}, "kept": str(tmp_path / "other.json")}
    config["trace"]["file"] = str(tmp_path / "other.log")
    (tmp_path / "other.yaml").write_text(json.dumps(config))
    with car(ours, certificates, "--duration", "4") as process:
        assert ours.traced("discharging 5.0 kW")
        command = [*V2G, "daemon", "--config", str(tmp_path / "other.yaml"), "--port", "0"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 2
        assert f"the process {ours.daemon.child.pid} uses it; stop it" in second.stderr
        assert result(process)["result"] == "ok"
    assert not [line for line in ours.trace.lines if " ERROR " in line]


def test_once_ends_after_one_session(tmp_path: Path) -> None:
    with station(None, tmp_path, services=["DC_BPT"]) as ours:
        config = str(tmp_path / "config.yaml")
        ours.daemon.child.send_signal(signal.SIGTERM)
        assert ours.daemon.wait(START_S) == 0
        with Process([*V2G, "daemon", "--config", config, "--port", "0", "--no-tls", "--once"]) as daemon:
            assert daemon.wait_for("listens on ", START_S)
            again = Station(
                None, daemon, ours.plant, ours.contactor, ours.plant_address, ours.contactor_address, ours.trace
            )
            with car(again, None, "--duration", "1") as process:
                assert result(process)["result"] == "ok"
            assert daemon.wait(START_S) == 0


def test_what_the_seed_of_every_installation_types_works(tmp_path: Path) -> None:
    """`v2g_daemon --port N --config FILE`, as a command of its own and with dashes from a word processor."""
    with station(None, tmp_path, services=["DC_BPT"]) as ours:
        ours.daemon.child.send_signal(signal.SIGTERM)
        assert ours.daemon.wait(START_S) == 0
        command = Path(sys.executable).with_name("v2g_daemon")
        config = str(tmp_path / "config.yaml")
        options = ["\N{EN DASH}port", str(ours.port), "\N{EN DASH}config", config, "--no-tls"]
        with Process([str(command), *options]) as daemon:
            assert daemon.wait_for(rf"\[::1\]:{ours.port}, NO TLS", START_S)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("evses: []", "evses"),
        ("evses: [{contactor: {address: nowhere}}]", "config.yaml:1:"),
        (None, "No such file"),
    ],
)
def test_a_bad_configuration_is_explained_with_exit_code_2(tmp_path: Path, text: str | None, complaint: str) -> None:
    file = tmp_path / "config.yaml"
    if text is not None:
        file.write_text(text)
    done = subprocess.run(
        [*V2G, "daemon", "--config", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_certificates_are_no_reason_to_do_without_tls(tmp_path: Path) -> None:
    with station(None, tmp_path, services=["DC_BPT"]):
        pass
    config = json.loads((tmp_path / "config.yaml").read_text())
    config["tls"] = {"directory": str(tmp_path / "nothing")}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    command = [*V2G, "daemon", "--config", str(tmp_path / "config.yaml"), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "secc_cert.pem" in done.stderr
