"""The station's side of ISO 15118-2 and DIN SPEC 70121: every phase with every request, codes, content, silence."""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import Any

import pytest
from tests.iso15118.d2_car import AC_OFFER, DC_OFFER, Car, parameters, power, requests
from tests.iso15118.test_secc_engine import READY

from v2g.exi.facets import Type
from v2g.iso15118.d2.dialect import NO_SESSION, Dialect
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.din.dialect import DIN
from v2g.iso15118.service import Service
from v2g.iso15118.session import Code, Refusal
from v2g.iso15118.view import Authorization, Check, Limits, Meter, Slot, Stage, Stop
from v2g.kernel.fault import Fault
from v2g.messages import decode, iso2
from v2g.station.faults import CATALOGUE

KINDS = [(ISO2, Service.AC), (ISO2, Service.DC), (DIN, Service.DC)]
EVERY = pytest.mark.parametrize(("to", "service"), KINDS, ids=["iso2-ac", "iso2-dc", "din"])
DC_KINDS = pytest.mark.parametrize("to", [ISO2, DIN], ids=["iso2", "din"])
NEVER = {Phase.CONTRACT, Phase.RECEIPT, Phase.ENDED}
"""Phases of Plug & Charge, and the end."""


def phases(to: Dialect, service: Service) -> Iterator[Phase]:
    dc_only = {Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.PRECHARGED, Phase.DC_CHARGE_LOOP, Phase.WELDING_DETECTION}
    ac_only = {Phase.POWER_DELIVERY, Phase.AC_CHARGE_LOOP, Phase.STOPPING}
    yield from (each for each in to.edition.table if each not in NEVER | (ac_only if service.dc else dc_only))


@EVERY
def test_every_phase_with_every_request(to: Dialect, service: Service) -> None:
    """What a phase does not admit gets the paired response with FAILED_SequenceError, and the session ends safe."""
    checked = 0
    for phase in phases(to, service):
        reached = Car(to, service).walk(phase)
        admitted = to.edition.admitted(phase, service.dc if reached.engine.session.selection else None)
        for name, body in requests(to, service).items():
            car = copy(reached)
            car.engine = copy(reached.engine)
            step = car.send(body, NO_SESSION if name == "SessionSetupReq" else None)
            if name in admitted:
                assert not [
                    answer for answer in car.answers(step) if answer.ResponseCode.value == "FAILED_SequenceError"
                ]
                continue
            [answer] = car.answers(step)
            checked += 1
            assert type(answer).__name__ == name.removesuffix("Req") + "Res"
            assert answer.ResponseCode.value == "FAILED_SequenceError"  # [V2G2-459], [V2G2-538]
            assert car.engine.end is not None  # [V2G2-539]
            assert car.engine.end.fault is Fault.SEQUENCE_ERROR
            assert car.engine.demand.stage is Stage.OFF
    assert checked > 60


@EVERY
@pytest.mark.parametrize("session_id", [bytes(8), b"\x99" * 8, b"\x01\x02\x03\x04"])
def test_another_session_id_is_refused_everywhere(to: Dialect, service: Service, session_id: bytes) -> None:
    """[V2G2-460], [V2G-DC-391]; id 0 in the middle of a session as well."""
    for phase in phases(to, service):
        if phase is Phase.SESSION_SETUP:
            continue
        car = Car(to, service).walk(phase)
        own = car.engine.session.session_id
        name = next(iter(to.edition.admitted(phase, service.dc)))
        [(_, payload)] = car.send(requests(to, service)[name], session_id).send
        answer = decode(to.edition.message_sets[0x8001], payload)
        assert answer.Header.SessionID == own
        assert answer.Body.BodyElement.ResponseCode.value == "FAILED_UnknownSession"
        assert car.engine.end is not None
        assert car.engine.end.fault is Fault.UNKNOWN_SESSION


@EVERY
def test_silence_is_ended_after_a_minute_in_every_phase(to: Dialect, service: Service) -> None:
    """[V2G2-443], [V2G-DC-432]; whatever else was said in between does not prolong the energy transfer."""
    for phase in phases(to, service):
        car = Car(to, service).walk(phase)
        wanted = car.now + (18.0 if phase is Phase.SESSION_SETUP else 60.0)
        assert car.engine.next_deadline() == pytest.approx(wanted), phase
        step = car.engine.expire(wanted, car.view)
        assert step.send == []
        assert car.engine.end is not None
        energy = phase in (Phase.AC_CHARGE_LOOP, Phase.DC_CHARGE_LOOP)
        expected = {
            Phase.SESSION_SETUP: Fault.COMMUNICATION_SETUP_TIMEOUT,
            Phase.SERVICE_DISCOVERY: Fault.SERVICE_DISCOVERY_TIMEOUT,
            Phase.SERVICE: Fault.SERVICE_DISCOVERY_TIMEOUT,
        }.get(phase, Fault.CHARGE_LOOP_TIMEOUT if energy else Fault.SEQUENCE_TIMEOUT)
        assert car.engine.end.fault is expected, phase
        assert car.engine.demand.stage is Stage.OFF


