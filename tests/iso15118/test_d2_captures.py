"""Cars of real captures at our station: their requests, one by one, with the session id that our station gave."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.iso15118.test_secc_engine import READY

from v2g.capture import stream
from v2g.capture.dissector import Dissector
from v2g.capture.file import read
from v2g.capture.judge import Judge
from v2g.capture.record import Record
from v2g.iso15118.contract import Priced
from v2g.iso15118.day_tariff import DayTariff, Step
from v2g.iso15118.edition import body_name
from v2g.iso15118.paused import Paused
from v2g.iso15118.service import Service
from v2g.iso15118.station import StationConversation
from v2g.iso15118.view import Authorization, Check, Limits, Offer, Slot, Stage, StationView
from v2g.kernel.fault import Fault
from v2g.messages import decode, encode
from v2g.messages.sap import AppProtocol, supportedAppProtocolReq
from v2g.v2gtp.framing import pack

WIDE = Limits(charge_w=400_000, charge_a=500, voltage_min_v=50, voltage_max_v=1_000)
OFFER = Offer("DE*V2G*E1", (Service.DC, Service.AC))
CAPTURES = [
    "DIN_DC_DS5366_Josev.pcapng",
    "ISO-2_AC_DS5366.pcapng",
    "ISO-2_DC_BatteryDataExchange_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_DS5366.pcapng",
    "ISO-2_DC_Pause_DS5366.pcapng",
    "ISO-2_DC_Renegotiation_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_SalesTariffSchedule_DS5366_RiseV2G.pcapng",
    "ISO-2_DC_multi_EVSE_SLAC_DS5366_Josev.pcapng",
    "audi-dc-iso2.pcap",
]

REFUSED = {
    "ISO-2_DC_BatteryDataExchange_DS5366_RiseV2G.pcapng": "FAILED_ServiceIDInvalid",
    "ISO-2_DC_SalesTariffSchedule_DS5366_RiseV2G.pcapng": "FAILED_TariffSelectionInvalid",
}
"""A value-added service and a second tariff that the captured station had, and ours has not there."""


def sessions(path: Path) -> Iterator[list[Record]]:
    """The requests of each connection that has a handshake."""
    dissector = Dissector()
    found: dict[int, list[Record]] = {}
    with path.open("rb") as file:
        records = [record for item in read(file, path.name) for record in dissector.feed(item)]
    for record in [*records, *dissector.flush()]:
        if record.protocol in ("sap", "iso2", "din") and record.is_request:
            found.setdefault(record.connection, []).append(record)
    yield from (each for each in found.values() if each[0].protocol == "sap")


class Bench:
    """Our station's conversation, and hardware that obeys at once."""

    def __init__(self, paused: Paused | None = None) -> None:
        self.now = 0.0
        self.view = replace(READY, limits=WIDE, schedule=(Slot(86_400, 400_000, 0),))
        self.paused = paused
        self.station = StationConversation(OFFER, self.now, paused=paused)
        self.wire = b""
        """Both sides, as they stand on the line."""

    def seen(self, *, done: bool = True) -> StationView:
        """`done`: nothing is under way any more that the car would have to wait for."""
        demand = self.station.demand
        closed = demand.stage is not Stage.OFF
        voltage_v = demand.voltage_v if closed else 0.0
        return replace(
            self.view,
            contactor_closed=closed,
            voltage_v=voltage_v,
            cable_check=Check.PASSED if done and demand.stage is Stage.CABLE_CHECK else Check.ONGOING,
            authorization=Authorization.ACCEPTED if done else Authorization.PENDING,
            schedule=self.view.schedule if done else (),
        )

    def answer(self, record: Record, *, done: bool = True) -> Any:
        """The response to a captured request; None without one."""
        if record.message == "CableCheckReq" and self.station.demand.stage is not Stage.CABLE_CHECK and done:
            self.answer(record, done=False)  # ours is never through with the first request
        self.now += 0.05
        payload = record.payload
        if record.protocol != "sap":
            request: Any = record.value
            known = self.station.session_id
            if body_name(request) == "SessionSetupReq":
                resumes = self.paused is not None and any(request.Header.SessionID)
                known = self.paused.session_id if self.paused and resumes else request.Header.SessionID
            header = msgspec.structs.replace(request.Header, SessionID=known)
            payload = encode(record.protocol, msgspec.structs.replace(request, Header=header))
        assert record.payload_type is not None
        send = self.station.receive(record.payload_type, payload, self.now, self.seen(done=done)).send
        send += self.station.renew(self.now, self.seen(done=done)).send
        self.wire += b"".join(pack(*each) for each in [(record.payload_type, payload), *send])
        return decode(record.protocol, send[0][1], strict=True) if send else None

    def bodies(self) -> list[Any]:
        """What both sides have said, without the handshake."""
        values: list[Any] = [record.value for record in stream.messages(BytesIO(self.wire))]
        return [each.Body.BodyElement for each in values if hasattr(each, "Body")]

    def findings(self) -> list[str]:
        """What the judge of captures has against the session, by the rules of its edition."""
        judge, records = Judge(), list(stream.messages(BytesIO(self.wire)))
        for record in records:
            judge.judge(record)
        return [f"{found.rule}: {found.text}" for each in [*records, *judge.flush()] for found in each.findings]


