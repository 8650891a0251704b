"""How fast the codec is: decode and encode of the messages that matter, in microseconds of
processor time, and what the first ones cost.

.venv/bin/python benchmarks/bench_codec.py [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import timeit
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from v2g.messages import decode, encode, iso2, sap, xmldsig
from v2g.messages.iso20 import common, dc
from v2g.messages.iso20 import types as ct

Case = tuple[str, str, Any, float | None]
"""What it is, protocol, message, and the target in microseconds."""

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
        ("-20 DC_ChargeLoopReq, BPT dynamic", "iso20-dc", request, 8),
        ("-20 DC_ChargeLoopRes, BPT dynamic", "iso20-dc", response, 8),
        ("-20 DC_CableCheckReq", "iso20-dc", dc.DC_CableCheckReq(HEADER), None),
        ("-20 AuthorizationReq, Plug & Charge", "iso20-common", authorization, 30),
        ("-20 ScheduleExchangeRes, 2048 entries", "iso20-common", schedules, 5000),
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
        ("-2 CurrentDemandReq", request, 6),
        ("-2 CurrentDemandRes", response, 8),
        ("-2 ChargeParameterDiscoveryRes, 96 entries", discovery, 150),
    ]
    return [(name, "iso2", iso2.V2G_Message(header, iso2.Body(body)), target) for name, body, target in bodies]


def handshake() -> list[Case]:
    """SupportedAppProtocol."""
    offers = [
        sap.AppProtocol("urn:iso:std:iso:15118:-20:DC", 1, 0, 1, 1),
        sap.AppProtocol("urn:iso:15118:2:2013:MsgDef", 2, 0, 2, 2),
    ]
    return [("supportedAppProtocolReq", "sap", sap.supportedAppProtocolReq(offers), None)]


def microseconds(function: str, **names: Any) -> float:
    """Processor time, the median of several runs."""
    timer = timeit.Timer(function, timer=time.process_time, globals={"decode": decode, "encode": encode, **names})
    count, seconds = timer.autorange()
    count = max(1, round(count * 0.05 / seconds))
    return statistics.median(timer.repeat(9, count)) / count * 1e6


FIRST = """
import time; start = time.process_time()
from v2g.messages import {imports}
loaded = time.process_time()
{work}
print((loaded - start) * 1e3, (time.process_time() - loaded) * 1e3)
"""

WARM = """
from v2g.messages.iso20 import common, dc
def of(module, *ends):
    names = [n for n in vars(module) if n.endswith(ends) and not n.startswith(("Vehicle", "Certificate", "Metering"))]
    return [c for n in names if (c := vars(module)[n]).__module__ == module.__name__]
loaded = time.process_time()
for protocol, module in ("sap", sap), ("iso20-dc", dc), ("iso20-common", common):
    for ends, options in {modes}:
        warm(protocol, *of(module, *ends), **options)
"""
BOTH: list[Any] = [(("Req", "Res"), {})]
STATION: list[Any] = [(("Req",), {"writing": False}), (("Res",), {"reading": False})]


def first(imports: str, work: str) -> tuple[float, float]:
    """Milliseconds of an import, and of some work after it, each in a new process; medians."""
    command = [sys.executable, "-c", FIRST.format(imports=imports, work=work)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    runs = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(7)
    ]
    return statistics.median(float(run[0]) for run in runs), statistics.median(float(run[1]) for run in runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE as well")
    arguments = parser.parse_args()

    print(f"{'message':44}{'octets':>8}{'decode us':>12}{'encode us':>12}{'target':>9}")
    results: dict[str, dict[str, float]] = {}
    cases = [*iso20(), *iso15118_2(), *handshake()]
    for name, protocol, message, target in cases:
        data = encode(protocol, message)
        assert decode(protocol, data, strict=True) == message
        reading = microseconds("decode(protocol, data)", protocol=protocol, data=data)
        writing = microseconds("encode(protocol, message)", protocol=protocol, message=message)
        results[name] = {"octets": len(data), "decode_us": reading, "encode_us": writing}
        goal = "" if target is None else f"{target:.0f}"
        print(f"{name:44}{len(data):8}{reading:12.2f}{writing:12.2f}{goal:>9}")

    print(f"\n{'in a new process':44}{'import ms':>12}{'then ms':>12}{'target':>9}")
    for name, protocol, message, _ in [cases[0], cases[5]]:
        data = encode(protocol, message)
        work = f"decode({protocol!r}, bytes.fromhex('{data.hex()}'))"
        module = "decode, iso2" if protocol == "iso2" else "decode\nfrom v2g.messages.iso20 import dc"
        importing, working = first(module, work)
        results[f"first {name}"] = {"import_ms": importing, "decode_ms": working}
        print(f"{'first ' + name:44}{importing:12.1f}{working:12.1f}{'30':>9}")
    for who, modes in ("both sides of", BOTH), ("the station's side of", STATION):
        importing, working = first("sap, warm", WARM.format(modes=modes))
        results[f"warm, {who} a DC session"] = {"import_ms": importing, "warm_ms": working}
        print(f"{f'warm, {who} a DC session':44}{importing:12.1f}{working:12.1f}{'60':>9}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
