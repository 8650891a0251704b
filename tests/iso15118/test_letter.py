"""ISO 15118-20 by the letter: what other stacks and their test suites expect of a station, each with its number."""

from copy import copy
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.iso15118.requests import (
    DC_DYNAMIC,
    ac_scheduled_loop,
    charge_only,
    dc_loop,
    every_request,
    exi,
    header,
    number,
    payload_type_of,
    power_delivery,
    session_stop,
)
from tests.iso15118.test_secc_engine import AC_OFFER, LIMITS, OFFER, PEER, READY, Car, code

from v2g.exi.facets import Type
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Authorization, Meter, Offer, Stage, Stop
from v2g.kernel.fault import Fault
from v2g.messages.iso20 import common, dc
from v2g.messages.iso20.common import ChargeProgress
from v2g.messages.iso20.types import EvseNotification, Processing, ResponseCode
from v2g.v2gtp.framing import PayloadType

METER = Meter("meter", 1_200, 300)


def precharge(car: Car, processing: Processing, target_v: float = 400) -> Type:
    return changed(car.requests()["DC_PreChargeReq"], EVProcessing=processing, EVTargetVoltage=number(target_v))


def deliver(car: Car, progress: ChargeProgress, processing: Processing = Processing.Finished) -> ResponseCode:
    return code(car.ask(changed(power_delivery(car.session_id, progress), EVProcessing=processing)))


def test_precharge_goes_on_while_the_car_says_ongoing() -> None:
    """[V2G20-2005]"""
    car = Car().walk(Phase.PRECHARGE)
    for _ in range(3):
        assert code(car.ask(precharge(car, Processing.Ongoing))) is ResponseCode.OK
        assert car.secc.session.phase is Phase.PRECHARGING
        assert car.secc.demand.stage is Stage.PRECHARGE


def test_a_car_that_does_not_say_finished_needs_the_voltage_all_the_same() -> None:
    """Josev's car goes on to power as soon as the voltage is there; by the letter it says Finished [V2G20-2005]."""
    for voltage_v, expected in ((379, ResponseCode.FAILED_PowerDeliveryNotApplied), (395, ResponseCode.OK)):
        car = Car().walk(Phase.PRECHARGE)
        car.ask(precharge(car, Processing.Ongoing))
        car.view = replace(READY, voltage_v=voltage_v)
        assert deliver(car, ChargeProgress.Start, Processing.Ongoing) is ResponseCode.OK
        assert car.secc.session.phase is Phase.PRECHARGED
        assert deliver(car, ChargeProgress.Start) is expected


def test_power_needs_a_precharge() -> None:
    assert deliver(Car().walk(Phase.PRECHARGE), ChargeProgress.Start) is ResponseCode.FAILED_SequenceError


def test_power_delivery_follows_a_finished_precharge() -> None:
    """[V2G20-2006]"""
    car = Car().walk(Phase.PRECHARGED)
    assert code(car.ask(precharge(car, Processing.Finished))) is ResponseCode.FAILED_SequenceError
    assert deliver(Car().walk(Phase.PRECHARGED), ChargeProgress.Start) is ResponseCode.OK


@pytest.mark.parametrize("offer", [OFFER, AC_OFFER], ids=["DC", "AC"])
@pytest.mark.parametrize("progress", ChargeProgress)
def test_power_is_used_at_least_once(offer: object, progress: ChargeProgress) -> None:
    """[V2G20-2009], [V2G20-2010]: what follows Start is the charge loop, not another PowerDelivery."""
    car = Car(offer).walk(Phase.STARTED)  # type: ignore[arg-type]
    assert deliver(car, progress) is ResponseCode.FAILED_SequenceError
    assert car.secc.demand.stage is Stage.OFF


