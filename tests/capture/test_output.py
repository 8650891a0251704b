"""What people and programs get to see: rows, figures, XML, lines of EXI."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.capture.test_dissector import dissected
from tests.capture.test_judge import judged
from tests.capture.wire import EPOCH, conversation, pcap, session

from v2g.capture.lines import decoded, encoded
from v2g.capture.record import Record
from v2g.capture.statistics import Statistics
from v2g.capture.table import clock, heading, rows
from v2g.capture.xml import to_xml
from v2g.messages import decode

DC = "josev-dc_bpt-dynamic"


@pytest.fixture
def records() -> list[Record]:
    return dissected(pcap(conversation(session(DC))))


@pytest.mark.parametrize("width", [80, 100, 160])
def test_rows_fit_their_width(records: list[Record], width: int) -> None:
    records[3].find("some rule", "one sentence that is much too long for a single line of a terminal " * 3, "V2G20-460")
    lines = [heading(width), *(row for record in records for row in rows(record, width))]
    assert max(map(len, lines)) <= width
    assert "[V2G20-460] one sentence" in "\n".join(lines)


def test_row_tells_time_direction_message_values_and_code(records: list[Record]) -> None:
    lines = [row for record in records for row in rows(record, 160)]
    (first,) = (line for line in lines if "ServiceSelectionRes" in line)
    assert re.fullmatch(r" +\d+  22:1\d:\d\d\.\d{3}  SE->EV  ServiceSelectionRes +OK", first)
    loop = next(line for line in lines if "DC_ChargeLoopReq" in line)
    assert "EV->SE" in loop
    assert re.search(r"present -?\d+(\.\d+)? V", loop)


def test_what_a_car_sends_does_not_steer_the_terminal(records: list[Record]) -> None:
    record = next(record for record in records if record.message == "SessionSetupReq")
    record.content["EVCCID"] = "\x1b[2JWMI\n\u202e"
    (row,) = rows(record, 160)
    assert r"EVCCID \x1b[2JWMI\n\u202e" in row
    statistics = Statistics()
    statistics.add(record)
    assert all(line.isprintable() for line in statistics.text())


def test_clock_knows_no_impossible_time() -> None:
    assert clock(EPOCH) == "22:13:20.000"
    assert clock(None) == ""
    assert clock(1e30) == "?"


def test_figures_of_a_session(records: list[Record]) -> None:
    assert judged(records) == []
    statistics = Statistics()
    for record in records:
        statistics.add(record)
    document = statistics.document()
    counts = {row["request"]: row["count"] for row in document["messages"]}
    assert counts["SessionStopReq"] == 1
    assert sum(counts.values()) * 2 == len(records)
    for row in document["messages"]:
        assert 0 <= row["min_ms"] <= row["median_ms"] <= row["max_ms"]
    (overview,) = document["sessions"]
    assert overview["session"] == records[-1].header["SessionID"]
    assert overview["last_message"] == "SessionStopRes"
    assert overview["duration_s"] == pytest.approx((records[-1].time or 0) - (records[0].time or 0), abs=1e-3)
    text = "\n".join(statistics.text())
    assert "connection 1" in text
    assert "DC_ChargeLoopReq" in text


def test_xml_has_the_namespaces_of_the_schemas(records: list[Record]) -> None:
    record = next(record for record in records if record.message == "SessionSetupRes")
    assert record.value is not None
    root = ElementTree.fromstring(to_xml(record.protocol, record.value))
    assert root.tag == "{urn:iso:std:iso:15118:-20:CommonMessages}SessionSetupRes"
    types = "{urn:iso:std:iso:15118:-20:CommonTypes}"
    assert root.findtext(f"{types}Header/{types}SessionID") == record.header["SessionID"]
    assert root.findtext(f"{types}ResponseCode") == "OK_NewSessionEstablished"


VECTORS = {
    "app_protocol": "sap",
    "din70121": "din",
    "iso15118_2": "iso2",
    "iso15118_20_common": "iso20-common",
    "iso15118_20_dc": "iso20-dc",
    "iso15118_20_ac": "iso20-ac",
    "iso15118_20_wpt": "iso20-wpt",
    "iso15118_20_acdp": "iso20-acdp",
}


def canonical(text: str) -> str:
    """Without the white space and the prefixes, which mean nothing."""
    root = ElementTree.fromstring(text)
    for each in root.iter():
        each.text = (each.text or "").strip() or None
        each.tail = None
    return ElementTree.canonicalize(ElementTree.tostring(root, encoding="unicode"), rewrite_prefixes=True)


@pytest.mark.parametrize("name", VECTORS)
def test_xml_is_what_another_codec_read(shared: Path, name: str) -> None:
    lines = (shared / "vectors/exi" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    compared = 0
    for line in lines[:40]:
        vector = json.loads(line)
        ours = to_xml(VECTORS[name], decode(VECTORS[name], bytes.fromhex(vector["exi"])))
        assert canonical(ours) == canonical(vector["xml"])
        compared += 1
    assert compared


@pytest.mark.parametrize("name", VECTORS)
def test_lines_go_to_documents_and_back(shared: Path, name: str) -> None:
    lines = (shared / "vectors/exi" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    exi = [json.loads(line)["exi"].lower() for line in lines[:40]]
    documents = list(decoded(VECTORS[name], exi))
    assert all(set(document) == {"message", "document"} for document in documents)
    assert list(encoded(VECTORS[name], map(json.dumps, documents))) == exi
    assert list(encoded(VECTORS[name], (json.dumps(each["document"]) for each in documents))) == exi


def test_bad_lines_are_answered_one_by_one() -> None:
    good = "80400040"
    results = list(decoded("sap", ["zz", good, "", "80", good]))
    assert ["error" in result for result in results] == [True, False, True, True, False]
    back = list(encoded("sap", ["{", "[]", '{"error": "earlier"}', '{"Unknown": {}}', json.dumps(results[1])]))
    assert back[-1] == good
    assert ["error" in json.loads(line) for line in back[:-1]] == [True] * 4
    assert "earlier" in back[2]


def test_fragments_are_read(shared: Path) -> None:
    lines = (shared / "vectors/exi/fragments.jsonl").read_text(encoding="utf-8").splitlines()
    vectors = [vector for vector in map(json.loads, lines) if vector["set"] in VECTORS]
    assert vectors
    for vector in vectors:
        (result,) = decoded(VECTORS[vector["set"]], [vector["exi"]], fragment=True)
        assert result["message"] == vector["fragment"]


@given(st.sampled_from(["sap", "iso2", "iso20-dc"]), st.text(max_size=40))
def test_any_line_is_answered(protocol: str, line: str) -> None:
    assert len(list(decoded(protocol, [line]))) == 1
    assert len(list(encoded(protocol, [line]))) == 1
