"""Whole sessions of ISO 15118-2 and DIN SPEC 70121, car and station of ours, and every way to end them."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from tests.iso15118.evcc.world import CAR_LIMITS, STATION_LIMITS, World, intent, view

from v2g.exi.facets import Type
from v2g.iso15118.d2.edition import D2
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.din.edition import DIN
from v2g.iso15118.edition import Edition, body_name
from v2g.iso15118.paused import Paused
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.session import Code, Refusal
from v2g.iso15118.vehicle import Command
from v2g.iso15118.view import Authorization, Offer, Slot, Stop
from v2g.kernel.fault import Fault
from v2g.messages import din, iso2

KINDS = [(D2, Service.AC), (D2, Service.DC), (DIN, Service.DC)]
EVERY = pytest.mark.parametrize(("edition", "service"), KINDS, ids=lambda each: getattr(each, "name", str(each)))
DC_KINDS = pytest.mark.parametrize("edition", [D2, DIN], ids=lambda each: each.name)


def world(edition: Edition, service: Service, *, wish_w: float | None = None, **others: Any) -> World:
    """Over plain TCP, as most of these cars do it."""
    wants = {"editions": (edition.name,), "wish_w": wish_w} | others.pop("wants", {})
    options = {"station_certificate": None} | others
    return World(intent(service, ControlMode.SCHEDULED, **wants), **options)


def bodies(world: World, name: str) -> list[Any]:
    return [request.Body.BodyElement for request in world.asked(name)]  # type: ignore[attr-defined]


def answers(world: World, name: str) -> list[Any]:
    return [each.Body.BodyElement for each in world.responses if body_name(each) == name]  # type: ignore[attr-defined]


def changing(name: str, **fields: Any) -> Callable[[Type], Type]:
    """A station whose responses of this name have other elements."""

    def tamper(response: Type) -> Type:
        if body_name(response) == name:
            changed: Any = response
            element = msgspec.structs.replace(changed.Body.BodyElement, **fields)
            changed = msgspec.structs.replace(changed, Body=msgspec.structs.replace(changed.Body, BodyElement=element))
            assert isinstance(changed, Type)
            return changed
        return response

    return tamper


@EVERY
def test_a_session_runs_its_course(edition: Edition, service: Service) -> None:
    done = world(edition, service).run()
    assert done.evcc.end is not None
    assert (done.evcc.end.fault, done.evcc.end.reason) == (None, "the duration is over")
    assert done.station.end is not None
    assert done.station.end.fault is None
    old = edition is DIN
    assert done.names == [
        "supportedAppProtocolReq",
        "SessionSetupReq",
        "ServiceDiscoveryReq",
        "ServicePaymentSelectionReq" if old else "PaymentServiceSelectionReq",
        "ContractAuthenticationReq" if old else "AuthorizationReq",
        "ChargeParameterDiscoveryReq",
        *(["CableCheckReq", "PreChargeReq"] if service.dc else []),
        "PowerDeliveryReq",
        "CurrentDemandReq" if service.dc else "ChargingStatusReq",
        "PowerDeliveryReq",
        *(["WeldingDetectionReq"] if service.dc else []),
        "SessionStopReq",
    ]
    for before, after in pairwise([Phase.SESSION_SETUP, *done.phases]):
        assert any(after in following for following in edition.table[before].values())
    assert done.evcc.command == Command()
    assert done.evcc.session.loops >= (19 if service.dc else 7)
    assert done.state().soc > done.soc


def test_the_station_takes_the_cars_highest_priority() -> None:
    """Tesla's own namespace first, then DIN before ISO 15118-2, and -20 last: the first that both speak."""
    wants = {"editions": (DIN.name, D2.name, "ISO 15118-20")}
    done = world(DIN, Service.DC, wants=wants).run()
    assert "ContractAuthenticationReq" in done.names
    wants = {"editions": ("ISO 15118-20", D2.name, DIN.name)}
    done = world(D2, Service.DC, wants=wants).run()
    assert "DC_ChargeLoopReq" in done.names
    assert done.evcc.end is not None
    assert done.evcc.end.fault is None


