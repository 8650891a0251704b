"""Every message of the recorded sessions is understood, and encoding it again yields the very same octets."""

import json
from pathlib import Path

import pytest

from v2g.messages import decode, encode
from v2g.messages.iso20 import common, types

PROTOCOLS = {0x8001: "sap", 0x8002: "iso20-common", 0x8003: "iso20-ac", 0x8004: "iso20-dc"}
TRACES = sorted(Path(__file__).parent.glob("*.jsonl"))


def test_there_are_recordings() -> None:
    assert len(TRACES) >= 10


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_session_is_decoded_and_encoded_alike(trace: Path) -> None:
    records = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    assert [record["direction"] for record in records] == ["request", "response"] * (len(records) // 2)
    names = []
    for record in records:
        protocol, exi = PROTOCOLS[record["payload_type"]], bytes.fromhex(record["exi"])
        message = decode(protocol, exi, strict=True)
        assert encode(protocol, message) == exi
        names.append(type(message).__name__)
    for request, response in zip(names[::2], names[1::2], strict=True):
        assert response == request.removesuffix("Req") + "Res"
    assert isinstance(message, common.SessionStopRes)
    assert message.ResponseCode == types.ResponseCode.OK
