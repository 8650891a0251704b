"""Messages that matter for the codec's speed: those of every cycle, and the long ones."""

from __future__ import annotations

from typing import Any

from v2g.messages import iso2, sap, xmldsig
from v2g.messages.iso20 import common, dc
from v2g.messages.iso20 import types as ct

Case = tuple[str, str, Any, float | None]
"""Name, protocol, message, and how long decoding may take, in microseconds."""

R = ct.RationalNumber.of
SIGNATURE = xmldsig.Signature(
    xmldsig.SignedInfo(
        xmldsig.CanonicalizationMethod(Algorithm="http://www.w3.org/TR/canonical-exi/"),
        xmldsig.SignatureMethod(Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"),
        [
            xmldsig.Reference(
                xmldsig.Transforms([xmldsig.Transform(Algorithm="http://www.w3.org/TR/canonical-exi/")]),
                xmldsig.DigestMethod(Algorithm="http://www.w3.org/2001/04/xmlenc#sha512"),
                bytes(range(64)),
                URI="#id1",
            )
        ],
    ),
    xmldsig.SignatureValue(bytes(range(132))),
)
HEADER = ct.MessageHeader(bytes(range(1, 9)), 1_731_234_567)
SIGNED = ct.MessageHeader(bytes(range(1, 9)), 1_731_234_567, SIGNATURE)


def iso20() -> list[Case]:
    """The messages of a DC session with feed-in, and the long ones of Plug & Charge and schedules."""
    request = dc.DC_ChargeLoopReq(
        HEADER,
        ct.DisplayParameters(PresentSOC=56, TargetSOC=80, RemainingTimeToTargetSOC=3600, ChargingComplete=False),
        False,
        R(402.3),
        dc.BPT_Dynamic_DC_CLReqControlMode(
            None, R(30_000), R(60_000), R(-20_000), R(11_000), R(100), R(30), R(450), R(250), R(11_000), R(0), R(30)
        ),
    )
    response = dc.DC_ChargeLoopRes(
        HEADER,
        ct.ResponseCode.OK,
        None,
        None,
        None,
        R(-24.5),
        R(402.3),
        False,
        True,
        False,
        dc.BPT_Dynamic_DC_CLResControlMode(
            None, 30, 80, None, R(11_000), R(0), R(30), R(500), R(11_000), R(0), R(30), R(200)
        ),
    )
    certificate = bytes(range(200)) * 3
    authorization = common.AuthorizationReq(
        SIGNED,
        common.Authorization.PnC,
        None,
        common.PnC_AReqAuthorizationMode(
            bytes(16), common.ContractCertificateChain(certificate, common.SubCertificates([certificate] * 2)), "id1"
        ),
    )
    entries = [common.PowerScheduleEntry(900, R(11_000 + n)) for n in range(1024)]
    schedule = common.ChargingSchedule(
        common.PowerSchedule(1_731_234_567, None, None, common.PowerScheduleEntryList(entries))
    )
    schedules = common.ScheduleExchangeRes(
        HEADER,
        ct.ResponseCode.OK,
        ct.Processing.Finished,
        Scheduled_SEResControlMode=common.Scheduled_SEResControlMode([common.ScheduleTuple(1, schedule, schedule)]),
    )
    return [
        ("iso20_dc_charge_loop_req", "iso20-dc", request, 8),
        ("iso20_dc_charge_loop_res", "iso20-dc", response, 8),
        ("iso20_dc_cable_check_req", "iso20-dc", dc.DC_CableCheckReq(HEADER), None),
        ("iso20_authorization_req_plug_and_charge", "iso20-common", authorization, 30),
        ("iso20_schedule_exchange_res_2048_entries", "iso20-common", schedules, 5000),
    ]


def iso15118_2() -> list[Case]:
    """The charge loop of ISO 15118-2, and a day's schedule."""
    unit = iso2.UnitSymbol
    value = iso2.PhysicalValue.of
    header = iso2.MessageHeader(bytes(range(8)))
    request = iso2.CurrentDemandReq(
        iso2.DC_EVStatus(True, iso2.DC_EVErrorCode.NO_ERROR, 55),
        value(20, unit.A),
        value(450, unit.V),
        value(125, unit.A),
        None,
        False,
        False,
        value(3600, unit.s),
        value(1800, unit.s),
        value(402.3, unit.V),
    )
    response = iso2.CurrentDemandRes(
        iso2.ResponseCode.OK,
        iso2.DC_EVSEStatus(
            0, iso2.EVSENotification.None_, iso2.IsolationLevel.Valid, iso2.DC_EVSEStatusCode.EVSE_Ready
        ),
        value(402.3, unit.V),
        value(20, unit.A),
        False,
        False,
        False,
        value(500, unit.V),
        value(125, unit.A),
        value(50_000, unit.W),
        "DE*ABC*E123456",
        1,
        iso2.MeterInfo("METER-1", 123_456),
        False,
    )
    entries = [
        iso2.PMaxScheduleEntry(iso2.RelativeTimeInterval(900 * n, 900), value(11_000 + n, unit.W)) for n in range(96)
    ]
    discovery = iso2.ChargeParameterDiscoveryRes(
        iso2.ResponseCode.OK,
        iso2.EVSEProcessing.Finished,
        iso2.SAScheduleList([iso2.SAScheduleTuple(1, iso2.PMaxSchedule(entries))]),
        iso2.DC_EVSEChargeParameter(
            response.DC_EVSEStatus,
            value(125, unit.A),
            value(50_000, unit.W),
            value(500, unit.V),
            value(1, unit.A),
            value(200, unit.V),
            None,
            value(1, unit.A),
        ),
    )
    bodies: list[tuple[str, iso2.BodyBase, float]] = [
        ("iso2_current_demand_req", request, 6),
        ("iso2_current_demand_res", response, 8),
        ("iso2_charge_parameter_discovery_res_96_entries", discovery, 150),
    ]
    return [(name, "iso2", iso2.V2G_Message(header, iso2.Body(body)), target) for name, body, target in bodies]


def handshake() -> list[Case]:
    """SupportedAppProtocol."""
    offers = [
        sap.AppProtocol("urn:iso:std:iso:15118:-20:DC", 1, 0, 1, 1),
        sap.AppProtocol("urn:iso:15118:2:2013:MsgDef", 2, 0, 2, 2),
    ]
    return [("supported_app_protocol_req", "sap", sap.supportedAppProtocolReq(offers), None)]