def test_a_connection_without_tls_speaks_what_admits_it() -> None:
    """The station has TLS, and the configuration lets cars without it in."""
    both = world(D2, Service.DC, wants={"editions": ("ISO 15118-20", D2.name)})
    both.station = type(both.station)(both.offer, 0.0, plain=True)
    both.run()
    assert "CurrentDemandReq" in both.names
    new = world(D2, Service.DC, wants={"editions": ("ISO 15118-20",)})
    new.station = type(new.station)(new.offer, 0.0, plain=True)
    new.run()
    assert new.evcc.end is not None
    assert new.evcc.end.fault is Fault.NO_COMMON_PROTOCOL


def test_a_station_that_only_discharges_speaks_none_of_these() -> None:
    done = world(D2, Service.DC, offer=Offer("DE*ABC*E1", (Service.DC_BPT,))).run()
    assert done.evcc.end is not None
    assert done.evcc.end.fault is Fault.NO_COMMON_PROTOCOL


@EVERY
@pytest.mark.parametrize("wish_w", [None, 4_000.0, -8_000.0])
def test_no_power_above_limit_and_schedule_and_none_backwards(
    edition: Edition, service: Service, wish_w: float | None
) -> None:
    done = world(edition, service, wish_w=wish_w, view=view(schedule=(Slot(86_400, 6_000, 5_000),))).run()
    most_w = 6_000.0 if wish_w is None else max(wish_w, 0.0)
    if service.dc:
        powers = [each.EVTargetCurrent.value * 400 for each in bodies(done, "CurrentDemandReq")]
    else:
        powers = [command.charger_w for command in done.commands]
    assert max(powers) == pytest.approx(most_w, rel=0.02)
    assert min(powers) >= 0.0
    [start, *_] = bodies(done, "PowerDeliveryReq")
    entry = start.ChargingProfile.ProfileEntry[0].ChargingProfileEntryMaxPower
    assert getattr(entry, "value", entry) == most_w


@EVERY
def test_a_lower_limit_reaches_the_car_at_once(edition: Edition, service: Service) -> None:
    running = world(edition, service)
    running.run(lambda w: w.evcc.session.loops == 3)
    running.view = replace(running.view, limits=replace(STATION_LIMITS, charge_w=2_300.0, charge_a=5.0))
    running.run(lambda w: w.evcc.session.loops == 6)
    if service.dc:
        last = bodies(running, "CurrentDemandReq")[-1]
        assert last.EVTargetCurrent.value == pytest.approx(5.0)
        assert answers(running, "CurrentDemandRes")[-1].EVSEMaximumPowerLimit.value == 2_300
    else:
        assert running.evcc.command.charger_w == pytest.approx(2_300.0, rel=0.01)
        assert answers(running, "ChargingStatusRes")[-1].EVSEMaxCurrent.value == pytest.approx(2_300 / 690, abs=0.001)


def test_a_limit_never_rises_above_the_promise() -> None:
    running = world(D2, Service.DC)
    running.run(lambda w: w.evcc.session.loops == 3)
    running.view = replace(running.view, limits=replace(STATION_LIMITS, charge_w=99_000.0, charge_a=300.0))
    running.run(lambda w: w.evcc.session.loops == 5)
    last = answers(running, "CurrentDemandRes")[-1]
    assert (last.EVSEMaximumPowerLimit.value, last.EVSEMaximumCurrentLimit.value) == (22_000, 60)


@EVERY
def test_the_station_asks_to_stop_and_the_car_stops_in_order(edition: Edition, service: Service) -> None:
    running = world(edition, service)
    running.run(lambda w: w.evcc.session.loops == 3)
    running.view = replace(running.view, stop=Stop.TERMINATE)
    running.run()
    assert running.evcc.end is not None
    assert (running.evcc.end.fault, running.evcc.end.reason) == (None, "the station asked to end")
    assert running.evcc.session.loops <= 5
    assert running.names[-1] == "SessionStopReq"


@EVERY
def test_a_failed_station_says_so_and_the_car_opens(edition: Edition, service: Service) -> None:
    running = world(edition, service)
    running.run(lambda w: w.evcc.session.loops == 3)
    engine = running.station.engine
    assert engine is not None
    engine.fail(Refusal(Code.FAILED, "somebody pressed it", Fault.EMERGENCY_STOP), running.now, running.view)
    running.run()
    last: Any = running.responses[-1]
    said = last.Body.BodyElement
    assert said.ResponseCode.value == "FAILED"
    if service.dc:
        assert said.DC_EVSEStatus.EVSEStatusCode.value == "EVSE_EmergencyShutdown"
    assert running.evcc.command == Command()
    assert running.evcc.end is not None


