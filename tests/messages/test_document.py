"""Messages as plain documents, for JSON and the trace."""

import json
from typing import Any

import pytest

from v2g.exi.facets import REQUIRED
from v2g.messages import ExiError, xmldsig
from v2g.messages.document import from_document, to_document
from v2g.messages.iso20 import common, dc
from v2g.messages.iso20 import types as ct

HEADER = ct.MessageHeader(bytes.fromhex("0a0b0c0d0e0f1011"), 1_700_000_000)

REQUEST = dc.DC_ChargeLoopReq(
    HEADER,
    MeterInfoRequested=True,
    EVPresentVoltage=ct.RationalNumber(-1, 4012),
    CLReqControlMode=dc.Scheduled_DC_CLReqControlMode(
        EVTargetCurrent=ct.RationalNumber(0, 20), EVTargetVoltage=ct.RationalNumber(0, 410)
    ),
)

DOCUMENT = {
    "DC_ChargeLoopReq": {
        "Header": {"SessionID": "0A0B0C0D0E0F1011", "TimeStamp": 1_700_000_000},
        "MeterInfoRequested": True,
        "EVPresentVoltage": {"Exponent": -1, "Value": 4012},
        "Scheduled_DC_CLReqControlMode": {
            "EVTargetCurrent": {"Exponent": 0, "Value": 20},
            "EVTargetVoltage": {"Exponent": 0, "Value": 410},
        },
    }
}


def test_a_substitution_stands_under_its_own_name_and_the_absent_is_left_out() -> None:
    assert to_document(REQUEST) == DOCUMENT
    assert from_document("iso20-dc", json.loads(json.dumps(DOCUMENT))) == REQUEST


def test_binaries_enumerations_attributes_and_lists() -> None:
    response = common.AuthorizationSetupRes(
        HEADER,
        ct.ResponseCode.OK,
        [common.Authorization.EIM, common.Authorization.PnC],
        False,
        PnC_ASResAuthorizationMode=common.PnC_ASResAuthorizationMode(b"\xff" * 16),
    )
    content = to_document(response)["AuthorizationSetupRes"]
    assert content["ResponseCode"] == "OK"
    assert type(content["ResponseCode"]) is str
    assert content["AuthorizationServices"] == ["EIM", "PnC"]
    assert content["PnC_ASResAuthorizationMode"] == {"GenChallenge": "/////////////////////w=="}
    chain = common.SignedCertificateChain(b"\x01", None, "id1")
    assert to_document(chain) == {"SignedCertificateChain": {"Certificate": "AQ==", "Id": "id1"}}


def test_groups() -> None:
    info = xmldsig.KeyInfo(
        [
            xmldsig.KeyInfoItem(KeyName="a"),
            xmldsig.KeyInfoItem(
                KeyValue=xmldsig.KeyValue(
                    DSAKeyValue=xmldsig.DSAKeyValue(primes=xmldsig.DSAPrimes(b"p", b"q"), Y=b"y"),
                )
            ),
        ]
    )
    document = to_document(info)
    key = {"P": "cA==", "Q": "cQ==", "Y": "eQ=="}
    assert document == {"KeyInfo": {"items": [{"KeyName": "a"}, {"KeyValue": {"DSAKeyValue": key}}]}}
    assert from_document("xmldsig", document) == info


def test_what_is_not_filled_in_is_left_out() -> None:
    assert to_document(dc.DC_ChargeLoopReq(HEADER, EVPresentVoltage=REQUIRED)) == {
        "DC_ChargeLoopReq": {"Header": DOCUMENT["DC_ChargeLoopReq"]["Header"]}
    }


def changed(**elements: Any) -> dict[str, Any]:
    content = {**DOCUMENT["DC_ChargeLoopReq"], **elements}
    return {"DC_ChargeLoopReq": {name: part for name, part in content.items() if part != "absent"}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "one root element"),
        ({"DC_ChargeLoopRequest": {}}, "DC_ChargeLoopRequest is no root element of iso20-dc"),
        (changed(EVPresentVoltage="absent"), "DC_ChargeLoopReq: EVPresentVoltage is missing"),
        (changed(EVPresentVolts={}), "EVPresentVolts is no element of DC_ChargeLoopReq"),
        (changed(EVPresentVoltage=400), "EVPresentVoltage: expected the elements of RationalNumber, got 400"),
        (changed(EVPresentVoltage={"Exponent": 0, "Value": 1.5}), "EVPresentVoltage: Value: 1.5 is no whole"),
        (changed(MeterInfoRequested=1), "MeterInfoRequested: 1 is no boolean"),
        (changed(Header={"SessionID": "0A0", "TimeStamp": 1}), "DC_ChargeLoopReq/Header: SessionID: "),
        (changed(Dynamic_DC_CLReqControlMode={}), "Dynamic_DC_CLReqControlMode: EVTargetEnergyRequest is missing"),
    ],
)
def test_errors_name_the_place(document: dict[str, Any], message: str) -> None:
    with pytest.raises(ExiError, match=message) as caught:
        from_document("iso20-dc", document)
    assert caught.value.bit is None


def test_a_list_is_a_list_and_an_enumeration_one_of_its_values() -> None:
    content: dict[str, Any] = {
        "Header": {"SessionID": "0A0B0C0D0E0F1011", "TimeStamp": 1},
        "ResponseCode": "OK",
        "AuthorizationServices": "EIM",
        "CertificateInstallationService": False,
        "EIM_ASResAuthorizationMode": {},
    }
    with pytest.raises(ExiError, match="AuthorizationServices is a list, got 'EIM'"):
        from_document("iso20-common", {"AuthorizationSetupRes": content})
    content["AuthorizationServices"] = ["RFID"]
    with pytest.raises(ExiError, match="AuthorizationServices: 'RFID' is no enumerated"):
        from_document("iso20-common", {"AuthorizationSetupRes": content})