@EVERY
def test_no_sequence_of_requests_outlives_the_silence_of_its_state(to: Dialect, service: Service) -> None:
    """From each phase every pair of requests, a second apart, then silence: energy asked for at t ends by t + 60 s, a
    closed contactor without energy 60 s after its phase began."""
    said = requests(to, service) | {"stop": power(to, "Stop")}
    if to is ISO2:
        said["renegotiate"] = power(to, "Renegotiate")
    seen = 0
    for phase in phases(to, service):
        reached = Car(to, service).walk(phase)
        for first in said:
            once = _said(reached, said[first])
            if once is None:
                continue
            for second in said:
                twice = _said(once, said[second])
                if twice is None:
                    continue
                seen += 1
                deadline = twice.engine.next_deadline()
                assert deadline is not None
                assert deadline <= twice.now + 60.0
                engine = copy(twice.engine)
                engine.expire(deadline, twice.view)
                assert engine.demand.stage is Stage.OFF
    assert seen > 12


def _said(car: Car, body: Any) -> Car | None:
    after = copy(car)
    after.engine, after.now = copy(car.engine), car.now + 1.0
    after.send(body)
    return after if after.engine.end is None else None


@EVERY
def test_repeating_keeps_no_contactor_closed(to: Dialect, service: Service) -> None:
    for phase in phases(to, service):
        for body in requests(to, service).values():
            car = Car(to, service, replace(READY, cable_check=Check.ONGOING, schedule=()) if not service.dc else READY)
            car.view = READY
            car.walk(phase)
            if car.engine.demand.stage is Stage.OFF:
                continue
            began = car.now
            while car.engine.end is None and car.phase is phase and car.now < began + 130.0:
                car.now += 5.0
                if (deadline := car.engine.next_deadline()) is not None and deadline <= car.now:
                    car.engine.expire(deadline, car.view)
                else:
                    car.send(body)
            energy = type(body).__name__ in to.edition.energy
            assert car.engine.end is not None or car.phase is not phase or energy, (phase, body)


@pytest.mark.parametrize("session_id", [b"", b"\x01\x02\x03\x04", bytes(8), b"\x55" * 8])
@DC_KINDS
def test_any_first_id_gives_a_new_one_of_eight_octets(to: Dialect, session_id: bytes) -> None:
    """[V2G2-756]: cars are seen to send four octets, and none."""
    car = Car(to, Service.DC)
    assert car.code(to.messages.SessionSetupReq(bytes(6)), session_id) == "OK_NewSessionEstablished"
    own = car.engine.session.session_id
    assert len(own) == 8
    assert own not in (session_id, NO_SESSION)


def test_what_is_not_offered_is_refused_by_its_code() -> None:
    def at(phase: Phase, service: Service = Service.DC) -> Car:
        return Car(ISO2, service).walk(phase)

    pay = iso2.PaymentServiceSelectionReq
    external, contract = iso2.PaymentOption.ExternalPayment, iso2.PaymentOption.Contract
    one, others = [iso2.SelectedService(1)], [iso2.SelectedService(1), iso2.SelectedService(7)]
    cases: list[tuple[Any, str]] = [
        (iso2.ServiceDetailReq(1), "OK"),
        (iso2.ServiceDetailReq(2), "FAILED_ServiceIDInvalid"),  # [V2G2-464]
        (pay(external, iso2.SelectedServiceList(others)), "FAILED_ServiceSelectionInvalid"),  # [V2G2-467]
        (pay(external, iso2.SelectedServiceList(others[1:])), "FAILED_NoChargeServiceSelected"),  # [V2G2-804]
        (pay(contract, iso2.SelectedServiceList(one)), "FAILED_PaymentSelectionInvalid"),  # [V2G2-465]
    ]
    for body, code in cases:
        assert at(Phase.SERVICE).code(body) == code