@pytest.mark.parametrize("service", [Service.AC, Service.DC])
def test_a_better_schedule_is_renegotiated(service: Service) -> None:
    """In DC through cable check and pre-charge again, with both contactors open in between [V2G2-582]."""
    running = world(D2, service, wants={"duration_s": 4.0}, view=view(schedule=(Slot(86_400, 3_000, 0),)))
    running.run(lambda w: w.evcc.session.loops == 5)
    running.view = replace(running.view, renegotiate=True, schedule=(Slot(86_400, 9_000, 0),))
    running.run(lambda w: w.evcc.phase is Phase.CHARGE_PARAMETERS)
    assert running.evcc.command.contactor_closed is False
    assert running.station.demand.stage.name == ("OFF" if service.dc else "READY")
    running.view = replace(running.view, renegotiate=False)
    running.run()
    assert running.evcc.end is not None
    assert (running.evcc.end.fault, running.station.end and running.station.end.fault) == (None, None)
    first, again = bodies(running, "PowerDeliveryReq")[0], bodies(running, "PowerDeliveryReq")[2]
    planned = [each.ChargingProfile.ProfileEntry[0].ChargingProfileEntryMaxPower.value for each in (first, again)]
    assert planned == [3_000, 9_000]
    assert len(bodies(running, "CableCheckReq")) == (4 if service.dc else 0)


def test_in_dc_a_lower_limit_asks_for_no_other_schedule() -> None:
    """It would cost a cable check, and CurrentDemandRes says it all."""
    running = world(D2, Service.DC)
    running.run(lambda w: w.evcc.session.loops == 3)
    running.view = replace(running.view, renegotiate=True, limits=replace(STATION_LIMITS, charge_w=2_000.0))
    running.run()
    assert [each.ChargeProgress.value for each in bodies(running, "PowerDeliveryReq")] == ["Start", "Stop"]


@pytest.mark.parametrize("service", [Service.AC, Service.DC])
def test_a_paused_session_is_taken_up_again(service: Service) -> None:
    """The id is all that identifies it [V2G2-753]; the whole set-up comes again, with the same offers [V2G2-741]."""
    first = world(D2, service, wants={"pause": True}).run()
    assert first.evcc.end is not None
    kept, theirs = first.evcc.end.paused, first.station.end and first.station.end.paused
    assert kept is not None
    assert isinstance(theirs, Paused)
    assert kept.session_id == theirs.session_id
    both = Offer("DE*ABC*E1", (Service.AC, Service.DC))
    again = world(D2, service, car_paused=kept, station_paused=theirs, offer=both).run()
    [setup] = answers(again, "SessionSetupRes")
    assert setup.ResponseCode is iso2.ResponseCode.OK_OldSessionJoined  # [V2G2-754]
    [offered] = answers(again, "ServiceDiscoveryRes")
    modes = offered.ChargeService.SupportedEnergyTransferMode.EnergyTransferMode
    assert all(mode.value.startswith(service.name) for mode in modes)
    assert again.evcc.end is not None
    assert again.evcc.end.fault is None


def test_a_paused_session_of_another_car_is_not_joined() -> None:
    first = world(D2, Service.DC, wants={"pause": True}).run()
    assert first.evcc.end is not None
    theirs = first.station.end and first.station.end.paused
    stranger = world(
        D2, Service.DC, car_paused=first.evcc.end.paused, station_paused=theirs, wants={"evcc_id": "02:00:00:00:00:07"}
    ).run()
    [setup] = answers(stranger, "SessionSetupRes")
    assert setup.ResponseCode is iso2.ResponseCode.OK_NewSessionEstablished  # [V2G2-756]