def replay(bench: Bench, requests: Iterable[Record]) -> None:
    """Every response is paired, of the strict schema, and OK."""
    for record, following in pairwise([*requests, None]):
        assert record is not None
        # As soon as the captured station was: the car goes on then.
        response = bench.answer(record, done=following is None or following.message != record.message)
        assert response is not None, record.message
        assert record.protocol == "sap" or body_name(response) == str(record.message).removesuffix("Req") + "Res", (
            record.message
        )
        said = response if record.protocol == "sap" else response.Body.BodyElement
        assert said.ResponseCode.value.startswith("OK"), (record.packet, record.message, said)
    end = bench.station.end
    assert end is not None
    assert end.fault is None
    assert bench.station.demand.stage is Stage.OFF


@pytest.mark.parametrize("name", sorted(set(CAPTURES) - set(REFUSED)))
def test_the_answers_to_a_captured_car_are_legal(name: str, shared: Path) -> None:
    """Also those to the car that pauses, which is the same session when it is back."""
    paused, answered = None, 0
    for requests in sessions(shared / "captures" / name):
        bench = Bench(paused)
        replay(bench, requests)
        assert bench.findings() == []
        answered += len(requests)
        assert bench.station.end is not None
        before, paused = paused, bench.station.end.paused
        assert before is None or bench.station.session_id == before.session_id
    assert answered > 10


@pytest.mark.parametrize("name", REFUSED)
def test_a_captured_car_that_wants_what_we_have_not_is_refused(name: str, shared: Path) -> None:
    [requests] = sessions(shared / "captures" / name)
    bench = Bench()
    for record, following in pairwise(requests):
        response = bench.answer(record, done=following.message != record.message)
        said = response if record.protocol == "sap" else response.Body.BodyElement
        if not said.ResponseCode.value.startswith("OK"):
            break
    assert said.ResponseCode.value == REFUSED[name]
    assert bench.station.demand.stage is Stage.OFF
    [finding] = bench.findings()
    assert finding.startswith("response code")


class TwoTariffs:
    """One for those who do not mind when they charge, and one for those who do."""

    def tariff(self, edition: str, contract: str) -> Priced:
        night, day = (DayTariff(name, "EUR", "en", (Step(0, 0.3, 1),)) for name in ("night", "day"))
        return Priced(night.sales_tariff(0), others=(day.sales_tariff(0, 2),))


def test_the_car_that_chose_its_second_tariff_is_served(shared: Path) -> None:
    """As it chose the one with the number 10 at its own station, which had offered more than the 600 s asked for: its
    profile plans for longer."""
    [requests] = sessions(shared / "captures" / "ISO-2_DC_SalesTariffSchedule_DS5366_RiseV2G.pcapng")
    for record in requests:
        value: Any = record.value
        if record.message == "ChargeParameterDiscoveryReq":
            value.Body.BodyElement.EVChargeParameter.DepartureTime = None
        if record.message == "PowerDeliveryReq":
            assert value.Body.BodyElement.SAScheduleTupleID == 10
            value.Body.BodyElement.SAScheduleTupleID = 2
    bench = Bench()
    bench.station = StationConversation(replace(OFFER, prices=TwoTariffs()), 0.0)
    replay(bench, requests)
    assert bench.findings() == []
    offered = [each for each in bench.bodies() if type(each).__name__ == "ChargeParameterDiscoveryRes"][-1]
    tuples = offered.SASchedules.SAScheduleTuple
    assert [(each.SAScheduleTupleID, each.SalesTariff.SalesTariffDescription) for each in tuples] == [
        (1, "night"),
        (2, "day"),
    ]
    loops = [each.SAScheduleTupleID for each in bench.bodies() if type(each).__name__ == "CurrentDemandRes"]
    assert set(loops) == {2}