@pytest.mark.parametrize("offer", [AC_OFFER, OFFER], ids=["AC", "DC"])
def test_the_charge_loop_goes_on_or_ends(offer: Offer) -> None:
    """[V2G20-2012], [V2G20-2013]: SessionStop is not the way out of it."""
    car = Car(offer).walk(Phase.CHARGE_LOOP)
    loop = car.requests()["DC_ChargeLoopReq" if offer is OFFER else "AC_ChargeLoopReq"]
    assert code(car.ask(loop)) is ResponseCode.OK
    answer = car.ask(session_stop(car.session_id, common.ChargingSession.Terminate))
    assert code(answer) is ResponseCode.FAILED_SequenceError


@pytest.mark.parametrize("progress", ChargeProgress)
@pytest.mark.parametrize(
    "phase", [Phase.PRECHARGED, Phase.POWER_DELIVERY, Phase.CHARGE_LOOP], ids=lambda each: each.name
)
def test_an_ongoing_power_delivery_changes_nothing(phase: Phase, progress: ChargeProgress) -> None:
    """[V2G20-2007]"""
    car = Car(AC_OFFER if phase is Phase.POWER_DELIVERY else OFFER).walk(phase)
    before, deadline = car.secc.session, car.secc.next_deadline()
    assert deliver(car, progress, Processing.Ongoing) is ResponseCode.OK
    assert car.secc.session == before
    if phase is Phase.CHARGE_LOOP:
        assert car.secc.next_deadline() == deadline, "it does not keep energy flowing either"


@pytest.mark.parametrize("phase", [Phase.PRECHARGED, Phase.POWER_DELIVERY], ids=lambda each: each.name)
def test_there_is_nothing_to_renegotiate_before_power(phase: Phase) -> None:
    """[V2G20-2018]"""
    car = Car(AC_OFFER if phase is Phase.POWER_DELIVERY else OFFER).walk(phase)
    assert deliver(car, ChargeProgress.ScheduleRenegotiation) is ResponseCode.FAILED_SequenceError
    assert car.secc.end is not None
    assert car.secc.end.fault is Fault.SEQUENCE_ERROR


@pytest.mark.parametrize("offer", [OFFER, AC_OFFER], ids=["DC", "AC"])
def test_the_first_turn_of_the_loop_has_the_meter_unasked(offer: Offer) -> None:
    """[V2G20-1833]; later turns only if the car asks [V2G20-1082]."""
    car = Car(offer, replace(READY, meter=METER)).walk(Phase.STARTED)
    request = car.requests()["DC_ChargeLoopReq" if offer is OFFER else "AC_ChargeLoopReq"]
    asked = [car.ask(changed(request, MeterInfoRequested=wants)) for wants in (False, False, True)]
    readings = [answer.MeterInfo for answer in asked]  # type: ignore[attr-defined]
    assert [None if each is None else each.ChargedEnergyReadingWh for each in readings] == [1_200, None, 1_200]


def test_without_a_meter_there_is_no_reading() -> None:
    car = Car().walk(Phase.STARTED)
    assert car.ask(changed(dc_loop(car.session_id), MeterInfoRequested=True)).MeterInfo is None  # type: ignore[attr-defined]
    car.view = replace(READY, meter=METER)
    assert car.ask(dc_loop(car.session_id)).MeterInfo is not None, "the first that there is"  # type: ignore[attr-defined]


def test_energy_that_was_not_fed_is_not_named() -> None:
    """Josev's car does not know the element by its name."""
    for discharged_wh, expected in ((0, None), (300, 300)):
        car = Car(view=replace(READY, meter=Meter("meter", 0, discharged_wh))).walk(Phase.STARTED)
        assert car.ask(dc_loop(car.session_id)).MeterInfo.BPT_DischargedEnergyReadingWh == expected  # type: ignore[attr-defined]


def test_minima_do_not_fall_below_the_promise() -> None:
    """[V2G20-2655]; and maxima do not rise above it [V2G20-2654]."""
    promised = replace(LIMITS, charge_min_w=500, discharge_min_w=400, voltage_min_v=150)
    car = Car(view=replace(READY, limits=promised)).walk(Phase.STARTED)
    car.view = replace(READY, limits=replace(LIMITS, charge_w=99_000, voltage_min_v=50))
    control = car.ask(dc_loop(car.session_id)).CLResControlMode  # type: ignore[attr-defined]
    assert control.EVSEMinimumChargePower.value == 500
    assert control.EVSEMinimumDischargePower.value == 400
    assert control.EVSEMinimumVoltage.value == 150
    assert control.EVSEMaximumChargePower.value == 15_000


