"""ISO 15118-2 and DIN SPEC 70121 by the letter: every phase with every request, and the codes of refusals."""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace as changed
from tests.iso15118.evcc.test_d2_sessions import world
from tests.iso15118.evcc.world import view
from tests.iso15118.test_secc_engine import LIMITS, READY

from v2g.exi.facets import Type
from v2g.exi.least import least
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.d2.station.side import STATION as D2
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.din.dialect import DIN as DIN_DIALECT
from v2g.iso15118.din.station.side import STATION as DIN
from v2g.iso15118.service import Service
from v2g.iso15118.sides import StationSide
from v2g.iso15118.station_engine import StationEngine
from v2g.iso15118.view import Authorization, Check, Meter, Offer, Stage, Stop
from v2g.messages import codec, decode, encode
from v2g.messages import iso2 as messages
from v2g.v2gtp.framing import PayloadType

KINDS = [(D2, Service.AC), (D2, Service.DC), (DIN, Service.DC)]
EVERY = pytest.mark.parametrize(("side", "service"), KINDS, ids=["ISO 15118-2 AC", "ISO 15118-2 DC", "DIN"])
FOREIGN = b"\x99" * 8


@cache
def session_of(name: str, service: Service) -> dict[str, Type]:
    """The body of one request of each name, as the car of this edition makes it; others at their least."""
    side = next(side for side, _ in KINDS if side.edition.name == name)
    done = world(side.edition, service).run()
    bodies: dict[str, Type] = {}
    for _, request in done.requests[1:]:
        element = request.Body.BodyElement  # type: ignore[attr-defined]
        bodies.setdefault(type(element).__name__, element)
    schema = codec(side.edition.message_sets[PayloadType.EXI]).schema
    for row in side.edition.table.values():
        for name in row:
            bodies.setdefault(name, least(schema, getattr(dialect(side).messages, name)))
    if "ServiceDetailReq" in bodies:
        bodies["ServiceDetailReq"] = messages.ServiceDetailReq(ServiceID=1)
    return bodies


def dialect(side: StationSide) -> Any:
    return ISO2 if side is D2 else DIN_DIALECT


class Car:
    """Speaks to an engine of one of the two editions."""

    def __init__(self, side: StationSide, service: Service, **options: Any) -> None:
        self.side, self.service, self.view, self.now = side, service, READY, 100.0
        offer = Offer("DE*ABC*E1", (service,), precharge_tolerance_v=None)
        self.engine = StationEngine(side, offer, setup_deadline=118.0, **options)

    @property
    def bodies(self) -> dict[str, Type]:
        return session_of(self.side.edition.name, self.service)

    def ask(self, body: Type, session_id: bytes | None = None) -> Any:
        """The body of the one answer."""
        own = self.engine.session.session_id if session_id is None else session_id
        message_set = self.side.edition.message_sets[PayloadType.EXI]
        payload = encode(message_set, dialect(self.side).message(own, body))
        [(_, answer)] = self.engine.receive(PayloadType.EXI, payload, self.now, self.view).send
        return decode(message_set, answer).Body.BodyElement

    def walk(self) -> Iterator[Phase]:
        """Each phase up to the end, in the order of an ordinary session."""
        phase = self.engine.session.phase
        yield phase  # type: ignore[misc]  # an Enum to the engine
        for _ in range(20):
            ordinary = [name for name in self.side.edition.admitted(phase, self.service.dc) if name in self.bodies]
            name = next(
                each
                for each in ordinary
                if each not in ("ServiceDetailReq", "PreChargeReq") or phase is Phase.PRECHARGE
            )
            body = self.bodies[name]
            if phase in (Phase.AC_CHARGE_LOOP, Phase.DC_CHARGE_LOOP):
                body, self.view = self.stopping(), replace(READY, contactor_closed=self.service.dc)
            self.ask(body)
            if self.engine.session.phase is phase:
                self.ask(body)
            phase = self.engine.session.phase
            yield phase  # type: ignore[misc]
            if phase in (Phase.STOPPING, Phase.WELDING_DETECTION):
                return

    def reach(self, wanted: Phase) -> "Car":
        assert any(phase is wanted for phase in self.walk())
        return self

    def stopping(self) -> Type:
        start = self.bodies["PowerDeliveryReq"]
        if self.side is DIN:
            return changed(start, ReadyToChargeState=False, ChargingProfile=None)
        return changed(start, ChargeProgress=messages.ChargeProgress.Stop, ChargingProfile=None)


