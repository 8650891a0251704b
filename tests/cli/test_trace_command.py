"""`v2g trace` on a real trace and a real recording."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import World
from v2g.cli import main
from v2g.io.recording import Ring
from v2g.station.recorded import RecordedEvse

TRACE = """\
2026-11-28T10:45:00.000Z evse=1 session=- INFO control pilot B1 -> B2
2026-11-28T10:45:01.000Z evse=1 session=AA11 INFO phase SESSION_SETUP -> AUTHORIZATION
2026-11-28T10:45:02.000Z evse=2 session=BB22 WARNING FooReq deviates: \\u001b[2J
2026-11-28T10:45:03.250Z evse=1 session=AA11 ERROR 0x15 Meter lost: no reading: of the meter
2026-11-28T10:45:03.300Z evse=1 session=AA11 INFO session ended: charged 10.5 Wh, discharged 0.4 Wh, 81 messages
2026-11-28T10:45:03.300Z evse=1 session=AA11 INFO slowest response 30.5 ms (CurrentDemandRes), owed within 25 ms
2026-11-28T10:45:04.000Z evse=2 session=BB22 INFO session paused: charged 1.5 Wh, discharged 0.0 Wh, 9 messages
2026-11-28T10:45:04.000Z evse=2 session=BB22 INFO slowest response 4.5 ms (CurrentDemandRes), owed within 25 ms
2026-11-28T10:45:05.000Z evse=2 session=CC33 DEBUG sent FooRes protocol=din payload=80AB document={"a":"payload=1"}
"""


@pytest.fixture
def trace(tmp_path: Path) -> str:
    path = tmp_path / "trace.log"
    path.write_text(TRACE)
    return str(path)


def test_a_session_is_shown_with_the_time_since_it_began(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "show", "--session", "aa11", trace]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "EVSE 1, session AA11, 2026-11-28T10:45:01.000Z",
        "      +0.000 s          phase SESSION_SETUP -> AUTHORIZATION",
        "      +2.250 s  ERROR   0x15 Meter lost: no reading: of the meter",
        "      +2.300 s          session ended: charged 10.5 Wh, discharged 0.4 Wh, 81 messages",
        "      +2.300 s          slowest response 30.5 ms (CurrentDemandRes), owed within 25 ms",
    ]


def test_an_evse_is_shown_and_messages_without_their_octets(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "show", "--evse", "2", trace]) == 0
    shown = capsys.readouterr().out
    assert [each for each in shown.splitlines() if each.startswith("EVSE")] == [
        "EVSE 2, session BB22, 2026-11-28T10:45:02.000Z",
        "EVSE 2, session CC33, 2026-11-28T10:45:05.000Z",
    ]
    assert 'sent FooRes protocol=din document={"a":"payload=1"}' in shown
    assert main(["trace", "show", "--evse", "2", "--json", trace]) == 0
    assert [json.loads(each)["session"] for each in capsys.readouterr().out.splitlines()] == ["BB22"] * 3 + ["CC33"]


@pytest.mark.parametrize("action", ["show", "stats"])
def test_a_session_that_is_not_there_is_named(trace: str, action: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", action, "--session", "dd44", trace]) == 1
    assert "no line of session DD44 in" in capsys.readouterr().err


def test_sessions_responses_and_faults_are_counted(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "stats", "--json", trace]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "sessions": 3,
        "endings": {"ended with a fault": 1, "paused": 1, "without an end": 1},
        "charged_wh": 12.0,
        "discharged_wh": 0.4,
        "messages": 90,
        "slowest": [
            {"message": "CurrentDemandRes", "sessions": 2, "p50_ms": 4.5, "p99_ms": 30.5, "most_ms": 30.5,
             "owed_ms": 25.0, "margin_ms": -5.5},
        ],
        "faults": [{"code": "0x15", "title": "Meter lost", "count": 1, "latest": "2026-11-28T10:45:03.250Z"}],
    }  # fmt: skip
    assert main(["trace", "stats", trace]) == 0
    shown = capsys.readouterr().out
    assert "3 sessions: 1 ended with a fault, 1 paused, 1 without an end" in shown
    assert "0x15 Meter lost" in shown


def recorded(folder: Path) -> None:
    """A session up to the charge loop."""
    ring, world = Ring(folder, 1 << 20), World(OUTLET, INTENT)
    world.evse = RecordedEvse(OUTLET, world.plant.settings.rating, sink=ring)
    in_the_loop(world, 1.0)
    ring.close()


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark (as root: apt-get install tshark)")
def test_wireshark_opens_the_capture_of_a_recording(tmp_path: Path) -> None:
    """With whole TCP streams, and each message decoded in the comment of its packet."""
    recorded(tmp_path / "ring")
    output = str(tmp_path / "session.pcapng")
    assert main(["trace", "export", str(tmp_path / "ring"), "-o", output]) == 0
    fields = ("frame.comment", "tcp.dstport", "tcp.len", "_ws.expert")
    command = ["tshark", "-r", output, "-Tfields", "-Eseparator=/t", *(f"-e{each}" for each in fields)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    packets = [line.split("\t") for line in shown.splitlines()]
    spoken = [comment for comment, _, length, _ in packets if length != "0"]
    assert [comment.partition("{")[0] for comment in spoken[:2]] == ["sap ", "sap "]
    assert any('iso20-dc {"DC_ChargeLoopRes"' in comment for comment in spoken)
    assert {port for _, port, _, _ in packets} >= {"15118"}
    assert all("lost" not in expert.lower() and "malformed" not in expert.lower() for *_, expert in packets)


def test_a_recording_becomes_a_capture_that_decode_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(tmp_path / "ring")
    output = tmp_path / "session.pcapng"
    export = ["trace", "export", str(tmp_path / "ring"), "-o", str(output)]
    assert main(export) == 0
    octets = output.read_bytes()
    assert b"INFO phase" in octets
    assert b'iso20-dc {"DC_PreChargeReq"' in octets
    capsys.readouterr()
    main(["decode", "--json", str(output)])
    records = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    messages = [each["message"] for each in records if each["message"]]
    assert messages[:3] == ["supportedAppProtocolReq", "supportedAppProtocolRes", "SessionSetupReq"]
    assert messages.count("DC_ChargeLoopRes") > 3
    session = records[-1]["document"]["DC_ChargeLoopRes"]["Header"]["SessionID"]
    output.unlink()
    assert main([*export, "--session", session.lower()]) == 0
    assert output.read_bytes() == octets
    assert main([*export, "--session", "AA11"]) == 1
    assert main([*export, "--evse", "2"]) == 1
    assert "no such connection" in capsys.readouterr().err
    (segment,) = (tmp_path / "ring").iterdir()
    assert main([*export[:-1], str(segment)]) == 2