@pytest.mark.parametrize(("service", "parameter_set"), [(99, 1), (1, 1), (2, 1), (6, 3)])
def test_only_a_pair_that_the_car_was_given_can_be_selected(service: int, parameter_set: int) -> None:
    """[V2G20-433], [V2G20-467]; 2 is offered, but its detail was never asked for [V2G20-1216]."""
    car = Car().walk(Phase.SERVICE_SELECTION)
    assert car.secc.session.detailed == (Service.DC_BPT,)
    selected = common.SelectedService(service, parameter_set)
    request = common.ServiceSelectionReq(header(car.session_id), SelectedEnergyTransferService=selected)
    assert code(car.ask(request)) is ResponseCode.FAILED_ServiceSelectionInvalid


def test_both_control_modes_are_offered() -> None:
    """[V2G20-2656]"""
    car = Car(Offer("DE*V2G*E1", (Service.DC_BPT,))).walk(Phase.SERVICE_DETAIL)
    answer = car.ask(car.requests()["ServiceDetailReq"])
    sets = answer.ServiceParameterList.ParameterSet  # type: ignore[attr-defined]
    modes = [each.intValue for parameters in sets for each in parameters.Parameter if each.Name == "ControlMode"]
    assert modes == [ControlMode.DYNAMIC, ControlMode.SCHEDULED]


def test_the_power_that_a_scheduled_car_names_is_wished_at_once() -> None:
    """[V2G20-2183], [V2G20-2187]: its current, times the voltage that the station measures."""
    car = Car(replace(OFFER, modes=(ControlMode.SCHEDULED,))).walk(Phase.STARTED)
    request = car.requests()["DC_ChargeLoopReq"]
    wished_w = []
    for current_a in (20, -10, 0):
        control = changed(request.CLReqControlMode, EVTargetCurrent=number(current_a))  # type: ignore[attr-defined]
        car.ask(changed(request, CLReqControlMode=control, EVPresentVoltage=number(1)))
        wished_w.append(car.secc.demand.wish_w)
    assert wished_w == [8_000, -4_000, 0]


def test_details_of_a_service_that_was_not_offered() -> None:
    """[V2G20-425], [V2G20-464]"""
    car = Car().walk(Phase.SERVICE_DETAIL)
    request = common.ServiceDetailReq(header(car.session_id), ServiceID=99)
    assert code(car.ask(request)) is ResponseCode.FAILED_ServiceIDInvalid


@pytest.mark.parametrize("supported", [None, [2], [99], [1, 5]])
def test_what_a_car_supports_does_not_filter_energy_services(supported: list[int] | None) -> None:
    """[V2G20-1249]; it need not say it at all [V2G20-1248]."""
    car = Car().walk(Phase.SERVICE_DISCOVERY)
    listed = None if supported is None else common.ServiceIDList(supported)
    answer = car.ask(common.ServiceDiscoveryReq(header(car.session_id), SupportedServiceIDs=listed))
    assert code(answer) is ResponseCode.OK
    assert [each.ServiceID for each in answer.EnergyTransferServiceList.Service] == [6, 2]  # type: ignore[attr-defined]


