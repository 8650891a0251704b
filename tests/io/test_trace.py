"""The trace as a reader finds it: in the file, with grep, across rotation."""

import io
import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.io.trace import MOST_STRANGERS, STRANGERS_S, SessionTrace, TraceError
from v2g.iso15118.event import Faulted, Moved, Received, Sent
from v2g.kernel.fault import Fault
from v2g.messages import encode
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import MessageHeader, ResponseCode
from v2g.station.event import CarArrived, DeviceFailed, KnownDeviation, StrangerRefused

SESSION = "0123456789ABCDEF"
HEADER = MessageHeader(SessionID=bytes.fromhex(SESSION), TimeStamp=1_700_000_000)


def at_some_time() -> float:
    return 1_772_356_502.318


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log" / "session_trace.log"


def grep(file: Path) -> list[str]:
    """What the operator's `grep -i error` finds."""
    found = subprocess.run(["grep", "-i", "error", str(file)], capture_output=True, text=True, check=False)
    return found.stdout.splitlines()


def test_one_line_for_each_event(file: Path) -> None:
    trace = SessionTrace(file, clock=at_some_time)
    trace.write(1, "", CarArrived("[fe80::1%eth0]:49152", tls=True))
    trace.write(1, SESSION, Moved("PRECHARGE", "CHARGE_LOOP"))
    trace.write(2, SESSION, DeviceFailed("the meter does not answer"))
    trace.write(1, SESSION, Faulted(Fault.EXI_DECODE, "iso20-dc: bit 17: no such event"))
    assert file.read_text() == (
        "2026-03-01T09:15:02.318Z evse=1 session=- INFO car connected from [fe80::1%eth0]:49152 with TLS\n"
        "2026-03-01T09:15:02.318Z evse=1 session=0123456789ABCDEF INFO phase PRECHARGE -> CHARGE_LOOP\n"
        "2026-03-01T09:15:02.318Z evse=2 session=0123456789ABCDEF WARNING the meter does not answer\n"
        "2026-03-01T09:15:02.318Z evse=1 session=0123456789ABCDEF ERROR 0x04 EXI decode failure: "
        "iso20-dc: bit 17: no such event\n"
    )


def test_grep_finds_the_faults_and_nothing_else(file: Path) -> None:
    trace = SessionTrace(file, "debug")
    refusal = common.SessionStopRes(Header=HEADER, ResponseCode=ResponseCode.FAILED_SequenceError)
    trace.write(1, SESSION, KnownDeviation("EVCCID is 'Error, ERROR and error'"))
    trace.write(1, SESSION, Sent(refusal, encode("iso20-common", refusal), "iso20-common"))
    for fault in Fault:
        trace.write(1, SESSION, Faulted(fault, "reason"))
    assert [line.split()[4] for line in grep(file)] == [fault.code for fault in Fault]
    assert "EVCCID is '\\u0045rror, \\u0045RROR and \\u0065rror'" in file.read_text()


def test_debug_adds_every_message_with_its_bytes_and_its_document(file: Path) -> None:
    request = common.SessionSetupReq(Header=HEADER, EVCCID="WMIV1234567890ABCDEX")
    payload = encode("iso20-common", request)
    SessionTrace(file, "info").write(1, SESSION, Received(request, payload, "iso20-common"))
    assert file.read_text() == ""
    SessionTrace(file, "debug").write(1, SESSION, Received(request, payload, "iso20-common"))
    line, _, document = file.read_text().partition(" document=")
    assert line.endswith(f"DEBUG received SessionSetupReq protocol=iso20-common payload={payload.hex().upper()}")
    assert json.loads(document)["SessionSetupReq"]["EVCCID"] == "WMIV1234567890ABCDEX"


def test_a_word_hidden_from_grep_is_still_the_same_json(file: Path) -> None:
    response = common.SessionStopRes(Header=HEADER, ResponseCode=ResponseCode.FAILED_SequenceError)
    payload = encode("iso20-common", response)
    SessionTrace(file, "debug").write(1, SESSION, Sent(response, payload, "iso20-common"))
    document = json.loads(file.read_text().partition(" document=")[2])
    assert document["SessionStopRes"]["ResponseCode"] == "FAILED_SequenceError"


@given(st.text())
def test_no_text_makes_a_line_of_its_own_or_a_fault(text: str) -> None:
    out = io.StringIO()
    SessionTrace(None, echo=out).write(1, SESSION, KnownDeviation(text))
    assert len(out.getvalue().splitlines()) == 1
    assert "error" not in out.getvalue().lower()