def test_discovery_offers_external_payment_and_what_the_outlet_has() -> None:
    [dc, three, one] = [
        Car(ISO2, Service.DC if offer is DC_OFFER else Service.AC, offer=offer)
        .walk(Phase.SERVICE_DISCOVERY)
        .ask(iso2.ServiceDiscoveryReq())
        for offer in (DC_OFFER, AC_OFFER, replace(AC_OFFER, phases=1))
    ]
    assert dc.PaymentOptionList.PaymentOption == [iso2.PaymentOption.ExternalPayment]
    modes = [each.ChargeService.SupportedEnergyTransferMode.EnergyTransferMode for each in (dc, three, one)]
    assert [[mode.value for mode in each] for each in modes] == [
        ["DC_extended"],
        ["AC_three_phase_core", "AC_single_phase_core"],
        ["AC_single_phase_core"],
    ]


@EVERY
def test_wrong_charge_parameters(to: Dialect, service: Service) -> None:
    def code(body: Type) -> str:
        return Car(to, service).walk(Phase.CHARGE_PARAMETERS).code(body)

    wrong = "FAILED_WrongEnergyTransferMode" if to is ISO2 else "FAILED_WrongEnergyTransferType"
    other = Service.AC if service.dc else Service.DC
    assert code(parameters(to, other)) == wrong  # [V2G2-476], [V2G-DC-397]
    mode = "DC_extended" if service.dc else "AC_three_phase_core"
    assert code(parameters(to, other, mode)) == "FAILED_WrongChargeParameter"  # [V2G2-477], [V2G-DC-398]
    name = "EVMaximumCurrentLimit" if service.dc else "EVMaxCurrent"
    assert code(parameters(to, service, **{name: to.shown(-100, "A")})) == "FAILED_WrongChargeParameter"
    assert code(parameters(to, service)) == "OK"


@pytest.mark.parametrize(
    ("departure_s", "durations"),
    [(None, [86_400]), (0, [86_400]), (3_600, [3_600]), (86_400 + 7_200, [86_400, 7_200]), (200_000, None)],
)
def test_the_schedule_lasts_until_the_departure_or_for_a_day(
    departure_s: int | None, durations: list[int] | None
) -> None:
    """[V2G2-303], [V2G2-304]; it begins at once [V2G2-761]."""
    car = Car(ISO2, Service.AC).walk(Phase.CHARGE_PARAMETERS)
    said = car.ask(parameters(ISO2, Service.AC, DepartureTime=departure_s))
    [offer] = said.SASchedules.SAScheduleTuple
    assert offer.SAScheduleTupleID == 1  # [V2G2-773]
    entries = offer.PMaxSchedule.PMaxScheduleEntry
    starts = [entry.TimeInterval.start for entry in entries]
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert starts[-1] + entries[-1].TimeInterval.duration == (departure_s or 86_400)
    assert sum(slot.duration_s for slot in car.engine.session.schedule) == (departure_s or 86_400)
    assert durations is None or len(entries) >= len(durations)


def test_the_schedule_has_at_most_as_many_entries_as_the_car_takes() -> None:
    slots = tuple(Slot(3_600, 1_000.0 * hour, 0.0) for hour in range(24))
    car = Car(ISO2, Service.AC, replace(READY, schedule=slots)).walk(Phase.CHARGE_PARAMETERS)
    asked = parameters(ISO2, Service.AC)
    asked.MaxEntriesSAScheduleTuple = 12
    [offer] = car.ask(asked).SASchedules.SAScheduleTuple
    assert len(offer.PMaxSchedule.PMaxScheduleEntry) == 12


@EVERY
def test_without_a_schedule_the_car_is_kept_waiting_for_55_s(to: Dialect, service: Service) -> None:
    car = Car(to, service).walk(Phase.CHARGE_PARAMETERS)
    car.view = replace(READY, schedule=())
    began = car.now
    while car.engine.end is None:
        said = car.ask(parameters(to, service))
        assert said.EVSEProcessing.value in ("Ongoing", "Finished")
        assert said.ResponseCode.value != "OK" or said.EVSEProcessing.value == "Ongoing"
        if to is ISO2:
            assert said.SASchedules is None
        car.now += 1.0
    assert 54 <= car.now - began <= 57