def test_a_service_is_chosen_again_from_the_same_offer_by_the_same_rules() -> None:
    """The station says each time that it can do that [V2G20-1931], [V2G20-1932]; what was given before is forgotten
    [V2G20-1216]."""
    car = Car().walk(Phase.SERVICE_DISCOVERY)
    first = car.ask(common.ServiceDiscoveryReq(header(car.session_id)))
    car = Car().walk(Phase.WELDING_DETECTION)
    car.ask(session_stop(car.session_id, common.ChargingSession.ServiceRenegotiation))
    again = car.ask(common.ServiceDiscoveryReq(header(car.session_id)))
    assert changed(again, Header=first.Header) == first  # type: ignore[attr-defined]
    assert first.ServiceRenegotiationSupported  # type: ignore[attr-defined]
    car.ask(common.ServiceDetailReq(header(car.session_id), ServiceID=2))
    before = common.SelectedService(6, 1)
    request = common.ServiceSelectionReq(header(car.session_id), SelectedEnergyTransferService=before)
    assert code(car.ask(request)) is ResponseCode.FAILED_ServiceSelectionInvalid, "its detail was not asked for again"


def test_external_identification_is_all_that_is_offered() -> None:
    """[V2G20-1220], [V2G20-2567]"""
    car = Car().walk(Phase.AUTHORIZATION_SETUP)
    answer = car.ask(common.AuthorizationSetupReq(header(car.session_id)))
    assert answer.AuthorizationServices == [common.Authorization.EIM]  # type: ignore[attr-defined]
    assert answer.EIM_ASResAuthorizationMode is not None  # type: ignore[attr-defined]
    assert answer.PnC_ASResAuthorizationMode is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("verdict", "expected", "processing"),
    [
        (Authorization.PENDING, ResponseCode.OK, Processing.Ongoing_WaitingForCustomerInteraction),
        (Authorization.ACCEPTED, ResponseCode.OK, Processing.Finished),
        (Authorization.REJECTED, ResponseCode.WARNING_EIMAuthorizationFailure, Processing.Finished),
    ],
)
def test_an_authorization_is_finished_once_it_is_decided(
    verdict: Authorization, expected: ResponseCode, processing: Processing
) -> None:
    """[V2G20-1200], [V2G20-2219], [V2G20-2230]"""
    car = Car(view=replace(READY, authorization=verdict)).walk(Phase.AUTHORIZATION)
    answer = car.ask(car.requests()["AuthorizationReq"])
    assert (code(answer), answer.EVSEProcessing) == (expected, processing)  # type: ignore[attr-defined]
    assert (car.secc.session.phase is Phase.SERVICE_DISCOVERY) == (verdict is Authorization.ACCEPTED)


def test_an_authorization_service_that_was_not_offered() -> None:
    """[V2G20-2209], [V2G20-2226]: a warning, whatever is known of the car."""
    chain = common.ContractCertificateChain(b"leaf", common.SubCertificates([b"authority"]))
    contract = common.PnC_AReqAuthorizationMode(bytes(16), chain, Id="id1")
    car = Car().walk(Phase.AUTHORIZATION)
    answer = car.ask(
        common.AuthorizationReq(header(car.session_id), common.Authorization.PnC, PnC_AReqAuthorizationMode=contract)
    )
    assert code(answer) is ResponseCode.WARNING_AuthorizationSelectionInvalid
    assert car.secc.session.phase is Phase.AUTHORIZATION


def test_a_schedule_is_finished_once_there_is_one() -> None:
    """[V2G20-1987]"""
    car = Car(replace(OFFER, modes=(ControlMode.SCHEDULED,)), replace(READY, schedule=()))
    car.walk(Phase.SCHEDULE_EXCHANGE)
    said = []
    for view in (car.view, READY):
        car.view = view
        said.append(car.ask(car.requests()["ScheduleExchangeReq"]).EVSEProcessing)  # type: ignore[attr-defined]
    assert said == [Processing.Ongoing, Processing.Finished]
    assert car.secc.session.phase is Phase.CABLE_CHECK


def tuple_id(car: Car) -> int:
    control = car.ask(car.requests()["ScheduleExchangeReq"]).Scheduled_SEResControlMode  # type: ignore[attr-defined]
    [offered] = control.ScheduleTuple
    number: int = offered.ScheduleTupleID
    return number


