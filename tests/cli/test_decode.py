"""`v2g decode` and `v2g encode` from the command line: every input, every form of output, and bad input."""

import json
import os
import socket
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from threading import Event, Thread
from types import ModuleType
from typing import Any

import pytest
from tests.capture.wire import (
    Captured,
    conversation,
    discovery,
    pcap,
    pcapng,
    session,
)

from v2g.capture.file import CaptureError
from v2g.cli import decode
from v2g.messages import encode_fragment, iso2
from v2g.v2gtp.framing import pack

SESSION = "josev-dc_bpt-dynamic"
RUN = "import sys; from argparse import ArgumentParser; from v2g.cli import {0}; parser = ArgumentParser(); \
{0}.add_arguments(parser); sys.exit({0}.run(parser.parse_args()))"


def run(command: ModuleType, *words: str | Path) -> int:
    parser = ArgumentParser()
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args([str(word) for word in words]))
    return code


def piped(command: str, data: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own, with this on its standard input."""
    return subprocess.run(
        [sys.executable, "-c", RUN.format(command), *words], input=data, capture_output=True, timeout=60, check=False
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "field.pcapng"
    path.write_bytes(pcapng([*discovery(), *conversation(session(SESSION))]))
    return path


def test_json_gives_a_line_for_each_message(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(decode, capture, "--json") == 0
    records = lines(capsys.readouterr().out)
    assert len(records) == 2 + len(session(SESSION))
    keys = "packet time source destination payload_type protocol message document findings"
    assert all(list(record) == keys.split() for record in records)
    setup = next(record for record in records if record["message"] == "SessionSetupReq")
    assert setup["packet"] == 8
    assert setup["time"] == pytest.approx(session(SESSION)[2].time)
    assert setup["source"] == "[fe80::27d:faff:fe07:5e4a]:49152"
    assert (setup["payload_type"], setup["protocol"]) == (0x8002, "iso20-common")
    assert list(setup["document"]) == ["SessionSetupReq"]
    assert setup["document"]["SessionSetupReq"]["Header"]["SessionID"] == "0000000000000000"
    assert not any(record["findings"] for record in records)


def test_table_is_the_default(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(decode, capture) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split()[:4] == ["packet", "time", "(UTC)", "from"]
    assert len(out) == 3 + len(session(SESSION))


def test_message_filter_is_repeatable(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(decode, capture, "--json", "--message", "sessionstopreq", "--message", "SessionSetupRes") == 0
    assert [record["message"] for record in lines(capsys.readouterr().out)] == ["SessionSetupRes", "SessionStopReq"]


def test_filter_for_what_is_not_there_says_so(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(decode, capture, "--message", "CurrentDemandReq") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no message currentdemandreq" in captured.err


def test_xml(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(decode, capture, "--xml", "--message", "SessionStopReq") == 0
    out = capsys.readouterr().out
    assert "<CommonMessages:ChargingSession>Terminate</CommonMessages:ChargingSession>" in out
    assert "<!-- packet" in out


def test_stats(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(decode, capture, "--stats") == 0
    assert "DC_ChargeLoopReq" in capsys.readouterr().out
    assert run(decode, capture, "--stats", "--json") == 0
    (document,) = lines(capsys.readouterr().out)
    assert set(document) == {"messages", "sessions", "findings"}


def test_findings_stand_at_their_message_and_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    messages = session(SESSION)
    path = tmp_path / "bad.pcap"
    path.write_bytes(pcap(conversation(messages[:8] + messages[10:])))
    assert run(decode, path, "--json") == 0
    (record,) = (record for record in lines(capsys.readouterr().out) if record["findings"])
    (finding,) = record["findings"]
    assert finding["packet"] == record["packet"]
    assert finding["rule"] == "sequence"
    assert set(finding) == {"rule", "requirement", "packet", "text"}
    assert run(decode, path) == 0
    assert "is not admitted" in capsys.readouterr().out


def test_key_log_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(decode.InputError, match=r"keys\.log: No such file"):
        run(decode, _write(tmp_path / "a.pcap", pcap([])), "--keylog", tmp_path / "keys.log")
    assert capsys.readouterr().out == ""


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_raw_stream_of_a_connection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    messages = session(SESSION)
    stream = b"".join(pack(message.payload_type, message.exi) for message in messages)
    assert run(decode, _write(tmp_path / "stream.bin", stream), "--json") == 0
    records = lines(capsys.readouterr().out)
    assert [record["packet"] for record in records] == list(range(1, len(messages) + 1))
    assert {record["time"] for record in records} == {None}
    assert not any(record["findings"] for record in records)


def test_capture_on_stdin() -> None:
    done = piped("decode", pcap(conversation(session(SESSION))), "-", "--json")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == len(session(SESSION))


def test_hex_is_v2gtp_or_exi(capsys: pytest.CaptureFixture[str]) -> None:
    request = session(SESSION)[2]
    assert run(decode, "--hex", pack(request.payload_type, request.exi).hex(), "--json") == 0
    assert lines(capsys.readouterr().out)[0]["message"] == "SessionSetupReq"
    assert run(decode, "--hex", session(SESSION)[0].exi.hex(), "--json") == 0
    assert lines(capsys.readouterr().out)[0]["message"] == "supportedAppProtocolReq"
    assert run(decode, "--hex", "ffff", "--json") == 1
    (record,) = lines(capsys.readouterr().out)
    assert record["findings"][0]["rule"] == "exi"
    assert run(decode, "--hex", request.exi.hex() + "00", "--json") == 0
    record = lines(capsys.readouterr().out)[0]
    assert (record["message"], record["findings"][0]["rule"]) == ("SessionSetupReq", "deviation")
    assert run(decode, "--hex", "80 4", "--json") == 1
    (record,) = lines(capsys.readouterr().out)
    assert record["findings"][0]["text"] == "line 1 is no hexadecimal: 80 4"


HEX = pack(session(SESSION)[2].payload_type, session(SESSION)[2].exi).hex()
BYTES = [HEX[place : place + 2] for place in range(0, len(HEX), 2)]


def dump(places: str, gap: int, text: str) -> str:
    """A dump with 16 octets a line; `places` formats the offsets, `gap` octets stand before a wider one."""
    rows = [BYTES[place : place + 16] for place in range(0, len(BYTES), 16)]
    lines = []
    for number, row in enumerate(rows):
        parts = " ".join(row[:gap]) + ("  " if len(row) > gap else "") + " ".join(row[gap:])
        lines.append(f"{places.format(16 * number)}{parts}{text}")
    return "\n".join(lines)


FORMS = {
    "plain": HEX,
    "upper": HEX.upper(),
    "blanks": " ".join(BYTES),
    "groups of four": " ".join(HEX[place : place + 4] for place in range(0, len(HEX), 4)),
    "colons": ":".join(BYTES),
    "commas": ",".join(BYTES),
    "dashes": "-".join(BYTES),
    "0x each": ", ".join(f"0x{each}" for each in BYTES),
    "0x once": f"0x{HEX}",
    "escaped": "".join(f"\\x{each}" for each in BYTES),
    "bytes of Python": repr(bytes.fromhex(HEX)),
    "array of C": "const uint8_t m[] = {" + ", ".join(f"0x{each}" for each in BYTES) + "};",
    "array over lines": "{\n" + ",\n".join(f"  0x{int(each, 16):x}" for each in BYTES) + "\n};",
    "list over lines": ",\n".join(",".join(BYTES[place : place + 8]) for place in range(0, len(BYTES), 8)),
    "xxd": dump("{:08x}: ", 16, "  ..cafe.."),
    "hexdump": dump("{:08x}  ", 8, "  |cafe....|"),
    "editor": dump("{:04x}   ", 16, "   cafe"),
    "log": f"12:00:01.250 eth1 RX {HEX} ({len(BYTES)} octets)",
    "EXI alone": HEX[16:],
    "quoted": f'"{HEX}",',
}


@pytest.mark.parametrize("form", FORMS)
def test_hexadecimal_in_the_forms_that_people_paste(form: str) -> None:
    """A line before and one behind it are none, and are named by their numbers."""
    text = FORMS[form]
    given = f"# from the log\n{text}\n\nno hexadecimal\n{HEX}\n"
    done = piped("decode", given.encode(), "--hex", "-", "--json")
    assert done.returncode == 0
    results = lines(done.stdout.decode())
    assert [record["message"] for record in results] == [None, "SessionSetupReq", None, "SessionSetupReq"]
    size = text.count("\n") + 1
    assert [record["packet"] for record in results] == [1, 2, size + 3, size + 4]
    assert [record["findings"][0]["text"] for record in results[::2]] == [
        "line 1 is no hexadecimal: # from the log",
        f"line {size + 3} is no hexadecimal: no hexadecimal",
    ]
    assert not any(finding for record in results[1::2] for finding in record["findings"])


def test_frames_and_packets_in_hexadecimal() -> None:
    """Whole Ethernet frames, IP packets, and what stands around a V2GTP header otherwise."""
    frames = [frame.frame for frame in [*discovery(), *conversation(session(SESSION)[:1])]]
    request = pack(session(SESSION)[2].payload_type, session(SESSION)[2].exi)
    given = [*frames[:2], frames[5], frames[5][14:], b"\x55" * 9 + request]
    done = piped("decode", "\n".join(each.hex() for each in given).encode(), "--hex", "-", "--json")
    results = lines(done.stdout.decode())
    names = ["SECCDiscoveryReq", "SECCDiscoveryRes", "supportedAppProtocolReq", "supportedAppProtocolReq"]
    assert [record["message"] for record in results] == [*names, "SessionSetupReq"]
    assert [record["packet"] for record in results] == [1, 2, 3, 4, 5]
    assert [bool(record["source"]) for record in results] == [True, True, True, True, False]


def test_length_of_two_gigabytes_is_told_and_the_message_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(decode, "--hex", f"{HEX[:8]}7fffffff{HEX[16:]}", "--json") == 0
    (record,) = lines(capsys.readouterr().out)
    assert record["message"] == "SessionSetupReq"
    (finding,) = record["findings"]
    assert finding["text"] == f"the header announces 2147483647 bytes, and {len(BYTES) - 8} follow"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (pcap([]), "there is no message of a charging session in it"),
        (pcap(conversation(session(SESSION)), link_type=127), "in 60 packets; look whether this is the interface"),
        (pcap([frame for frame in conversation(session(SESSION)) if len(frame.frame) < 80]), "in 6 packets"),
        (pack(0x8001, b"\xff"), "there is no message of a charging session in it"),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"], ["--stats"], ["--xml"]])
def test_nothing_found_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, text: str, form: list[str]
) -> None:
    assert run(decode, _write(tmp_path / "field.pcap", data), *form) == 1
    assert text in capsys.readouterr().err


def test_messages_of_modems_alone_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = b"\xff" * 6 + bytes(6) + b"\x88\xe1\x00\xb0\xa0\x00\xb0\x52" + bytes(40)
    path = _write(tmp_path / "modem.pcap", pcap([Captured(0.0, frame)]))
    assert run(decode, path) == 1
    assert "only 1 message between modems and their hosts; --all shows them" in capsys.readouterr().err
    assert run(decode, path, "--all") == 0
    assert "vendor MME 0xA0B0" in capsys.readouterr().out


def test_key_log_without_secrets_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "keys.log", b"these are no secrets\n")
    with pytest.raises(decode.InputError, match=r"keys\.log holds no secrets; its lines begin with CLIENT_RANDOM or"):
        run(decode, _write(tmp_path / "a.pcap", pcap([])), "--keylog", path)


def test_lines_of_exi_go_there_and_back() -> None:
    exi = [message.exi.hex() for message in session(SESSION) if message.payload_type == 0x8004]
    given = "\n".join([exi[0], "no hex", *exi[1:]]).encode()
    there = piped("decode", given, "--protocol", "iso20-dc", "--hex", "-")
    assert there.returncode == 0
    results = lines(there.stdout.decode())
    assert [set(result) for result in results[:3]] == [{"message", "document"}, {"error"}, {"message", "document"}]
    back = piped("encode", there.stdout, "--protocol", "iso20-dc", "--json", "-")
    assert back.returncode == 0
    out = back.stdout.decode().splitlines()
    assert set(json.loads(out.pop(1))) == {"error"}
    assert out == exi


def test_lines_of_fragments_go_there_and_back() -> None:
    """A line that is not even text does not stop it."""
    exi = encode_fragment("iso2", "AuthorizationReq", iso2.AuthorizationReq(None, "id1")).hex()
    given = f"{exi}\n".encode() + b"\xff\xfe\n" + f"{exi}\n".encode()
    there = piped("decode", given, "--protocol", "iso2", "--fragment", "--hex", "-")
    assert there.returncode == 0
    good, bad, _ = there.stdout.splitlines(keepends=True)
    assert json.loads(good) == {"message": "AuthorizationReq", "document": {"AuthorizationReq": {"Id": "id1"}}}
    assert set(json.loads(bad)) == {"error"}
    back = piped("encode", good + b"\xff\xfe\n" + good, "--protocol", "iso2", "--fragment", "--json", "-")
    assert back.returncode == 0
    first, error, last = back.stdout.decode().splitlines()
    assert (first, last) == (exi, exi)
    assert set(json.loads(error)) == {"error"}


@pytest.mark.parametrize("words", [["--protocol", "sap", "x.pcap"], ["x.pcap", "--fragment"]])
def test_options_that_do_not_go_together(words: list[str]) -> None:
    with pytest.raises(decode.InputError, match="--protocol"):
        run(decode, *words)


def test_missing_file_and_no_capture(tmp_path: Path) -> None:
    with pytest.raises(decode.InputError, match="No such file"):
        run(decode, tmp_path / "none.pcap")
    with pytest.raises(CaptureError, match=r"notes\.txt is no capture"):
        run(decode, _write(tmp_path / "notes.txt", b"Dear diary"))


@pytest.mark.parametrize("form", [[], ["--json"], ["--stats"]])
def test_truncated_capture_is_printed_up_to_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    data = pcap(conversation(session(SESSION)))
    with pytest.raises(CaptureError, match=r"cut\.pcap, byte \d+: the file ends within packet \d+"):
        run(decode, _write(tmp_path / "cut.pcap", data[: len(data) // 2]), *form)
    assert "SessionSetupReq" in capsys.readouterr().out


def test_interface_that_is_not_there() -> None:
    if os.geteuid() != 0:
        with pytest.raises(CaptureError, match="CAP_NET_RAW"):
            run(decode, "--interface", "lo")
    else:
        with pytest.raises(CaptureError, match="none0: No such device"):
            run(decode, "--interface", "none0")


def test_live_capture() -> None:
    """Sends a discovery request over the loopback interface while a process captures it."""
    try:
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    except PermissionError:
        pytest.skip("needs CAP_NET_RAW")
    request = discovery()[0].frame
    process = subprocess.Popen(
        [sys.executable, "-c", RUN.format("decode"), "--interface", "lo", "--json"], stdout=subprocess.PIPE
    )
    seen = Event()
    with sender, process:
        sender.bind(("lo", 0))

        def send() -> None:
            while not seen.wait(0.1):
                sender.send(request)

        sending = Thread(target=send)
        sending.start()
        assert process.stdout is not None
        try:
            found = (json.loads(line) for line in process.stdout)  # others may be using the interface too
            record = next(each for each in found if each["message"] == "SECCDiscoveryReq")
        finally:
            seen.set()
            sending.join()
            process.terminate()
    assert record["document"]["SECCDiscoveryReq"]["Security"] == "NONE"