@EVERY
@pytest.mark.parametrize(
    ("profile", "code"),
    [
        (None, "OK"),
        ([(0, 10_000)], "OK"),
        ([(0, 15_000), (3_600, 5_000), (7_200, 0)], "OK"),
        ([(0, 15_100)], "FAILED_ChargingProfileInvalid"),
        ([(0, 5_000), (3_500, 16_000)], "FAILED_ChargingProfileInvalid"),
        ([(0, 5_000), (100_000, 3_000)], "FAILED_ChargingProfileInvalid"),
        ([(0, -2_000)], "FAILED_ChargingProfileInvalid"),
    ],
)
def test_a_profile_stays_within_the_schedule(
    to: Dialect, service: Service, profile: list[tuple[int, float]] | None, code: str
) -> None:
    """[V2G2-478], [V2G2-224], [V2G2-225]."""
    car = Car(to, service).walk(Phase.PRECHARGED if service.dc else Phase.POWER_DELIVERY)
    assert car.code(power(to, "Start", profile)) == code


@EVERY
def test_a_tuple_that_was_not_offered(to: Dialect, service: Service) -> None:
    """[V2G2-479], [V2G-DC-400]."""
    car = Car(to, service).walk(Phase.PRECHARGED if service.dc else Phase.POWER_DELIVERY)
    assert car.code(power(to, "Start", [(0, 100)], tuple_id=2)) == "FAILED_TariffSelectionInvalid"


@DC_KINDS
def test_power_is_not_started_before_the_voltages_match(to: Dialect) -> None:
    """[V2G2-480], [V2G-DC-401]."""
    car = Car(to, Service.DC).walk(Phase.PRECHARGED)
    car.view = replace(READY, voltage_v=300.0)
    assert car.code(power(to, "Start")) == "FAILED_PowerDeliveryNotApplied"
    car = Car(to, Service.DC).walk(Phase.PRECHARGED)
    car.view = replace(READY, contactor_closed=False)
    assert car.code(power(to, "Start")) == ("FAILED_ContactorError" if to is ISO2 else "FAILED")


@pytest.mark.parametrize("service", [Service.AC, Service.DC])
def test_no_renegotiation_before_power_and_no_second_start(service: Service) -> None:
    """[V2G2-812]."""
    car = Car(ISO2, service).walk(Phase.PRECHARGED if service.dc else Phase.POWER_DELIVERY)
    assert car.code(power(ISO2, "Renegotiate")) == "FAILED"
    car = Car(ISO2, service).walk(Phase.DC_CHARGE_LOOP if service.dc else Phase.AC_CHARGE_LOOP)
    assert car.code(power(ISO2, "Start")) == "FAILED"


@DC_KINDS
def test_a_failed_cable_check_says_so_in_the_isolation_status(to: Dialect) -> None:
    car = Car(to, Service.DC).walk(Phase.CABLE_CHECK)
    body = requests(to, Service.DC)["CableCheckReq"]
    car.view = replace(READY, cable_check=Check.ONGOING)
    first = car.ask(body)
    assert (first.EVSEProcessing.value, first.DC_EVSEStatus.EVSEIsolationStatus.value) == ("Ongoing", "Invalid")
    assert first.DC_EVSEStatus.EVSEStatusCode.value == "EVSE_IsolationMonitoringActive"
    good, bad = copy(car), copy(car)
    good.engine, bad.engine = copy(car.engine), copy(car.engine)
    good.view = READY
    passed = good.ask(body)
    assert (passed.EVSEProcessing.value, passed.DC_EVSEStatus.EVSEIsolationStatus.value) == ("Finished", "Valid")
    bad.view = replace(READY, cable_check=Check.FAILED)
    failed = bad.ask(body)
    assert (failed.ResponseCode.value, failed.DC_EVSEStatus.EVSEIsolationStatus.value) == ("FAILED", "Fault")


@pytest.mark.parametrize("fault", [fault for fault, entry in CATALOGUE.items() if entry.status_codes])
@DC_KINDS
def test_a_car_sees_the_status_code_that_the_operators_catalogue_names(to: Dialect, fault: Fault) -> None:
    car = Car(to, Service.DC).walk(Phase.DC_CHARGE_LOOP)
    car.engine.fail(Refusal(Code.FAILED, "it broke", fault), car.now, car.view)
    answer = car.ask(requests(to, Service.DC)["CurrentDemandReq"])
    assert answer.ResponseCode.value == "FAILED"
    assert answer.DC_EVSEStatus.EVSEStatusCode.value in CATALOGUE[fault].status_codes


