"""Inputs made from public reports of people who do this job, as a user gives them to `v2g decode`.

`tests/capture/test_lacking_captures.py`, `tests/slac` and `tests/power` have inputs of the same kinds that are made
here; these lie beside the checkout.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from v2g.cli import main

HANDSHAKE = ["supportedAppProtocolReq", "supportedAppProtocolRes"]


@pytest.fixture(scope="module")
def cases(shared: Path) -> Path:
    folder = shared / "field-cases"
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}")
    return folder


class Read:
    """What the command says of a file."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.err = code, err
        records: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
        self.rows = [record for record in records if record["message"]]
        self.names = [row["message"] for row in self.rows]
        self.packets = [row["packet"] for row in self.rows]
        self.findings = [(each["packet"], each["text"]) for record in records for each in record["findings"]]

    def found(self, *words: str) -> list[int]:
        """The packets of the findings that have all these words."""
        return [packet for packet, text in self.findings if all(word in text for word in words)]


def read(capsys: pytest.CaptureFixture[str], *words: str) -> Read:
    code = main(["decode", *words, "--json"])
    return Read(code, *capsys.readouterr())


@pytest.mark.parametrize("name", ["ethernet", "sll", "sll2"])
def test_frames_of_a_capture_of_all_interfaces(name: str, cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = read(capsys, str(cases / "01-sll2-slac" / f"{name}.pcap"))
    assert seen.names == ["CM_SLAC_PARM.REQ", "CM_SLAC_PARM.CNF"]
    assert [row["source"] for row in seen.rows] == ["02:00:00:00:00:01", "02:00:00:00:00:02"]


@pytest.mark.parametrize(
    ("name", "packet", "message", "words"),
    [
        ("in", 6, "SessionSetupReq", ("0x8001", "0x8002")),
        ("dc-in-8002", 8, "DC_ChargeLoopReq", ("0x8002", "0x8004")),
    ],
)
def test_a_message_under_another_payload_type(
    name: str, packet: int, message: str, words: tuple[str, ...], cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = read(capsys, str(cases / "02-wrong-payload-type" / f"{name}.pcap"))
    assert (packet, message) in zip(seen.packets, seen.names, strict=True)
    assert seen.found(*words) == [packet]
    assert not seen.found("no sap message")


@pytest.mark.parametrize("name", ["one-too-few", "one-too-many", "six-too-few", "six-too-many"])
def test_a_header_that_announces_another_length(name: str, cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = read(capsys, str(cases / "03-length-mismatch" / f"{name}-announced.pcap"))
    assert seen.names == [*HANDSHAKE, "SessionSetupReq", "SessionSetupRes", "ServiceDiscoveryReq"]
    assert seen.packets == [4, 5, 6, 7, 8]
    assert [packet for packet, _ in seen.findings] == [4]


def test_a_lost_handshake_response_hides_nothing(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = cases / "06-missing-sapres"
    complete = read(capsys, str(folder / "complete.pcap"))
    lacking = read(capsys, str(folder / "no-sap-response.pcap"))
    later = [row["message"] for row in complete.rows if row["message"] not in HANDSHAKE]
    assert lacking.names == ["supportedAppProtocolReq", *later]
    assert lacking.names[-1] == "ContractAuthenticationRes"
    assert [row["time"] for row in lacking.rows[1:]] == [row["time"] for row in complete.rows[2:]]
    assert lacking.found("12 bytes")
    assert not lacking.found("no sap message")
    for name in ("no-sap-request", "no-sap-at-all"):
        assert read(capsys, str(folder / f"{name}.pcap")).names[-len(later) :] == later


@pytest.mark.parametrize(
    ("name", "names"),
    [
        (
            "car-only",
            ["SessionSetupReq", "ServiceDiscoveryReq", "ServicePaymentSelectionReq", "ContractAuthenticationReq"],
        ),
        (
            "station-only",
            ["SessionSetupRes", "ServiceDiscoveryRes", "ServicePaymentSelectionRes", "ContractAuthenticationRes"],
        ),
    ],
)
def test_one_side_alone_is_read_and_the_other_missed_once(
    name: str, names: list[str], cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = read(capsys, str(cases / "08-one-sided" / f"{name}.pcap"))
    assert seen.names[1:] == names
    assert {row["protocol"] for row in seen.rows[1:]} == {"din"}
    assert len(set(seen.packets)) == len(seen.packets)
    assert len({row["time"] for row in seen.rows}) == len(seen.rows)
    if name == "station-only":
        assert seen.packets == [4, 5, 6, 7, 8]
    assert len(seen.findings) == 1


@pytest.mark.parametrize("name", ["exported-pdu", "radiotap", "user0"])
def test_an_unknown_link_type_is_named_and_counted(name: str, cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = read(capsys, str(cases / "17-unsupported-link" / f"{name}.pcap"))
    assert seen.code == 1
    ((_, text),) = seen.findings
    assert "link" in text
    assert "packets" in text


def test_octets_as_people_paste_them(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = cases / "26-hex-forms"
    assert read(capsys, "--hex", (folder / "ethernet-frame.txt").read_text()).names == ["SessionSetupReq"]
    with (folder / "log.txt").open() as log:
        command = [sys.executable, "-m", "v2g", "decode", "--json", "--hex", "-"]
        run = subprocess.run(command, stdin=log, capture_output=True, text=True, check=True)
    seen = Read(run.returncode, run.stdout, run.stderr)
    assert list(zip(seen.packets, seen.names, strict=True)) == [(1, "SessionSetupReq"), (3, "SessionSetupRes")]
    assert seen.found("no hexadecimal", "comment from a log") == [2]