@EVERY
def test_every_phase_with_every_request(side: StationSide, service: Service) -> None:
    """Exactly one answer, of the paired type; what the table does not admit ends the session in the safe state.

    [V2G2-459], [V2G2-538], [V2G2-539], [V2G2-540], [V2G-DC-390], [V2G-DC-436], [V2G-DC-665]
    """
    seen = set()
    car = Car(side, service)
    for phase in car.walk():
        seen.add(phase)
        admitted = side.edition.admitted(phase, service.dc)
        for name, body in car.bodies.items():
            if name not in side.answers:
                continue
            asker = copy(car)
            asker.engine = copy(car.engine)
            if name == "PowerDeliveryReq" and phase in (Phase.AC_CHARGE_LOOP, Phase.DC_CHARGE_LOOP):
                body, asker.view = car.stopping(), replace(READY, contactor_closed=service.dc)
            answer = asker.ask(body)
            assert type(answer).__name__ == name.removesuffix("Req") + "Res"
            code, after = answer.ResponseCode.value, asker.engine.session.phase
            if name in admitted:
                assert not code.startswith("FAILED"), (phase, name, code)
                assert after in admitted[name]
            else:
                assert code == "FAILED_SequenceError", (phase, name)
                assert after is Phase.ENDED
                assert asker.engine.demand.stage is Stage.OFF
    assert len(seen) == (11 if service.dc else 9)


STOP = "SessionStopReq"
SEQUENCE: dict[Phase, tuple[set[str], set[str], set[str]]] = {
    Phase.SESSION_SETUP: ({"SessionSetupReq"},) * 3,
    Phase.SERVICE_DISCOVERY: ({"ServiceDiscoveryReq", STOP},) * 3,
    Phase.SERVICE: (
        *({"ServiceDetailReq", "PaymentServiceSelectionReq", STOP},) * 2,
        {"ServicePaymentSelectionReq", STOP},
    ),
    Phase.AUTHORIZATION: (*({"AuthorizationReq", STOP},) * 2, {"ContractAuthenticationReq", STOP}),
    Phase.CHARGE_PARAMETERS: ({"ChargeParameterDiscoveryReq", STOP},) * 3,
    Phase.CABLE_CHECK: (set(), *({"CableCheckReq", STOP},) * 2),
    Phase.PRECHARGE: (set(), *({"PreChargeReq", STOP},) * 2),
    Phase.PRECHARGED: (set(), *({"PreChargeReq", "PowerDeliveryReq", STOP},) * 2),
    Phase.POWER_DELIVERY: ({"PowerDeliveryReq", STOP}, set(), set()),
    Phase.STARTED: ({"ChargingStatusReq"}, *({"CurrentDemandReq"},) * 2),
    Phase.AC_CHARGE_LOOP: ({"ChargingStatusReq", "PowerDeliveryReq"}, set(), set()),
    Phase.DC_CHARGE_LOOP: (set(), *({"CurrentDemandReq", "PowerDeliveryReq"},) * 2),
    Phase.WELDING_DETECTION: (set(), *({"WeldingDetectionReq", STOP},) * 2),
    Phase.STOPPING: ({STOP}, set(), set()),
}
"""What other stacks admit: ISO 15118-2 in AC and in DC, and DIN."""


@pytest.mark.parametrize("kind", range(3), ids=["ISO 15118-2 AC", "ISO 15118-2 DC", "DIN"])
def test_the_sequence_is_that_of_other_stacks(kind: int) -> None:
    side, service = KINDS[kind]
    for phase in Car(side, service).walk():
        assert set(side.edition.admitted(phase, service.dc)) == SEQUENCE[phase][kind], phase


@EVERY
def test_a_request_of_another_session(side: StationSide, service: Service) -> None:
    """[V2G2-460], [V2G-DC-391]"""
    car = Car(side, service).reach(Phase.SERVICE_DISCOVERY)
    assert car.ask(car.bodies["ServiceDiscoveryReq"], FOREIGN).ResponseCode.value == "FAILED_UnknownSession"