@DC_KINDS
@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("EVSE_EmergencyShutdown", Fault.EMERGENCY_STOP),
        ("EVSE_Malfunction", Fault.INVERTER_FAULT),
        ("EVSE_UtilityInterruptEvent", Fault.GRID),
    ],
)
def test_a_status_that_comes_with_ok_ends_it_all_the_same(edition: Edition, code: str, fault: Fault) -> None:
    messages = iso2 if edition is D2 else din
    running = world(edition, Service.DC)
    running.run(lambda w: w.evcc.session.loops == 3)
    status = messages.DC_EVSEStatus(
        NotificationMaxDelay=0,
        EVSENotification=messages.EVSENotification.None_,
        EVSEStatusCode=messages.DC_EVSEStatusCode[code],
    )
    running.tamper = changing("CurrentDemandRes", DC_EVSEStatus=status)
    running.run()
    assert running.evcc.session.loops == 4
    assert running.evcc.end is not None
    assert running.evcc.end.fault is fault
    assert running.names[-3:] == ["PowerDeliveryReq", "WeldingDetectionReq", "SessionStopReq"]


@EVERY
def test_a_car_ends_at_another_session_id(edition: Edition, service: Service) -> None:
    """As one public charger does it."""

    def tamper(response: Type) -> Type:
        changed: Any = response
        if body_name(response) != "ServiceDiscoveryRes":
            return response
        changed = msgspec.structs.replace(
            changed, Header=msgspec.structs.replace(changed.Header, SessionID=b"\x99" * 8)
        )
        assert isinstance(changed, Type)
        return changed

    done = world(edition, service, tamper=tamper).run()
    assert done.evcc.end is not None
    assert done.evcc.end.fault is Fault.UNKNOWN_SESSION
    assert done.names[-1] == "ServiceDiscoveryReq"


def test_a_car_waits_for_a_person_as_long_as_it_takes_and_a_din_car_a_minute() -> None:
    def release(w: World) -> bool:
        if w.now > 50.0:
            w.view = replace(w.view, authorization=Authorization.ACCEPTED)
        return False

    waiting = world(D2, Service.DC, view=view(authorization=Authorization.PENDING)).run(release)
    assert waiting.evcc.end is not None
    assert waiting.evcc.end.fault is None
    never = world(DIN, Service.DC, view=view(authorization=Authorization.PENDING)).run()
    assert never.evcc.end is not None
    assert never.evcc.end.fault is not None
    assert 50 < never.now < 62


def test_nobody_lets_it_in_is_no_failed_in_iso_2_and_one_in_din() -> None:
    """[V2G2-854]: the connection is closed in the end."""
    refused = world(D2, Service.DC, view=view(authorization=Authorization.REJECTED))
    refused.run(lambda w: w.station.end is not None)
    assert refused.station.end is not None
    assert refused.station.end.fault is Fault.AUTHORIZATION
    assert {each.ResponseCode.value for each in answers(refused, "AuthorizationRes")} == {"OK"}
    old = world(DIN, Service.DC, view=view(authorization=Authorization.REJECTED)).run()
    [answer] = answers(old, "ContractAuthenticationRes")
    assert answer.ResponseCode is din.ResponseCode.FAILED


@DC_KINDS
def test_the_driver_stops_in_pre_charge(edition: Edition) -> None:
    """SessionStop is admitted there."""
    running = world(edition, Service.DC, wants={"duration_s": None})
    running.run(lambda w: w.evcc.phase is Phase.PRECHARGED)
    running.driver = Stop.TERMINATE
    running.run()
    assert running.names[-2:] == ["PreChargeReq", "SessionStopReq"]
    assert running.evcc.end is not None
    assert running.evcc.end.fault is None


def test_a_welded_contactor_is_found() -> None:
    done = world(D2, Service.DC, welded=True)
    done.run()
    assert done.evcc.end is not None
    assert done.evcc.end.fault is Fault.CONTACTOR


def test_limits_of_the_car_are_those_of_its_intent() -> None:
    done = world(D2, Service.AC)
    done.run(lambda w: w.evcc.session.loops == 1)
    [asked] = bodies(done, "ChargeParameterDiscoveryReq")
    assert asked.EVChargeParameter.EVMaxCurrent.value == pytest.approx(CAR_LIMITS.charge_w / 690, abs=0.001)
    assert asked.RequestedEnergyTransferMode is iso2.EnergyTransferMode.AC_three_phase_core