def test_each_schedule_of_a_session_has_a_number_of_its_own() -> None:
    """[V2G20-1058]: after a renegotiation of schedule or service, and after a pause."""
    offer = replace(OFFER, modes=(ControlMode.SCHEDULED,))
    car = Car(offer, peer=PEER).walk(Phase.SCHEDULE_EXCHANGE)
    ids = [tuple_id(car)]
    for name in (*["DC_CableCheckReq"] * 2, "DC_PreChargeReq", "PowerDeliveryReq", "DC_ChargeLoopReq"):
        assert not code(car.ask(car.requests()[name])).startswith("FAILED")
    deliver(car, ChargeProgress.ScheduleRenegotiation)
    ids.append(tuple_id(car))
    car.ask(session_stop(car.session_id, common.ChargingSession.Pause))
    assert car.secc.end is not None
    again = Car(offer, peer=PEER, paused=car.secc.end.paused)
    again.ask(every_request(car.session_id)[0])
    assert code(again.ask(again.requests()["DC_ChargeParameterDiscoveryReq"])) is ResponseCode.OK
    ids.append(tuple_id(again))
    assert ids == [1, 2, 3]


def test_a_profile_of_an_earlier_schedule_is_refused() -> None:
    car = Car(replace(OFFER, modes=(ControlMode.SCHEDULED,))).walk(Phase.CHARGE_LOOP)
    deliver(car, ChargeProgress.ScheduleRenegotiation)
    assert tuple_id(car) == 2
    entries = common.EVPowerProfileEntryList([common.PowerScheduleEntry(60, number(0))])
    for chosen, expected in ((1, ResponseCode.FAILED_ScheduleSelectionInvalid), (2, ResponseCode.OK)):
        profile = common.EVPowerProfile(
            0,
            Scheduled_EVPPTControlMode=common.Scheduled_EVPPTControlMode(
                chosen, common.PowerToleranceAcceptance.PowerToleranceConfirmed
            ),
            EVPowerProfileEntries=entries,
        )
        with_profile = copy(car.secc)
        request = power_delivery(car.session_id, ChargeProgress.Start, profile)
        [answer] = car.answers(with_profile.receive(payload_type_of(request), exi(request), car.now, car.view))
        assert code(answer) is expected


@pytest.mark.parametrize("price_levels", [False, True])
def test_schedules_have_prices_only_if_the_station_is_so_configured(price_levels: bool) -> None:
    """[V2G20-2176]"""
    car = Car(replace(OFFER, modes=(ControlMode.SCHEDULED,), price_levels=price_levels)).walk(Phase.SCHEDULE_EXCHANGE)
    control = car.ask(car.requests()["ScheduleExchangeReq"]).Scheduled_SEResControlMode  # type: ignore[attr-defined]
    [schedules] = control.ScheduleTuple
    for schedule in (schedules.ChargingSchedule, schedules.DischargingSchedule):
        assert (schedule.PriceLevelSchedule is not None) == price_levels
        assert schedule.AbsolutePriceSchedule is None


def test_powers_to_a_car_without_powers_for_each_phase_are_over_all_of_them() -> None:
    """[V2G20-1822]"""
    car, later = Car(AC_OFFER).walk(Phase.CHARGE_PARAMETERS), Car(AC_OFFER).walk(Phase.STARTED)
    parameters = car.ask(car.requests()["AC_ChargeParameterDiscoveryReq"])
    loop = later.ask(later.requests()["AC_ChargeLoopReq"])
    sent = (parameters.AC_CPDResEnergyTransferMode, loop.CLResControlMode)  # type: ignore[attr-defined]
    each = {
        name: getattr(mode, name) for mode in sent for name in mode.__struct_fields__ if name[-3:] in ("_L2", "_L3")
    }
    assert each
    assert set(each.values()) == {None}


def test_a_session_that_was_terminated_is_forgotten() -> None:
    """[V2G20-1080]"""
    car = Car(peer=PEER).walk(Phase.WELDING_DETECTION)
    car.ask(session_stop(car.session_id, common.ChargingSession.Terminate))
    assert car.secc.end is not None
    assert car.secc.end.paused is None