@EVERY
def test_a_new_session_has_an_id(side: StationSide, service: Service) -> None:
    """[V2G2-748], [V2G2-750], [V2G2-756], [V2G-DC-393]: whatever id the car names, if nothing is kept under it."""
    ids = set()
    for named in (bytes(8), FOREIGN):
        car = Car(side, service)
        answer = car.ask(car.bodies["SessionSetupReq"], named)
        assert answer.ResponseCode.value == "OK_NewSessionEstablished"
        assert (answer.DateTimeNow if side is DIN else answer.EVSETimeStamp) == READY.unix_s
        ids.add(car.engine.session.session_id)
    assert len(ids | {bytes(8), FOREIGN}) == 4


def refused(car: Car, name: str, **others: Any) -> str:
    asker = copy(car)
    asker.engine = copy(car.engine)
    code: str = asker.ask(changed(car.bodies[name], **others)).ResponseCode.value
    assert asker.engine.session.phase is Phase.ENDED
    return code


def test_what_was_not_offered_in_iso_2() -> None:
    """[V2G2-425], [V2G2-464], [V2G2-465], [V2G2-467], [V2G2-804]"""
    car = Car(D2, Service.DC).reach(Phase.SERVICE)
    assert refused(car, "ServiceDetailReq", ServiceID=99) == "FAILED_ServiceIDInvalid"
    name, contract = "PaymentServiceSelectionReq", messages.PaymentOption.Contract
    assert refused(car, name, SelectedPaymentOption=contract) == "FAILED_PaymentSelectionInvalid"
    for numbers, code in (((1, 2), "FAILED_ServiceSelectionInvalid"), ((2,), "FAILED_NoChargeServiceSelected")):
        listed = messages.SelectedServiceList([messages.SelectedService(number) for number in numbers])
        assert refused(car, name, SelectedServiceList=listed) == code


def test_what_was_not_offered_in_din() -> None:
    """[V2G-DC-395], [V2G-DC-396]"""
    car = Car(DIN, Service.DC).reach(Phase.SERVICE)
    own = DIN_DIALECT.messages
    name = "ServicePaymentSelectionReq"
    assert refused(car, name, SelectedPaymentOption=own.PaymentOption.Contract) == "FAILED_PaymentSelectionInvalid"
    listed = own.SelectedServiceList([own.SelectedService(2)])
    assert refused(car, name, SelectedServiceList=listed) == "FAILED_ServiceSelectionInvalid"


def test_din_offers_dc_and_external_payment_only() -> None:
    """[V2G-DC-252], [V2G-DC-625], [V2G-DC-628], [V2G-DC-629]"""
    car = Car(DIN, Service.DC).reach(Phase.SERVICE_DISCOVERY)
    answer = car.ask(car.bodies["ServiceDiscoveryReq"])
    assert [each.value for each in answer.PaymentOptions.PaymentOption] == ["ExternalPayment"]
    assert answer.ChargeService.EnergyTransferType.value == "DC_extended"
    tag = answer.ChargeService.ServiceTag
    assert (tag.ServiceName, tag.ServiceScope, answer.ServiceList) == (None, None, None)


def test_a_car_on_ac_is_in_state_c_from_start_to_stop() -> None:
    """[V2G2-847], [V2G2-848]; a renegotiation does not change it [V2G2-849]."""
    running = world(D2.edition, Service.AC, wants={"duration_s": 3.0})
    seen: set[tuple[str, bool]] = set()

    def note(now: Any) -> bool:
        progress = [each.Body.BodyElement.ChargeProgress.value for each in now.asked("PowerDeliveryReq")]
        seen.add(("".join(each[0] for each in progress), now.evcc.command.ready))
        now.view = replace(now.view, renegotiate=now.evcc.session.loops == 5)
        return False

    running.run(note)
    assert seen == {("", False), ("S", True), ("SR", True), ("SRS", True), ("SRSS", False)}