def test_a_car_cannot_forge_a_line(file: Path) -> None:
    trace = SessionTrace(file)
    trace.write(1, SESSION, KnownDeviation("EVCCID X\n2026-03-01T09:15:02.318Z evse=1 ERROR 0x01\r\x1b[2K\u2028"))
    (line,) = file.read_text().splitlines()
    assert line.endswith("X\\n2026-03-01T09:15:02.318Z evse=1 \\u0045RROR 0x01\\r\\u001b[2K\\u2028")
    assert grep(file) == []


def test_the_file_is_for_its_group_only(file: Path) -> None:
    SessionTrace(file)
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.parent.stat().st_mode & 0o777 == 0o750


def test_earlier_lines_are_kept(file: Path) -> None:
    for text in ("first", "second"):
        trace = SessionTrace(file)
        trace.write(1, "", KnownDeviation(text))
        trace.close()
    assert [line.split()[-1] for line in file.read_text().splitlines()] == ["first", "second"]


def test_a_rotated_file_is_opened_again(file: Path) -> None:
    trace = SessionTrace(file)
    trace.write(1, "", KnownDeviation("before"))
    file.rename(file.with_suffix(".1"))
    trace.write(1, "", KnownDeviation("after"))
    file.unlink()
    trace.write(1, "", KnownDeviation("removed"))
    assert file.read_text().endswith("INFO removed\n")
    assert file.with_suffix(".1").read_text().endswith("INFO before\n")


def test_reopening_goes_on_in_the_same_file(file: Path) -> None:
    trace = SessionTrace(file)
    trace.write(1, "", KnownDeviation("before"))
    trace.reopen()
    trace.write(1, "", KnownDeviation("after"))
    assert len(file.read_text().splitlines()) == 2


def test_a_file_that_cannot_be_opened_again_stays_in_use(file: Path) -> None:
    trace = SessionTrace(file)
    rotated = file.with_suffix(".1")
    file.rename(rotated)
    file.mkdir()
    trace.write(1, "", KnownDeviation("to the old file"))
    assert rotated.read_text().endswith("INFO to the old file\n")


def test_a_full_disk_costs_lines_but_no_session() -> None:
    trace = SessionTrace(Path("/dev/full"))
    trace.write(1, "", KnownDeviation("lost"))
    trace.write(1, "", KnownDeviation("lost as well"))


def test_what_was_lost_is_told_once_there_is_room(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/full")
    trace = SessionTrace(link)
    trace.write(1, "", KnownDeviation("lost"))
    trace.write(1, "", KnownDeviation("lost as well"))
    link.unlink()
    trace.write(1, "", KnownDeviation("there"))
    first, second = link.read_text().splitlines()
    assert first.endswith("Z evse=- session=- WARNING 2 lines could not be written")
    assert second.endswith("Z evse=1 session=- INFO there")


def test_nothing_is_written_after_the_close(file: Path) -> None:
    trace = SessionTrace(file)
    trace.close()
    trace.write(1, "", KnownDeviation("late"))
    assert file.read_text() == ""


def test_a_file_that_cannot_be_opened_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=rf"^trace {tmp_path}: Is a directory; let this user write there, or set "):
        SessionTrace(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(TraceError, match="trace"):
        SessionTrace(tmp_path / "file" / "trace.log")


def test_strangers_are_marked_limited_and_never_part_of_a_session(file: Path) -> None:
    now = [1_772_356_502.0]
    trace = SessionTrace(file, clock=lambda: now[0])
    for number in range(1_000):
        trace.write(1, SESSION, StrangerRefused(f"[::1]:{number}", "CN=ERROR 0x20", Fault.TLS))
    lines = file.read_text().splitlines()
    assert len(lines) == MOST_STRANGERS
    assert all(" session=stranger ERROR 0x0B TLS failure: [" in line for line in lines)
    assert not [line for line in lines if "ERROR 0x20" in line.partition("refused")[0]]
    now[0] += STRANGERS_S
    trace.write(1, SESSION, StrangerRefused("[::1]:1", "again"))
    assert f"session=- WARNING {1_000 - MOST_STRANGERS} more refusals of strangers" in file.read_text()


def test_a_pipe_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trace.log")
    with pytest.raises(TraceError, match=r"trace .*trace\.log: "):
        SessionTrace(tmp_path / "trace.log")
