"""Messages that stations and cars really exchanged (bench captures and one real car): all are read strictly, and come
out of the codec byte for byte."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from v2g.messages import ExiError, decode, encode

V2GTP = b"\x01\xfe\x80"
HEADER_OCTETS = 8

CAPTURES = {
    "DIN_DC_DS5366_Josev.pcapng": ["din"],
    "ISO-2_AC_DS5366.pcapng": ["iso2"],
    "ISO-2_DC_SalesTariffSchedule_DS5366_RiseV2G.pcapng": ["iso2"],
    "ISO-2_DC_Renegotiation_DS5366_RiseV2G.pcapng": ["iso2"],
    "audi-dc-iso2.pcap": ["iso2"],
    "ISO-20_BPT_AC_DS5366_Josev.pcapng": ["iso20-common", "iso20-ac"],
}


def payloads(capture: bytes) -> Iterator[bytes]:
    """The EXI payloads of V2GTP in a capture, as far as they lie in one packet."""
    start = -1
    while (start := capture.find(V2GTP, start + 1)) >= 0:
        kind = capture[start + 3]
        length = int.from_bytes(capture[start + 4 : start + HEADER_OCTETS], "big")
        payload = capture[start + HEADER_OCTETS : start + HEADER_OCTETS + length]
        if 1 <= kind <= 6 and len(payload) == length < 5000:
            yield payload


@pytest.mark.parametrize("name", CAPTURES)
def test_captured_messages(shared: Path, name: str) -> None:
    seen = set()
    for payload in payloads((shared / "captures" / name).read_bytes()):
        for protocol in ["sap", *CAPTURES[name]]:
            try:
                message = decode(protocol, payload, strict=True)
            except ExiError:
                continue
            assert encode(protocol, message) == payload
            seen.add(protocol)
            break
        else:
            pytest.fail(f"not read: {payload.hex()}")
    assert seen == {"sap", *CAPTURES[name]}