def test_charge_parameters_that_do_not_fit() -> None:
    """[V2G2-476], [V2G2-477], [V2G-DC-397], [V2G-DC-398]"""
    for side, mode, code in (
        (D2, {"RequestedEnergyTransferMode": messages.EnergyTransferMode.AC_three_phase_core}, "EnergyTransferMode"),
        (
            DIN,
            {"EVRequestedEnergyTransferType": DIN_DIALECT.messages.EVRequestedEnergyTransfer.AC_single_phase_core},
            "EnergyTransferType",
        ),
    ):
        car = Car(side, Service.DC).reach(Phase.CHARGE_PARAMETERS)
        assert refused(car, "ChargeParameterDiscoveryReq", **mode) == f"FAILED_Wrong{code}"
        parameters: Any = car.bodies["ChargeParameterDiscoveryReq"].EVChargeParameter  # type: ignore[attr-defined]
        no_voltage = changed(parameters, EVMaximumVoltageLimit=dialect(side).shown(0.0, "V"))
        code = refused(car, "ChargeParameterDiscoveryReq", EVChargeParameter=no_voltage)
        assert code == "FAILED_WrongChargeParameter"


@EVERY
def test_profiles_that_the_schedule_does_not_allow(side: StationSide, service: Service) -> None:
    """[V2G2-224], [V2G2-225], [V2G2-293], [V2G2-478], [V2G2-479], [V2G-DC-399], [V2G-DC-400]"""
    car = Car(side, service)
    car.view = replace(
        READY, limits=replace(LIMITS, charge_w=6_000), schedule=(replace(READY.schedule[0], charge_w=6_000),)
    )
    car.reach(Phase.PRECHARGED if service.dc else Phase.POWER_DELIVERY)
    start: Any = car.bodies["PowerDeliveryReq"]
    entry = start.ChargingProfile.ProfileEntry[0]
    high = 7_000 if side is DIN else dialect(side).limit(7_000, "W")
    profile = changed(start.ChargingProfile, ProfileEntry=[changed(entry, ChargingProfileEntryMaxPower=high)])
    assert refused(car, "PowerDeliveryReq", ChargingProfile=profile) == "FAILED_ChargingProfileInvalid"
    if side is DIN:
        other = {"ChargingProfile": changed(start.ChargingProfile, SAScheduleTupleID=2)}
    else:
        other = {"SAScheduleTupleID": 2}
    assert refused(car, "PowerDeliveryReq", **other) == "FAILED_TariffSelectionInvalid"


@pytest.mark.parametrize(("departure_s", "covered_s"), [(None, 86_400), (7_200, 7_200), (200_000, 200_000)])
def test_a_schedule_lasts_until_the_departure_or_a_day(departure_s: int | None, covered_s: int) -> None:
    """[V2G2-303], [V2G2-304], [V2G2-773], [V2G2-905]"""
    car = Car(D2, Service.AC).reach(Phase.CHARGE_PARAMETERS)
    asked: Any = car.bodies["ChargeParameterDiscoveryReq"]
    parameters = changed(asked.EVChargeParameter, DepartureTime=departure_s)
    answer = car.ask(changed(asked, EVChargeParameter=parameters))
    assert answer.EVSEProcessing is messages.EVSEProcessing.Finished
    [offered] = answer.SASchedules.SAScheduleTuple
    assert 1 <= offered.SAScheduleTupleID <= 255
    last = offered.PMaxSchedule.PMaxScheduleEntry[-1].TimeInterval
    assert last.start + last.duration == covered_s


def test_a_schedule_of_din_has_few_entries() -> None:
    """[V2G-DC-329]"""
    car = Car(DIN, Service.DC).reach(Phase.CHARGE_PARAMETERS)
    car.view = replace(READY, schedule=tuple(replace(READY.schedule[0], duration_s=600 + each) for each in range(20)))
    answer = car.ask(car.bodies["ChargeParameterDiscoveryReq"])
    [offered] = answer.SASchedules.SAScheduleTuple
    assert len(offered.PMaxSchedule.PMaxScheduleEntry) == 12


def test_a_renegotiation_needs_energy_transfer() -> None:
    """[V2G2-812]"""
    car = Car(D2, Service.AC).reach(Phase.POWER_DELIVERY)
    progress = messages.ChargeProgress.Renegotiate
    assert refused(car, "PowerDeliveryReq", ChargeProgress=progress, ChargingProfile=None).startswith("FAILED")


def test_the_meter_is_read_as_it_stands_and_no_receipt_is_wanted() -> None:
    """[V2G2-691], [V2G2-902]"""
    car = Car(D2, Service.AC).reach(Phase.STARTED)
    car.view = replace(READY, meter=Meter("meter", 300, 0, 123_456))
    answer = car.ask(car.bodies["ChargingStatusReq"])
    assert answer.MeterInfo.MeterReading == 123_456
    assert answer.ReceiptRequired is False


