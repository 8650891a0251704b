"""What people and programs get to see: rows, figures, XML, lines of EXI."""

import json
import re
from pathlib import Path
from typing import Any
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
from v2g.messages import decode, encode_fragment, iso2, xmldsig
from v2g.messages.iso20 import common
from v2g.messages.iso20 import types as ct

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
    assert r"EVCCID \u001b[2JWMI\n\u202e" in row
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
    bad = ["{", "[]", '{"error": "earlier"}', '{"Unknown": {}}', '{"document": [1]}', '{"document": 1}', "[" * 100_000]
    back = list(encoded("sap", [*bad, json.dumps(results[1])]))
    assert back[-1] == good
    assert all("error" in json.loads(line) for line in back[:-1])
    assert "earlier" in back[2]


def test_lines_tell_deviations() -> None:
    (result,) = decoded("sap", ["8040004000"])
    assert result["document"]["supportedAppProtocolRes"]["SchemaID"] == 1
    (deviation,) = result["deviations"]
    assert "more follows the end" in deviation


def test_fragments_of_the_vectors_go_to_documents_and_back(shared: Path) -> None:
    lines = (shared / "vectors/exi/fragments.jsonl").read_text(encoding="utf-8").splitlines()
    sets = {**VECTORS, "xmldsig": "xmldsig"}
    vectors = [json.loads(line) for line in lines]
    assert len(vectors) > 100
    for vector in vectors:
        (result,) = decoded(sets[vector["set"]], [vector["exi"]], fragment=True)
        assert result["message"] == vector["fragment"]
        assert list(encoded(sets[vector["set"]], [json.dumps(result)], fragment=True)) == [vector["exi"].lower()]


SIGNED: list[tuple[str, str, Any]] = [
    ("iso2", "AuthorizationReq", iso2.AuthorizationReq(bytes(16), "id1")),
    ("iso2", "MeteringReceiptReq", iso2.MeteringReceiptReq(bytes(8), 1, iso2.MeterInfo("M", 5), "id1")),
    ("iso2", "DHpublickey", iso2.DiffieHellmanPublickey(b"key", "id3")),
    ("iso2", "eMAID", iso2.EMAID("DE1ABCD2EF357A", "id4")),
    ("iso2", "eMAID", "DE1ABCD2EF357A"),
    (
        "iso20-common",
        "PnC_AReqAuthorizationMode",
        common.PnC_AReqAuthorizationMode(
            bytes(16), common.ContractCertificateChain(b"contract", common.SubCertificates([b"sub"])), "id1"
        ),
    ),
    ("iso20-common", "SignatureValue", xmldsig.SignatureValue(bytes(132))),
    ("iso20-common", "GenChallenge", bytes(16)),
    ("iso20-common", "SessionID", bytes(range(8))),
    ("iso20-common", "ResponseCode", ct.ResponseCode.OK),
    ("iso20-dc", "Value", -5),
]


@pytest.mark.parametrize(("protocol", "element", "value"), SIGNED)
def test_fragments_go_to_documents_and_back(protocol: str, element: str, value: Any) -> None:
    exi = encode_fragment(protocol, element, value).hex()
    (result,) = decoded(protocol, [exi], fragment=True)
    assert result["message"] == element
    assert list(encoded(protocol, [json.dumps(result["document"])], fragment=True)) == [exi]


def test_bad_documents_of_fragments_are_answered_one_by_one() -> None:
    good = json.dumps({"eMAID": "DE1ABCD2EF357A"})
    bad = ["{", "5", '{"Nothing": 1}', '{"AuthorizationReq": 1}', '{"eMAID": {"value": "x"}}', '{"a": 1, "b": 2}']
    results = list(encoded("iso2", [*bad, good], fragment=True))
    assert results.pop() == encode_fragment("iso2", "eMAID", "DE1ABCD2EF357A").hex()
    reasons = [json.loads(line)["error"] for line in results]
    assert "Nothing is no element of iso2" in reasons[2]
    assert "eMAID: Id is missing" in reasons[4]


@given(st.sampled_from(["sap", "iso2", "iso20-dc"]), st.text(max_size=40), st.binary(max_size=40), st.booleans())
def test_any_line_is_answered(protocol: str, text: str, octets: bytes, fragment: bool) -> None:
    for line in (text, octets.hex(), "80" + octets.hex()):
        assert len(list(decoded(protocol, [line], fragment=fragment))) == 1
    for line in (text, json.dumps({"eMAID": text}), json.dumps({"Exponent": {"Value": text}})):
        assert len(list(encoded(protocol, [line], fragment=fragment))) == 1
