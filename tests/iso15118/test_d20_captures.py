"""Cars of ISO 15118-20 in captures at our station: their requests, one by one, and whether the answers are legal."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.iso15118.test_d2_captures import WIDE
from tests.iso15118.test_secc_engine import READY

from v2g.capture import stream
from v2g.capture.dissector import Dissector
from v2g.capture.file import read
from v2g.capture.judge import Judge
from v2g.capture.record import Record
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.station import StationConversation
from v2g.iso15118.view import Authorization, Check, Meter, Offer, Slot, Stage, StationView
from v2g.messages import decode, encode
from v2g.messages.iso20 import common
from v2g.v2gtp.framing import pack

OFFER = Offer("DE*V2G*E1", (Service.DC, Service.AC_BPT, Service.AC, Service.DC_BPT), price_levels=True)
CAPTURES = [
    "ISO-20_BPT_AC_DS5366_Josev.pcapng",
    "ISO-20_TLS13_DC_DS5366_Josev.pcapng",
    "ISO-20_mTLS_DC_DS5366_Josev.pcapng",
]
BOTH_WAYS = replace(WIDE, discharge_w=WIDE.charge_w, discharge_a=WIDE.charge_a)
VIEW = replace(
    READY,
    limits=BOTH_WAYS,
    lasting=BOTH_WAYS,
    schedule=(Slot(86_400, 400_000, 400_000),),
    meter=Meter("meter", 0, 0, 1000),
)
PAYLOAD_TYPES = {0x8001: "sap", 0x8002: "iso20-common", 0x8003: "iso20-ac", 0x8004: "iso20-dc"}


def requests(path: Path) -> Iterator[Record]:
    dissector = Dissector()
    with path.open("rb") as file:
        records = [record for item in read(file, path.name) for record in dissector.feed(item)]
    for record in [*records, *dissector.flush()]:
        if record.is_request and record.payload_type in PAYLOAD_TYPES:
            yield record


class Bench:
    """Our station, hardware that obeys at once, and a car that takes over what the station decides."""

    def __init__(self, mode: ControlMode) -> None:
        self.now, self.wire = 0.0, b""
        self.station = StationConversation(replace(OFFER, modes=(mode,)), 0.0, peer=bytes(64))
        self.sets: list[int] = []
        """The parameter sets of the service that the car asked about last."""
        self.tuple_id = 1

    def seen(self, *, done: bool) -> StationView:
        demand = self.station.demand
        closed = demand.stage is not Stage.OFF
        return replace(
            VIEW,
            contactor_closed=closed,
            voltage_v=demand.voltage_v if closed else 0.0,
            current_gone=True,
            cable_check=Check.PASSED if done and demand.stage is Stage.CABLE_CHECK else Check.ONGOING,
            authorization=Authorization.ACCEPTED if done else Authorization.PENDING,
            schedule=VIEW.schedule if done else (),
            target_w=None,
        )

    def answer(self, record: Record, *, done: bool = True) -> Any:
        if record.message == "DC_CableCheckReq" and self.station.demand.stage is not Stage.CABLE_CHECK and done:
            self.answer(record, done=False)  # ours is never through with the first request
        self.now += 0.05
        assert record.payload_type is not None
        protocol, payload = PAYLOAD_TYPES[record.payload_type], record.payload
        if protocol != "sap":
            payload = encode(protocol, self._as_ours(record))
        send = self.station.receive(record.payload_type, payload, self.now, self.seen(done=done)).send
        send += self.station.renew(self.now, self.seen(done=done)).send
        self.wire += b"".join(pack(*each) for each in [(record.payload_type, payload), *send])
        assert len(send) == 1, (record.message, self.station.end)
        answer: Any = decode(protocol, send[0][1], strict=True)
        if isinstance(answer, common.ServiceDetailRes):
            self.sets = [each.ParameterSetID for each in answer.ServiceParameterList.ParameterSet]
        if isinstance(answer, common.ScheduleExchangeRes) and answer.Scheduled_SEResControlMode is not None:
            self.tuple_id = answer.Scheduled_SEResControlMode.ScheduleTuple[0].ScheduleTupleID
        return answer

    def _as_ours(self, record: Record) -> Any:
        value: Any = record.value
        known = self.station.session_id if record.message != "SessionSetupReq" else value.Header.SessionID
        value = structs.replace(value, Header=structs.replace(value.Header, SessionID=known))
        if isinstance(value, common.ServiceSelectionReq):
            chosen = structs.replace(value.SelectedEnergyTransferService, ParameterSetID=self.sets[-1])
            value = structs.replace(value, SelectedEnergyTransferService=chosen)
        profile = getattr(value, "EVPowerProfile", None)
        if profile is not None and profile.Scheduled_EVPPTControlMode is not None:
            mode = structs.replace(profile.Scheduled_EVPPTControlMode, SelectedScheduleTupleID=self.tuple_id)
            value = structs.replace(value, EVPowerProfile=structs.replace(profile, Scheduled_EVPPTControlMode=mode))
        return value

    def findings(self) -> list[str]:
        judge, records = Judge(), list(stream.messages(BytesIO(self.wire)))
        for record in records:
            judge.judge(record)
        return [f"{found.rule}: {found.text}" for each in [*records, *judge.flush()] for found in each.findings]


@pytest.mark.parametrize("name", CAPTURES)
def test_the_answers_to_a_captured_car_are_legal(name: str, shared: Path) -> None:
    """Every response is of the strict schema, none is FAILED, and the session ends in order."""
    asked = list(requests(shared / "captures" / name))
    [needs, *_] = [record.value for record in asked if isinstance(record.value, common.ScheduleExchangeReq)]
    bench = Bench(ControlMode.SCHEDULED if needs.Dynamic_SEReqControlMode is None else ControlMode.DYNAMIC)
    for record, following in pairwise([*asked, None]):
        assert record is not None
        answer = bench.answer(record, done=following is None or following.message != record.message)
        assert answer.ResponseCode.value.startswith("OK"), (record.message, answer, bench.station.end)
    assert len(asked) > 20
    assert bench.findings() == []
    assert bench.station.end is not None
    assert bench.station.end.fault is None
    assert bench.station.demand.stage is Stage.OFF