@pytest.mark.parametrize("side", [D2, DIN], ids=["ISO 15118-2", "DIN"])
def test_a_cable_check_goes_on_and_the_isolation_is_valid_after_it(side: StationSide) -> None:
    """[V2G-DC-418], [V2G-DC-499]"""
    car = Car(side, Service.DC).reach(Phase.CABLE_CHECK)
    car.view = replace(READY, cable_check=Check.ONGOING)
    said = [car.ask(car.bodies["CableCheckReq"]) for _ in range(3)]
    assert {answer.EVSEProcessing.value for answer in said} == {"Ongoing"}
    assert {answer.DC_EVSEStatus.EVSEIsolationStatus.value for answer in said} == {"Invalid"}
    car.view = READY
    last = car.ask(car.bodies["CableCheckReq"])
    assert (last.EVSEProcessing.value, last.DC_EVSEStatus.EVSEIsolationStatus.value) == ("Finished", "Valid")
    assert car.engine.session.phase is Phase.PRECHARGE


@EVERY
def test_a_station_that_waits_for_somebody_says_so(side: StationSide, service: Service) -> None:
    """[V2G2-854], [V2G2-856], [V2G-DC-497]"""
    car = Car(side, service).reach(Phase.AUTHORIZATION)
    name = "ContractAuthenticationReq" if side is DIN else "AuthorizationReq"
    car.view = replace(READY, authorization=Authorization.PENDING)
    waiting = car.ask(car.bodies[name]).EVSEProcessing.value
    assert waiting == ("Ongoing" if side is DIN else "Ongoing_WaitingForCustomerInteraction")
    car.view = READY
    assert car.ask(car.bodies[name]).EVSEProcessing.value == "Finished"


def test_a_car_of_iso_2_waits_for_a_person_without_limit() -> None:
    """[V2G2-845]"""
    running = world(D2.edition, Service.AC, view=view(authorization=Authorization.PENDING))
    running.run(lambda now: len(now.asked("AuthorizationReq")) == 2)
    answer, since = encode("iso2", running.responses[-1]), running.now
    while running.now < since + 200:
        running._wire.clear()
        running.take(running.evcc.receive(PayloadType.EXI, answer, running.now, running.state()))
        running.now = running.evcc.next_deadline() or 0.0
        running.take(running.evcc.expire(running.now, running.state()))
    assert running.evcc.session.stop is None
    assert running.evcc.end is None


@EVERY
def test_a_wish_to_stop_is_said_until_it_is_done(side: StationSide, service: Service) -> None:
    """[V2G2-679]"""
    car = Car(side, service).reach(Phase.STARTED)
    car.view = replace(READY, stop=Stop.TERMINATE)
    body = car.bodies["CurrentDemandReq" if service.dc else "ChargingStatusReq"]
    for _ in range(3):
        answer = car.ask(body)
        status = answer.DC_EVSEStatus if service.dc else answer.AC_EVSEStatus
        assert status.EVSENotification.value == "StopCharging"


@EVERY
def test_silence_of_a_minute_ends_it(side: StationSide, service: Service) -> None:
    """[V2G2-443], [V2G2-536], [V2G2-537], [V2G-DC-432]"""
    car = Car(side, service)
    for phase in car.walk():
        if phase is Phase.SESSION_SETUP:
            continue
        engine = copy(car.engine)
        engine.expire(car.now + 59.9, car.view)
        assert engine.end is None
        engine.expire(car.now + 60.0, car.view)
        assert engine.end is not None, phase
        assert engine.end.fault is not None
        assert engine.demand.stage is Stage.OFF


def test_a_failure_to_deliver_has_its_code() -> None:
    """[V2G2-480], [V2G-DC-401]"""
    for side in (D2, DIN):
        car = Car(side, Service.DC)
        car.engine.session = replace(
            car.engine.session, offer=replace(car.engine.session.offer, precharge_tolerance_v=20.0)
        )
        car.reach(Phase.PRECHARGED)
        car.view = replace(READY, voltage_v=100.0)
        assert refused(car, "PowerDeliveryReq") == "FAILED_PowerDeliveryNotApplied"