@DC_KINDS
def test_after_the_stop_the_station_calls_itself_shut_down(to: Dialect) -> None:
    car = Car(to, Service.DC).walk(Phase.DC_CHARGE_LOOP)
    answer = car.ask(power(to, "Stop"))
    assert answer.EVSEStatus.EVSEStatusCode.value == "EVSE_Shutdown"
    assert car.engine.demand.stage is Stage.OFF
    answer = car.ask(requests(to, Service.DC)["WeldingDetectionReq"])
    assert answer.DC_EVSEStatus.EVSEStatusCode.value == "EVSE_Shutdown"


@DC_KINDS
def test_an_operators_stop_is_notified(to: Dialect) -> None:
    car = Car(to, Service.DC).walk(Phase.DC_CHARGE_LOOP)
    car.view = replace(READY, stop=Stop.TERMINATE)
    status = car.ask(requests(to, Service.DC)["CurrentDemandReq"]).DC_EVSEStatus
    assert (status.EVSENotification.value, status.EVSEStatusCode.value) == ("StopCharging", "EVSE_Shutdown")


@DC_KINDS
@pytest.mark.parametrize("current_a", [-30.0, 0.0, 25.0])
def test_a_negative_current_is_never_a_discharge(to: Dialect, current_a: float) -> None:
    car = Car(to, Service.DC).walk(Phase.DC_CHARGE_LOOP)
    body = requests(to, Service.DC)["CurrentDemandReq"]
    body.EVTargetCurrent = to.shown(current_a, "A")
    car.ask(body)
    assert car.engine.demand.wish_w == max(current_a, 0.0) * READY.voltage_v
    assert car.engine.session.selection is not None
    assert not car.engine.session.selection.service.bidirectional


@EVERY
def test_pmax_has_room_for_every_power(to: Dialect, service: Service) -> None:
    """A limit of the message is no limit of the session: DIN has 16 bits for it, others a multiplier."""
    for power_w in (0.0, 32_767.0, 32_768.0, 50_000.0, 350_000.0):
        own = Limits(charge_w=power_w, charge_a=500, voltage_max_v=1000)
        view = replace(READY, limits=own, schedule=(Slot(3_600, power_w, 0.0),))
        car = Car(to, service, view).walk(Phase.CHARGE_PARAMETERS)
        [offer] = car.ask(parameters(to, service)).SASchedules.SAScheduleTuple
        pmax = offer.PMaxSchedule.PMaxScheduleEntry[0].PMax
        said = float(getattr(pmax, "value", pmax))
        assert said <= power_w
        assert said >= (min(power_w, 32_767.0) if to is DIN else power_w * 0.999)


def test_ac_current_is_that_of_each_phase_of_the_outlet() -> None:
    """A car on one phase of three gets no more than its share."""
    own = Limits(charge_w=11_040.0, charge_a=32.0)
    for mode in ("AC_three_phase_core", "AC_single_phase_core"):
        car = Car(ISO2, Service.AC, replace(READY, limits=own)).walk(Phase.CHARGE_PARAMETERS)
        said = car.ask(parameters(ISO2, Service.AC, mode)).EVSEChargeParameter
        assert said.EVSEMaxCurrent.value == pytest.approx(16.0)
        assert said.EVSENominalVoltage.value == 230


def test_authorization_waits_for_a_person_and_closes_without_a_failed() -> None:
    """[V2G2-854], [V2G2-856]; after 55 s."""
    car = Car(ISO2, Service.DC).walk(Phase.AUTHORIZATION)
    for verdict in (Authorization.PENDING, Authorization.REJECTED):
        car.view = replace(READY, authorization=verdict)
        said = car.ask(iso2.AuthorizationReq())
        assert (said.ResponseCode.value, said.EVSEProcessing.value) == ("OK", "Ongoing_WaitingForCustomerInteraction")
    began = car.now
    while car.engine.end is None:
        car.now += 1.0
        last = car.send(iso2.AuthorizationReq())
    assert last.send == []
    assert car.engine.end.fault is Fault.AUTHORIZATION
    assert 55 <= car.now - began <= 57


@EVERY
def test_a_meter_reading_is_the_meters_own_and_no_receipt_is_asked_for(to: Dialect, service: Service) -> None:
    """[V2G2-902], [V2G2-691]."""
    if to is DIN:
        return
    name = "CurrentDemandReq" if service.dc else "ChargingStatusReq"
    car = Car(to, service, replace(READY, meter=Meter("M1", 12, 0, 98_765))).walk(Phase.STARTED)
    said = car.ask(requests(to, service)[name])
    assert (said.MeterInfo.MeterID, said.MeterInfo.MeterReading) == ("M1", 98_765)
    assert said.ReceiptRequired is False