def test_the_car_with_a_service_of_its_maker_is_served_without_it(shared: Path) -> None:
    """A car that does not find the service in ServiceDiscoveryRes does not ask for it."""
    [requests] = sessions(shared / "captures" / "ISO-2_DC_BatteryDataExchange_DS5366_RiseV2G.pcapng")
    plain = [record for record in requests if record.message != "ServiceDetailReq"]
    [chosen] = [record for record in plain if record.message == "PaymentServiceSelectionReq"]
    value: Any = chosen.value
    added = value.Body.BodyElement.SelectedServiceList.SelectedService
    assert [each.ServiceID for each in added] == [1, 61000]
    del added[1:]
    bench = Bench()
    replay(bench, plain)
    assert bench.findings() == []


def test_a_car_that_stops_out_of_the_charging_loop_is_stopped_safely(shared: Path) -> None:
    """As one maker's AC cars do it: the table refuses SessionStop there, and the power is off all the same."""
    [requests, *_] = sessions(shared / "captures" / "ISO-2_AC_DS5366.pcapng")
    bench = Bench()
    loop = next(index for index, record in enumerate(requests) if record.message == "ChargingStatusReq")
    for record in requests[: loop + 2]:
        bench.answer(record)
    assert bench.station.demand.stage.name == "ENERGY"
    response = bench.answer(next(record for record in requests if record.message == "SessionStopReq"))
    assert response.Body.BodyElement.ResponseCode.value == "FAILED_SequenceError"
    assert bench.station.demand.stage is Stage.OFF


def test_a_car_that_leaves_out_pre_charge_gets_no_power(shared: Path) -> None:
    """PowerDelivery right after the cable check, as one car does it."""
    [requests, *_] = sessions(shared / "captures" / "ISO-2_DC_DS5366.pcapng")
    bench = Bench()
    before = next(index for index, record in enumerate(requests) if record.message == "PreChargeReq")
    for record, following in pairwise(requests[: before + 1]):
        bench.answer(record, done=following.message != record.message)
    response = bench.answer(next(record for record in requests if record.message == "PowerDeliveryReq"))
    assert response.Body.BodyElement.ResponseCode.value == "FAILED_SequenceError"
    assert bench.station.end is not None
    assert bench.station.end.fault is Fault.SEQUENCE_ERROR
    assert bench.station.demand.stage is Stage.OFF


def test_octets_after_a_document_are_taken_and_reported(shared: Path) -> None:
    """Some cars send zeros after the message."""
    [requests, *_] = sessions(shared / "captures" / "ISO-2_DC_DS5366.pcapng")
    bench = Bench()
    bench.answer(requests[0])
    step = bench.station.receive(0x8001, requests[1].payload + bytes(2), 1.0, bench.seen())
    assert len(step.send) == 1
    assert any(getattr(event, "deviations", ()) for event in step.events)


@pytest.mark.parametrize("octets", [bytes(2), bytes(16)])
def test_a_car_that_names_no_common_protocol_first_is_served_by_what_it_ranks_next(octets: bytes) -> None:
    """A maker's own namespace first, SchemaID 0, priorities that begin at 2, and zeros after the document."""
    entries = [
        AppProtocol("urn:din:70121:2012:MsgDef", 2, 0, SchemaID=0, Priority=3),
        AppProtocol("urn:tesla:din:2018:MsgDef", 2, 0, SchemaID=7, Priority=1),
        AppProtocol("urn:iso:15118:2:2013:MsgDef", 2, 0, SchemaID=255, Priority=2),
    ]
    bench = Bench()
    payload = encode("sap", supportedAppProtocolReq(entries)) + octets
    [(_, answer)] = bench.station.receive(0x8001, payload, 0.1, bench.seen()).send
    assert decode("sap", answer).SchemaID == 255
    bench = Bench()
    payload = encode("sap", supportedAppProtocolReq(entries[:2])) + octets
    [(_, answer)] = bench.station.receive(0x8001, payload, 0.1, bench.seen()).send
    assert decode("sap", answer).SchemaID == 0