def test_a_car_that_may_use_nothing_is_not_offered_anything() -> None:
    car = Car(replace(OFFER, services=(Service.DC_BPT,)), replace(READY, may_discharge=False))
    car.walk(Phase.SERVICE_DISCOVERY)
    assert code(car.ask(common.ServiceDiscoveryReq(header(car.session_id)))) is ResponseCode.FAILED


def test_wrong_parameters_have_their_code_in_charge_parameter_discovery_only() -> None:
    """[V2G20-1619], [V2G20-2272]; elsewhere a plain FAILED."""
    car = Car().walk(Phase.CHARGE_PARAMETERS)
    plain = charge_only(car.requests()["DC_ChargeParameterDiscoveryReq"])
    assert code(car.ask(plain)) is ResponseCode.FAILED_WrongChargeParameter
    car = Car(AC_OFFER).walk(Phase.CHARGE_PARAMETERS)
    plain = charge_only(car.requests()["AC_ChargeParameterDiscoveryReq"])
    assert code(car.ask(plain)) is ResponseCode.FAILED_WrongChargeParameter
    car = Car().walk(Phase.SCHEDULE_EXCHANGE)
    scheduled = changed(
        car.requests()["ScheduleExchangeReq"],
        Dynamic_SEReqControlMode=None,
        Scheduled_SEReqControlMode=common.Scheduled_SEReqControlMode(),
    )
    assert code(car.ask(scheduled)) is ResponseCode.FAILED
    car = Car().walk(Phase.PRECHARGE)
    assert code(car.ask(precharge(car, Processing.Ongoing, target_v=2_000))) is ResponseCode.FAILED
    car = Car().walk(Phase.STARTED)
    other = dc.Dynamic_DC_CLReqControlMode(**DC_DYNAMIC)
    assert code(car.ask(dc_loop(car.session_id, other))) is ResponseCode.FAILED
    car = Car(AC_OFFER).walk(Phase.STARTED)
    assert code(car.ask(ac_scheduled_loop(car.session_id, 0))) is ResponseCode.FAILED


@pytest.mark.parametrize("offer", [OFFER, AC_OFFER], ids=["DC", "AC"])
def test_a_stop_before_power_is_a_notification_not_a_fault(offer: object) -> None:
    """[V2G20-1402]: the car learns of it with PowerDelivery, takes one turn of the loop, and ends in order."""
    car = Car(offer).walk(Phase.PRECHARGED if offer is OFFER else Phase.POWER_DELIVERY)  # type: ignore[arg-type]
    car.view = replace(READY, stop=Stop.TERMINATE)
    answer = car.ask(power_delivery(car.session_id, ChargeProgress.Start))
    assert code(answer) is ResponseCode.OK
    assert answer.EVSEStatus.EVSENotification is EvseNotification.Terminate  # type: ignore[attr-defined]
    car.ask(car.requests()["DC_ChargeLoopReq" if offer is OFFER else "AC_ChargeLoopReq"])
    car.view = replace(READY, stop=Stop.TERMINATE, contactor_closed=False)
    assert deliver(car, ChargeProgress.Stop) is ResponseCode.OK
    car.ask(session_stop(car.session_id, common.ChargingSession.Terminate))
    assert car.secc.end is not None
    assert car.secc.end.fault is None


@pytest.mark.parametrize(("wish", "delay_s"), [(Stop.PAUSE, 60), (Stop.TERMINATE, 0)])
def test_a_car_that_is_asked_to_pause_has_a_minute(wish: Stop, delay_s: int) -> None:
    """[V2G20-1850]"""
    car = Car(view=replace(READY, stop=wish)).walk(Phase.STARTED)
    status = car.ask(dc_loop(car.session_id)).EVSEStatus  # type: ignore[attr-defined]
    assert status.NotificationMaxDelay == delay_s


def test_a_wish_to_stop_outweighs_a_renegotiation() -> None:
    car = Car(view=replace(READY, renegotiate=True)).walk(Phase.STARTED)
    status = car.ask(dc_loop(car.session_id)).EVSEStatus  # type: ignore[attr-defined]
    assert status.EVSENotification is EvseNotification.ScheduleRenegotiation
    car.view = replace(car.view, stop=Stop.TERMINATE)
    status = car.ask(dc_loop(car.session_id)).EVSEStatus  # type: ignore[attr-defined]
    assert status.EVSENotification is EvseNotification.Terminate


