"""The trace as a reader finds it: in the file, with grep, across rotation."""

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from select import select

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.io.stranger_limit import MOST, PERIOD_S
from v2g.io.trace import MOST_WAITING, SessionTrace, TraceError
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


def written(trace: SessionTrace, file: Path) -> str:
    """What is in the file once everything so far is there."""
    assert trace.flush(10.0)
    return file.read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log" / "session_trace.log"


def grep(trace: SessionTrace, file: Path) -> list[str]:
    """What the operator's `grep -i error` finds."""
    assert trace.flush(10.0)
    found = subprocess.run(["grep", "-i", "error", str(file)], capture_output=True, text=True, check=False)
    return found.stdout.splitlines()


def test_one_line_for_each_event(file: Path) -> None:
    trace = SessionTrace(file, clock=at_some_time)
    trace.write(1, "", CarArrived("[fe80::1%eth0]:49152", tls=True))
    trace.write(1, SESSION, Moved("PRECHARGE", "CHARGE_LOOP"))
    trace.write(2, SESSION, DeviceFailed("the meter does not answer"))
    trace.write(1, SESSION, Faulted(Fault.EXI_DECODE, "iso20-dc: bit 17: no such event"))
    assert written(trace, file) == (
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
    assert [line.split()[4] for line in grep(trace, file)] == [fault.code for fault in Fault]
    assert "EVCCID is '\\u0045rror, \\u0045RROR and \\u0065rror'" in written(trace, file)


def test_debug_adds_every_message_with_its_bytes_and_its_document(file: Path) -> None:
    request = common.SessionSetupReq(Header=HEADER, EVCCID="WMIV1234567890ABCDEX")
    payload = encode("iso20-common", request)
    trace = SessionTrace(file, "info")
    trace.write(1, SESSION, Received(request, payload, "iso20-common"))
    assert written(trace, file) == ""
    trace = SessionTrace(file, "debug")
    trace.write(1, SESSION, Received(request, payload, "iso20-common"))
    line, _, document = written(trace, file).partition(" document=")
    assert line.endswith(f"DEBUG received SessionSetupReq protocol=iso20-common payload={payload.hex().upper()}")
    assert json.loads(document)["SessionSetupReq"]["EVCCID"] == "WMIV1234567890ABCDEX"


def test_a_word_hidden_from_grep_is_still_the_same_json(file: Path) -> None:
    response = common.SessionStopRes(Header=HEADER, ResponseCode=ResponseCode.FAILED_SequenceError)
    payload = encode("iso20-common", response)
    trace = SessionTrace(file, "debug")
    trace.write(1, SESSION, Sent(response, payload, "iso20-common"))
    document = json.loads(written(trace, file).partition(" document=")[2])
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
    (line,) = written(trace, file).splitlines()
    assert line.endswith("X\\n2026-03-01T09:15:02.318Z evse=1 \\u0045RROR 0x01\\r\\u001b[2K\\u2028")
    assert grep(trace, file) == []


def test_the_file_is_for_its_group_only(file: Path) -> None:
    SessionTrace(file)
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.parent.stat().st_mode & 0o777 == 0o750


def test_earlier_lines_are_kept(file: Path) -> None:
    for text in ("first", "second"):
        trace = SessionTrace(file)
        trace.write(1, "", KnownDeviation(text))
        trace.close()
    assert [line.split()[-1] for line in written(trace, file).splitlines()] == ["first", "second"]


def test_after_a_line_that_a_power_failure_cut_the_next_one_is_whole(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("2026-03-01T09:15:02.318Z evse=1 session=00")
    trace = SessionTrace(file)
    trace.write(1, "", KnownDeviation("whole"))
    trace.write(1, "", KnownDeviation("and the next"))
    cut, whole, after = written(trace, file).splitlines()
    assert cut == "2026-03-01T09:15:02.318Z evse=1 session=00"
    assert whole.endswith("Z evse=1 session=- INFO whole")
    assert after.endswith("Z evse=1 session=- INFO and the next")


def test_a_rotated_file_is_opened_again(file: Path) -> None:
    trace = SessionTrace(file)
    trace.write(1, "", KnownDeviation("before"))
    assert trace.flush(10.0)
    file.rename(file.with_suffix(".1"))
    trace.write(1, "", KnownDeviation("after"))
    assert written(trace, file).endswith("INFO after\n")
    file.unlink()
    trace.write(1, "", KnownDeviation("removed"))
    assert written(trace, file).endswith("INFO removed\n")
    assert file.with_suffix(".1").read_text().endswith("INFO before\n")


def test_reopening_goes_on_in_the_same_file(file: Path) -> None:
    trace = SessionTrace(file)
    trace.write(1, "", KnownDeviation("before"))
    trace.reopen()
    trace.write(1, "", KnownDeviation("after"))
    assert len(written(trace, file).splitlines()) == 2


def test_a_file_that_cannot_be_opened_again_stays_in_use(file: Path) -> None:
    trace = SessionTrace(file)
    rotated = file.with_suffix(".1")
    file.rename(rotated)
    file.mkdir()
    trace.write(1, "", KnownDeviation("to the old file"))
    assert written(trace, rotated).endswith("INFO to the old file\n")


FULL = """
import resource, sys
from pathlib import Path
from v2g.io.trace import SessionTrace
from v2g.station.event import KnownDeviation

file = Path(sys.argv[1])
trace = SessionTrace(file, clock=lambda: 1_772_356_502.318)

def limit(octets):
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))

def write(text):
    trace.write(1, "", KnownDeviation(text))
    assert trace.flush(10)

write("there")
limit(file.stat().st_size)
write("lost")
write("lost as well")
limit(file.stat().st_size + 40)
write("cut")
limit(resource.RLIM_INFINITY)
write("there again")
"""


def test_a_full_disk_costs_lines_but_no_session_and_says_how_many(file: Path) -> None:
    subprocess.run([sys.executable, "-c", FULL, str(file)], check=True)
    there, cut, lost, again = file.read_text().splitlines()
    assert there.endswith("Z evse=1 session=- INFO there")
    assert len(cut) == 40
    assert lost.endswith(" lines could not be written")
    assert again.endswith("Z evse=1 session=- INFO there again")


def test_a_disk_that_hangs_holds_nobody_up(file: Path) -> None:
    trace = SessionTrace(file)
    assert trace._descriptor is not None
    file.unlink()
    os.mkfifo(file)
    pipe = os.open(file, os.O_RDWR)  # takes 64 KiB, and then nothing until somebody reads
    os.dup2(pipe, trace._descriptor)
    slowest_s = 0.0
    for number in range(2 * MOST_WAITING):
        begun = time.monotonic()
        trace.write(1, "", KnownDeviation(f"line {number}"))
        slowest_s = max(slowest_s, time.monotonic() - begun)
    assert slowest_s < 0.5
    assert not trace.flush(0.1)
    text = b""
    while not trace.flush(0.0) or select([pipe], [], [], 0)[0]:
        if select([pipe], [], [], 0.05)[0]:
            text += os.read(pipe, 1 << 20)
    trace.write(1, "", KnownDeviation("again"))
    trace.close()
    text += os.read(pipe, 1 << 20)
    os.close(pipe)
    lost = re.search(rb"WARNING (\d+) lines could not be written\n", text)
    assert lost is not None
    assert text.count(b"INFO line") + int(lost[1]) == 2 * MOST_WAITING
    assert text.endswith(b"INFO again\n")


def test_nothing_is_written_after_the_close(file: Path) -> None:
    trace = SessionTrace(file)
    trace.close()
    trace.write(1, "", KnownDeviation("late"))
    assert written(trace, file) == ""


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
        trace.write(1, SESSION, StrangerRefused(f"[::1]:{number}", "CN=ERROR 0x20 error\t0x01", Fault.TLS))
    lines = written(trace, file).splitlines()
    assert len(lines) == MOST
    assert all(" session=stranger ERROR 0x0B TLS failure: [" in line for line in lines)
    assert not [line for line in lines if re.search("error 0x20", line, re.IGNORECASE)]
    now[0] += PERIOD_S
    trace.write(1, SESSION, Moved("PRECHARGE", "CHARGE_LOOP"))
    assert f"evse=1 session=stranger WARNING {1_000 - MOST} more lines like these (0x0B) within 60 s\n" in written(
        trace, file
    )


def test_many_strangers_of_one_kind_hide_none_of_another_kind_or_evse(file: Path) -> None:
    trace = SessionTrace(file, clock=at_some_time)
    for number in range(100):
        trace.write(1, "", StrangerRefused(f"discovery from fe80::{number:x}", "malformed"))
        trace.write(1, "", StrangerRefused(f"connection from fe80::{number:x}", "another car is in session"))
    trace.write(1, "", StrangerRefused("[::1]:1", "no certificate", Fault.TLS))
    trace.write(2, "", StrangerRefused("discovery from fe80::1", "malformed"))
    trace.close()
    text = file.read_text()
    assert text.count("WARNING discovery from") == MOST + 1
    assert text.count("WARNING connection from") == MOST
    assert "evse=1 session=stranger ERROR 0x0B TLS failure: [::1]:1 refused: no certificate" in text
    assert "evse=2 session=stranger WARNING discovery from fe80::1 refused: malformed" in text
    assert "WARNING 90 more lines like these (discovery) within 60 s" in text


@given(st.text(), st.sampled_from(Fault))
def test_no_reason_of_a_fault_looks_like_another_fault(text: str, fault: Fault) -> None:
    out = io.StringIO()
    SessionTrace(None, echo=out).write(1, SESSION, Faulted(fault, f"error 0x20 ERROR  0x21 {text}"))
    (line,) = out.getvalue().splitlines()
    assert re.findall(r"error\s*0x..", line, re.IGNORECASE) == [f"ERROR {fault.code}"]


def as_pipe(file: Path) -> None:
    os.mkfifo(file)


@pytest.mark.parametrize(
    "put", [as_pipe, lambda file: file.symlink_to("/dev/full"), lambda file: file.symlink_to("/dev/tty")]
)
def test_a_pipe_or_a_device_in_the_place_of_the_file_is_refused(tmp_path: Path, put: Callable[[Path], None]) -> None:
    file = tmp_path / "trace.log"
    put(file)
    with pytest.raises(TraceError, match=r"trace .*trace\.log: "):
        SessionTrace(file)


def test_a_message_is_never_cut(file: Path) -> None:
    request = common.SessionSetupReq(Header=HEADER, EVCCID="\x9b" * 255)
    trace = SessionTrace(file, "debug")
    for _ in range(3):
        trace.write(1, SESSION, Received(request, bytes(4000), "iso20-common"))
    for line in written(trace, file).splitlines():
        assert json.loads(line.partition(" document=")[2])["SessionSetupReq"]["EVCCID"] == "\x9b" * 255
