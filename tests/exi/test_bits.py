"""Facts of the format, bit by bit."""

from typing import Any

import pytest
from msgspec.structs import replace

from v2g.exi.facets import REQUIRED
from v2g.messages import (
    ExiError,
    decode,
    decode_fragment,
    encode,
    encode_fragment,
    iso2,
    sap,
    xmldsig,
)
from v2g.messages.iso20 import acdp, common, dc
from v2g.messages.iso20 import types as ct

HEADER = ct.MessageHeader(bytes(range(1, 9)), 1_700_000_000)


def bits(text: str) -> bytes:
    """Octets from bits, blanks ignored, filled with zeros."""
    text = text.replace(" ", "")
    octets = -(-len(text) // 8)
    return int(text.ljust(8 * octets, "0"), 2).to_bytes(octets, "big")


def test_a_response_bit_by_bit() -> None:
    # header; root 1 of 2; SE ResponseCode, CH, value 0 of 3, EE; second state: SE SchemaID of 2, CH, 8 bits, EE; EE
    data = bits("10000000  01  0 0 00 0  00 0 00000101 0  0")
    assert encode("sap", sap.supportedAppProtocolRes(sap.ResponseCode.OK_SuccessfulNegotiation, 5)) == data
    assert decode("sap", data, strict=True).SchemaID == 5


def test_absent_elements() -> None:
    data = bits("10000000  01  0 0 10 0  01")
    assert encode("sap", sap.supportedAppProtocolRes(sap.ResponseCode.Failed_NoNegotiation)) == data
    assert decode("sap", data, strict=True).SchemaID is None


def stream(data: bytes) -> str:
    return bin(int.from_bytes(data, "big"))[2:]


def test_an_unsigned_integer_bit_by_bit() -> None:
    data = encode("iso20-common", common.ServiceDetailReq(HEADER, 300))
    # SE ServiceID, CH, 300 in 7-bit groups, least significant first, EE, EE
    assert stream(data).rstrip("0").endswith("0 0 10101100 00000010 0 0".replace(" ", "").rstrip("0"))


def test_a_rational_number_bit_by_bit() -> None:
    response = dc.DC_PreChargeRes(HEADER, ct.ResponseCode.OK, ct.RationalNumber(-1, -300))
    data = encode("iso20-dc", response)
    # SE, SE Exponent, CH, -1 + 128, EE, SE Value, CH, sign, 299 in 7-bit groups, EE
    assert "0  0 0 01111111 0  0 0 1 10101011 00000010 0".replace(" ", "") in stream(data)
    assert decode("iso20-dc", data) == response


def test_characters_are_counted_not_octets() -> None:
    request = common.SessionSetupReq(HEADER, "Zürich𝄞")
    data = encode("iso20-common", request)
    # length + 2, then code points in 7-bit groups: Z, ü = 0xfc
    assert stream(data).count(f"{9:08b}{ord('Z'):08b}{0xFC:08b}{1:08b}") == 1
    assert decode("iso20-common", data) == request


def test_empty_content_by_a_second_level_end() -> None:
    written = encode("iso20-common", common.SessionSetupReq(HEADER, ""))
    # SE EVCCID, CH, length 0 + 2, EE, EE
    head, _ = stream(written).rsplit("0 0 00000010 0 0".replace(" ", ""), 1)
    # SE EVCCID, the escape, EE on the second level, EE of the message
    short = bits(head + "0 1 000 0")
    assert decode("iso20-common", short, strict=True) == decode("iso20-common", written)


def test_an_empty_body() -> None:
    message = iso2.V2G_Message(iso2.MessageHeader(bytes(8)), iso2.Body())
    assert decode("iso2", encode("iso2", message), strict=True) == message


def test_the_element_tells_types_apart_that_have_the_same_content() -> None:
    connect = acdp.ACDP_ConnectReq(HEADER, acdp.ElectricalChargingDeviceStatus.State_B)
    disconnect = acdp.ACDP_DisconnectReq(HEADER, acdp.ElectricalChargingDeviceStatus.State_B)
    first, second = encode("iso20-acdp", connect), encode("iso20-acdp", disconnect)
    assert first[1:2] < second[1:2]
    assert first[2:] == second[2:]
    assert type(decode("iso20-acdp", second)) is acdp.ACDP_DisconnectReq


def test_the_relaxed_grammar_of_a_fragment() -> None:
    """In ISO 15118-2 there are two types of elements called eMAID."""
    value = iso2.EMAID("DE1ABCD2EF357A", "id4")
    data = encode_fragment("iso2", "eMAID", value)
    assert data.hex() == "80ec0202b4b21a400411114c505090d10c91518ccd4dd07d3d00"
    assert decode_fragment("iso2", data, strict=True) == ("eMAID", value)
    plain = encode_fragment("iso2", "eMAID", "DE1ABCD2EF357A")
    assert decode_fragment("iso2", plain, strict=True) == ("eMAID", "DE1ABCD2EF357A")


def test_signed_info_alone_and_in_a_set() -> None:
    info = xmldsig.SignedInfo(
        xmldsig.CanonicalizationMethod(Algorithm="http://www.w3.org/TR/canonical-exi/"),
        xmldsig.SignatureMethod(Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
        [
            xmldsig.Reference(
                xmldsig.Transforms([xmldsig.Transform(Algorithm="http://www.w3.org/TR/canonical-exi/")]),
                xmldsig.DigestMethod(Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"),
                bytes(32),
                URI="#id1",
            )
        ],
    )
    alone = encode_fragment("xmldsig", "SignedInfo", info)
    in_set = encode_fragment("iso2", "SignedInfo", info)
    assert (len(alone), len(in_set)) == (209, 210)
    assert decode_fragment("xmldsig", alone, strict=True) == decode_fragment("iso2", in_set, strict=True)


@pytest.mark.parametrize("tail", [b"\0", b"\x55", b"\0\0\0"])
def test_what_follows_the_message(tail: bytes) -> None:
    """Some cars send one octet more."""
    request = dc.DC_CableCheckReq(HEADER)
    data = encode("iso20-dc", request)
    assert decode("iso20-dc", data + tail) == request
    with pytest.raises(ExiError, match="more follows the end"):
        decode("iso20-dc", data + tail, strict=True)


def test_padding_that_is_not_zero() -> None:
    response = sap.supportedAppProtocolRes(sap.ResponseCode.Failed_NoNegotiation)
    data = encode("sap", response)
    padded = data[:-1] + bytes([data[-1] | 1])
    assert padded != data
    assert decode("sap", padded) == response
    with pytest.raises(ExiError, match="more follows the end"):
        decode("sap", padded, strict=True)


def test_lengths_are_limits_for_writers_and_strict_readers() -> None:
    long = common.SessionSetupReq(HEADER, "x" * 256)
    with pytest.raises(ExiError, match="SessionSetupReq/EVCCID: 256 characters, allowed are 0 to 255"):
        encode("iso20-common", long)
    message = iso2.V2G_Message(iso2.MessageHeader(b"\0"), iso2.Body(iso2.SessionSetupReq(b"")))
    assert decode("iso2", encode("iso2", message), strict=True) == message  # seen in the field, and within the limits
    short = replace(HEADER, SessionID=b"\1\2\3\4")
    with pytest.raises(ExiError, match="DC_CableCheckReq/Header/SessionID: 4 octets, allowed are 8"):
        encode("iso20-dc", dc.DC_CableCheckReq(short))
    written = stream(encode("iso20-dc", dc.DC_CableCheckReq(HEADER)))
    eight = f"{8:08b}" + "".join(f"{octet:08b}" for octet in HEADER.SessionID)
    four = f"{4:08b}" + "".join(f"{octet:08b}" for octet in short.SessionID)
    data = bits(written.replace(eight, four))
    assert decode("iso20-dc", data) == dc.DC_CableCheckReq(short)
    with pytest.raises(ExiError, match=r"DC_CableCheckReq/Header/SessionID, bit .*: 4 octets, allowed are 8"):
        decode("iso20-dc", data, strict=True)


def wrong(value: Any) -> Any:
    """A value of another type than the place wants."""
    return value


VALUES: list[tuple[Any, str]] = [
    (dc.DC_ChargeLoopReq(HEADER), "DC_ChargeLoopReq: MeterInfoRequested is missing"),
    (dc.DC_PreChargeRes(HEADER, ct.ResponseCode.OK, REQUIRED), "DC_PreChargeRes: EVSEPresentVoltage is missing"),
    (
        dc.DC_PreChargeRes(HEADER, ct.ResponseCode.OK, ct.RationalNumber(0, 40_000)),
        "DC_PreChargeRes/EVSEPresentVoltage/Value: 40000 is out of range, allowed are -32768 to 32767",
    ),
    (
        dc.DC_PreChargeRes(HEADER, ct.ResponseCode.OK, ct.RationalNumber(0, wrong(1.5))),
        "EVSEPresentVoltage/Value: 1.5 is no whole",
    ),
    (
        dc.DC_CableCheckRes(HEADER, ct.ResponseCode.OK, wrong("Soon")),
        "EVSEProcessing: 'Soon' is none of Finished, Ongoing",
    ),
    (dc.DC_CableCheckReq(wrong("me")), "DC_CableCheckReq/Header: expected MessageHeader, got 'me'"),
    (HEADER, "MessageHeader is no root element of the schema set iso20-dc"),
    (
        dc.DC_ChargeLoopReq(HEADER, None, True, ct.RationalNumber(0, 1), ct.Dynamic_CLReqControlMode()),
        "CLReqControlMode: Dynamic_CLReqControlMode is no member of its substitution group",
    ),
]


@pytest.mark.parametrize(("message", "reason"), VALUES, ids=range(len(VALUES)))
def test_a_message_that_the_schema_forbids(message: Any, reason: str) -> None:
    with pytest.raises(ExiError) as caught:
        encode("iso20-dc", message)
    assert reason in str(caught.value)
    assert caught.value.bit is None


def test_choices_and_lists_that_the_schema_forbids() -> None:
    mode = common.EIM_AReqAuthorizationMode()
    request = common.AuthorizationReq(HEADER, common.Authorization.EIM)
    with pytest.raises(ExiError, match="EIM_AReqAuthorizationMode or PnC_AReqAuthorizationMode is missing"):
        encode("iso20-common", request)
    both = replace(request, EIM_AReqAuthorizationMode=mode, PnC_AReqAuthorizationMode=mode)
    with pytest.raises(ExiError, match="in addition to another element of its choice"):
        encode("iso20-common", both)
    with pytest.raises(ExiError, match="supportedAppProtocolReq: AppProtocol is missing"):
        encode("sap", sap.supportedAppProtocolReq([]))
    protocol = sap.AppProtocol("urn:iso:std:iso:15118:-20:DC", 1, 0, 1, 1)
    assert len(decode("sap", encode("sap", sap.supportedAppProtocolReq([protocol] * 20))).AppProtocol) == 20
    with pytest.raises(ExiError, match="or too often"):
        encode("sap", sap.supportedAppProtocolReq([protocol] * 21))


def test_where_reading_stopped() -> None:
    data = encode("iso20-dc", dc.DC_PreChargeRes(HEADER, ct.ResponseCode.OK, ct.RationalNumber(0, 400)))
    with pytest.raises(ExiError) as caught:
        decode("iso20-dc", data[:-2])
    assert caught.value.path == "DC_PreChargeRes/EVSEPresentVoltage/Value"
    assert caught.value.bit is not None
    assert 8 * (len(data) - 4) < caught.value.bit <= 8 * (len(data) - 2)
    assert str(caught.value).startswith("DC_PreChargeRes/EVSEPresentVoltage/Value, bit ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the data ends here"),
        (b"$EXI\x80", "EXI header 0x24 instead of 0x80"),
        (b"\xa0\x00", "EXI header 0xa0"),
        (b"\x80\xc0", "root element 3 is not in the schema set sap"),
        (bits("10000000 01 1 000"), "a deviation from the schema, expected ResponseCode"),
        (bits("10000000 01 0 1 001"), "a deviation from the schema, expected its value"),
        (bits("10000000 01 0 0 11"), "value 3 of an enumeration with 3 values"),
        (bits("10000000 01 0 0 00 0 11"), "event code 3 does not exist here, expected SchemaID or the end"),
        (bits("10000000 00 0 0 0 00000000"), "a string-table hit, but the table is empty"),
        (bits("10000000 00 0 0 0 01000000"), "62 characters are announced, the data ends before"),
        (bits("10000000 00 0 0 0 00000011 10000000 10110000 00000011"), "a character that is none"),
        (bits("10000000 00 0 0 0 11111111 11111111 11111111 11111111 11111111"), "an integer of more than 5 octets"),
    ],
)
def test_bytes_that_are_no_message(data: bytes, reason: str) -> None:
    with pytest.raises(ExiError) as caught:
        decode("sap", data)
    assert reason in str(caught.value)


def test_a_serial_number_may_be_long_but_not_endless() -> None:
    def request(serial: int) -> common.CertificateInstallationReq:
        root = xmldsig.X509IssuerSerial("CN=V2G Root", serial)
        return common.CertificateInstallationReq(
            HEADER, common.SignedCertificateChain(b"c", None, "id1"), ct.ListOfRootCertificateIDs([root]), 1
        )

    for serial in (0, -1, 2**160 - 1, -(2**160), 2**280 - 1):
        assert decode("iso20-common", encode("iso20-common", request(serial)), strict=True) == request(serial)
    with pytest.raises(ExiError, match="X509SerialNumber: an integer of more than 40 octets"):
        encode("iso20-common", request(2**280))


def test_text_between_the_elements_of_a_signature_is_refused() -> None:
    method = xmldsig.CanonicalizationMethod(Algorithm="a")
    written = stream(encode("xmldsig", method))
    # AT Algorithm, length 1 + 2, a, then EE = 1 of SE(*), EE, CH
    code = "0" + "00000011" + f"{ord('a'):08b}"
    assert code + "01" in written
    with pytest.raises(ExiError, match="text between the elements is not supported"):
        decode("xmldsig", bits(written.replace(code + "01", code + "10")))
    with pytest.raises(ExiError, match="an element of another schema is not supported"):
        decode("xmldsig", bits(written.replace(code + "01", code + "00")))