@pytest.mark.parametrize("watts", [32_767, 32_768, 32_769, 40_005, 11_040, 1, 0, 327_679, 0.05])
def test_limits_are_never_rounded_up(watts: float) -> None:
    """32768 W has no room as such: 3277e1 would promise 2 W too many."""
    limits = replace(LIMITS, charge_w=watts, discharge_w=watts)
    car = Car(view=replace(READY, limits=limits)).walk(Phase.CHARGE_PARAMETERS)
    answer = car.ask(car.requests()["DC_ChargeParameterDiscoveryReq"])
    sent = answer.DC_CPDResEnergyTransferMode  # type: ignore[attr-defined]
    for value in (sent.EVSEMaximumChargePower.value, sent.EVSEMaximumDischargePower.value):
        assert value <= watts
        assert value == pytest.approx(watts, rel=0.001, abs=0.001)


def test_ac_target_only_where_the_station_has_one() -> None:
    """A scheduled car follows its schedule; a power to hold to is sent if there is one, and only then."""
    car = Car(replace(AC_OFFER, services=(Service.AC,), modes=(ControlMode.SCHEDULED,)))
    car.walk(Phase.STARTED)
    sent = []
    for target_w in (None, 4_000.0, 0.0):
        car.view = replace(READY, target_w=target_w)
        control = car.ask(ac_scheduled_loop(car.session_id, 3_000)).CLResControlMode  # type: ignore[attr-defined]
        sent.append(None if control.EVSETargetActivePower is None else control.EVSETargetActivePower.value)
    assert sent == [None, 4_000, 0]


def test_a_resumed_session_is_that_of_the_same_car_and_identity() -> None:
    """[V2G20-2545], [V2G20-2626]: another name, or a car that is refused now, begins again."""
    first = Car(peer=PEER).walk(Phase.WELDING_DETECTION)
    first.ask(session_stop(first.session_id, common.ChargingSession.Pause))
    assert first.secc.end is not None
    paused = first.secc.end.paused
    assert paused is not None
    request = every_request(paused.session_id)[0]
    other = Car(peer=PEER, paused=paused)
    assert code(other.ask(changed(request, EVCCID="OTHER"))) is ResponseCode.OK_NewSessionEstablished
    refused = Car(view=replace(READY, authorization=Authorization.REJECTED), peer=PEER, paused=paused)
    assert code(refused.ask(request)) is ResponseCode.OK_NewSessionEstablished
    assert refused.session_id != paused.session_id


@pytest.mark.parametrize(
    "offer",
    [replace(OFFER, services=(Service.DC,)), replace(OFFER, modes=(ControlMode.SCHEDULED,))],
    ids=["service", "mode"],
)
def test_what_is_offered_no_longer_is_not_resumed(offer: Offer) -> None:
    first = Car(peer=PEER).walk(Phase.WELDING_DETECTION)
    assert first.secc.session.selected.mode is ControlMode.DYNAMIC
    first.ask(session_stop(first.session_id, common.ChargingSession.Pause))
    assert first.secc.end is not None
    again = Car(offer, peer=PEER, paused=first.secc.end.paused)
    assert code(again.ask(every_request(first.session_id)[0])) is ResponseCode.OK_NewSessionEstablished


def test_a_message_under_the_wrong_payload_type_is_named() -> None:
    car = Car().walk(Phase.SERVICE_DISCOVERY)
    payload = exi(common.ServiceDiscoveryReq(header(car.session_id)))
    assert car.secc.receive(PayloadType.DC, payload, car.now, car.view).send == []
    assert car.secc.end is not None
    assert car.secc.end.fault is Fault.EXI_DECODE
    assert car.secc.end.reason.endswith("; under payload type 0x8002 it is ServiceDiscoveryReq")
