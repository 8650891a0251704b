"""Cases of ISO 15118-20 from the first message to the start of energy transfer."""

import re
from importlib import import_module
from typing import Any

from msgspec import structs

from v2g.bench.conformance.derived import FOREIGN, session_id
from v2g.bench.conformance.hand import Hand, changed
from v2g.bench.conformance.iso20_scenes import (
    AC_DYNAMIC,
    BOTH,
    CONTRACT,
    DC,
    DC_DYNAMIC,
    DER,
    EVERY,
    REFUSED,
    UNDECIDED,
    case,
)
from v2g.kernel.durations import DAY_S
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import Processing, RationalNumber

# Set-up


@case("the protocol that the car ranks highest among those in common", "167 169", *BOTH)
def _protocol(hand: Hand) -> None:
    due = hand.reach("supportedAppProtocolReq")
    entry = due.AppProtocol[0]
    unknown = structs.replace(entry, ProtocolNamespace="urn:nobody:speaks:this", SchemaID=1, Priority=1)
    last, wanted = structs.replace(entry, SchemaID=201, Priority=20), structs.replace(entry, SchemaID=77, Priority=5)
    answer = hand.accepts(structs.replace(due, AppProtocol=[last, unknown, wanted]))
    hand.true(answer.SchemaID == 77, f"SchemaID {answer.SchemaID} is chosen, not that of the highest priority")


@case("no protocol in common", "169", DC)
def _no_protocol(hand: Hand) -> None:
    due = hand.reach("supportedAppProtocolReq")
    unknown = structs.replace(due.AppProtocol[0], ProtocolNamespace="urn:nobody:speaks:this")
    hand.refuses(structs.replace(due, AppProtocol=[unknown]), "Failed_NoNegotiation")


@case("the EVSE id", "192", DC)
def _evse_id(hand: Hand) -> None:
    hand.reach("AuthorizationSetupReq")
    found = hand.answers[-1].EVSEID
    form = r"[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9][A-Z0-9*]{0,30}"
    hand.true(found == "ZZ00000" or re.fullmatch(form, found), f"EVSEID {found} does not have the form of Annex C")


@case("session ids are new, random, and none is zero", "835 2106 2608 2621", DC)
def _session_ids(hand: Hand) -> None:
    seen = set()
    for _ in range(4):
        hand.come()
        hand.reach("AuthorizationSetupReq")
        seen.add(session_id(hand))
        hand.leave()
    hand.true(bytes(8) not in seen, "a session id is zero")
    hand.true(len(seen) == 4, "a session id comes twice")


@case("a session id that nobody has", "2627", DC)
def _unknown_id(hand: Hand) -> None:
    due = hand.reach("SessionSetupReq")
    header = structs.replace(due.Header, SessionID=FOREIGN)
    hand.accepts(structs.replace(due, Header=header), "OK_NewSessionEstablished")
    hand.true(session_id(hand) not in (FOREIGN, bytes(8)), "the session has no id of its own")


@case("an undecodable request is ignored", "445", DC)
def _undecodable(hand: Hand) -> None:
    due = hand.reach("ServiceDiscoveryReq")
    hand.say_bytes(hand.due_type, b"\xff" * 12)
    hand.place.run(1.0, lambda: hand.place.ended)
    hand.true(not hand.place.ended, "the station ends the session")
    hand.accepts(due)


# Authorization


@case("what AuthorizationSetupRes offers has its elements", "1220 2567", DC)
def _offered_external(hand: Hand) -> None:
    hand.reach("AuthorizationReq")
    offer = hand.answers[-1]
    if common.Authorization.PnC in offer.AuthorizationServices:
        hand.true(offer.PnC_ASResAuthorizationMode is not None, "Plug & Charge is offered without its elements")
    else:
        hand.true(offer.EIM_ASResAuthorizationMode is not None, "the elements of external identification are missing")
        hand.true(offer.PnC_ASResAuthorizationMode is None, "there are elements of Plug & Charge")


@case("external identification is granted", "1200 2560", *EVERY)
def _granted(hand: Hand) -> None:
    hand.reach("ServiceDiscoveryReq")
    answer = hand.turns[-1].answer
    hand.true(answer.EVSEProcessing is Processing.Finished, f"{answer.EVSEProcessing.value} and not Finished")


@case("external identification fails", "2219 2230", REFUSED)
def _refused(hand: Hand) -> None:
    due = hand.reach("AuthorizationReq")
    for _ in range(3):
        answer = hand.ask(due)
        while answer.EVSEProcessing is not Processing.Finished:
            hand.place.run(0.5, lambda: False)
            answer = hand.ask(due)
        code = answer.ResponseCode.value
        hand.true(code == "WARNING_EIMAuthorizationFailure", f"{code} for an identification that failed")
    hand.true(not hand.place.ended, "the station ends the session")


@case("an authorization that never comes", "435", UNDECIDED)
def _never(hand: Hand) -> None:
    due = hand.reach("AuthorizationReq")
    since = hand.place.now
    while not hand.place.ended and hand.place.now - since < 70.0:
        answer = hand.ask(due)
        if answer.ResponseCode.value.startswith("FAILED"):
            hand.closes()
            break
        hand.true(answer.EVSEProcessing is not Processing.Finished, "Finished, though nobody has decided")
        hand.place.run(1.0, lambda: hand.place.ended)
    hand.true(hand.place.ended, "the car is kept waiting for more than 60 s")


@case("an authorization that was not offered", "2226 2230", DC)
def _not_offered(hand: Hand) -> None:
    due = hand.reach("AuthorizationReq")
    offer = hand.answers[-1]
    if common.Authorization.EIM not in offer.AuthorizationServices:
        wrong = due
    else:
        wrong = changed(due, SelectedAuthorizationService=common.Authorization.PnC)
    answer = hand.accepts(wrong, "WARNING_AuthorizationSelectionInvalid")
    hand.true(answer.EVSEProcessing is Processing.Finished, "the warning does not come with Finished")
    if wrong is not due:
        hand.accepts(due)


@case("the challenge of Plug & Charge", "697 698 1219 2108 2110 2566 2568", CONTRACT)
def _challenge(hand: Hand) -> None:
    seen = set()
    for _ in range(3):
        hand.come()
        hand.reach("AuthorizationReq")
        offer = hand.answers[-1]
        hand.true(common.Authorization.PnC in offer.AuthorizationServices, "Plug & Charge is not offered")
        hand.true(offer.PnC_ASResAuthorizationMode is not None, "Plug & Charge is offered without its elements")
        challenge = offer.PnC_ASResAuthorizationMode.GenChallenge
        hand.true(len(challenge) == 16, f"the challenge has {8 * len(challenge)} bits")
        seen.add(challenge)
        hand.leave()
    hand.true(len(seen) == 3, "a challenge comes twice")


@case("a challenge that is not the one sent", "2565", CONTRACT)
def _wrong_challenge(hand: Hand) -> None:
    due = hand.reach("AuthorizationReq")
    mode = structs.replace(due.PnC_AReqAuthorizationMode, GenChallenge=bytes(range(16)))
    hand.accepts(changed(due, PnC_AReqAuthorizationMode=mode), "WARNING_ChallengeInvalid")


# Services


@case("details of a service that was not offered", "425 464", *BOTH)
def _no_such_service(hand: Hand) -> None:
    due = hand.reach("ServiceDetailReq")
    hand.refuses(changed(due, ServiceID=4711), "FAILED_ServiceIDInvalid")


@case("details of each service that was offered, one after the other", "1981", *BOTH)
def _details(hand: Hand) -> None:
    hand.reach("ServiceDetailReq")
    offered = hand.answers[-1].EnergyTransferServiceList.Service
    for service in offered:
        answer = hand.accepts(changed(hand.due, ServiceID=service.ServiceID))
        hand.true(answer.ServiceID == service.ServiceID, "the details are those of another service")


@case("a parameter set that was not given", "433 467", *BOTH)
def _no_such_set(hand: Hand) -> None:
    due = hand.reach("ServiceSelectionReq")
    wrong = structs.replace(due.SelectedEnergyTransferService, ParameterSetID=4711)
    hand.refuses(changed(due, SelectedEnergyTransferService=wrong), "FAILED_ServiceSelectionInvalid")


@case("a service that was not given", "433 467", *BOTH)
def _no_such_selection(hand: Hand) -> None:
    due = hand.reach("ServiceSelectionReq")
    wrong = common.SelectedService(ServiceID=4711, ParameterSetID=1)
    hand.refuses(changed(due, SelectedEnergyTransferService=wrong), "FAILED_ServiceSelectionInvalid")


@case("a filter of services", "1248 1249", *BOTH)
def _filter(hand: Hand) -> None:
    due = hand.reach("ServiceDiscoveryReq")
    answer = hand.accepts(changed(due, SupportedServiceIDs=common.ServiceIDList([int(hand.scene.service)])))
    offered = [each.ServiceID for each in answer.EnergyTransferServiceList.Service]
    hand.true(int(hand.scene.service) in offered, "the service that the car supports is left out")


@case("scheduled and dynamic control", "2656", DC_DYNAMIC, AC_DYNAMIC)
def _control_modes(hand: Hand) -> None:
    hand.reach("ServiceSelectionReq")
    sets = hand.answers[-1].ServiceParameterList.ParameterSet
    modes = {p.intValue for each in sets for p in each.Parameter if p.Name == "ControlMode"}
    hand.true({1, 2} <= modes, f"the control modes are {sorted(modes, key=str)}")


@case("whether a service can be chosen again does not change", "1931 1932 1643 1847", *EVERY)
def _choose_again(hand: Hand) -> None:
    discovery = hand.reach("ServiceDetailReq") and hand.turns[-1].request
    supported = hand.answers[-1].ServiceRenegotiationSupported
    stop = hand.reach("SessionStopReq")
    again = changed(stop, ChargingSession=common.ChargingSession.ServiceRenegotiation)
    if not supported:
        hand.refuses(again, "FAILED_NoServiceRenegotiationSupported")
        return
    hand.accepts(again)
    answer = hand.accepts(discovery)
    hand.true(answer.ServiceRenegotiationSupported, "the second answer says something else")


# Parameters and schedules


@case("charge parameters of another service", "1619 2272", *EVERY)
def _other_parameters(hand: Hand) -> None:
    kind = "DC" if hand.scene.service.dc else "AC"
    due = hand.reach(f"{kind}_ChargeParameterDiscoveryReq")
    name = f"{kind}_CPDReqEnergyTransferMode"
    mode: Any = getattr(due, name)
    hand.refuses(changed(due, **{name: _other_flavour(mode)}), "FAILED_WrongChargeParameter")


def _other_flavour(mode: Any) -> Any:
    """The same of the service that only charges, or of the one that also discharges."""
    cls, module = type(mode), import_module(type(mode).__module__)
    bidirectional = cls.__name__.startswith("BPT_")
    other = getattr(module, cls.__name__.removeprefix("BPT_") if bidirectional else f"BPT_{cls.__name__}")
    nothing = RationalNumber.of(0)
    return other(**{name: getattr(mode, name, nothing) for name in other.__struct_fields__ if _needed(other, name)})


def _needed(cls: Any, name: str) -> bool:
    return not name.endswith(("_L2", "_L3")) and name != "TargetSOC"


@case("charge parameters that cannot be", "1619 2272", *BOTH, *DER)
def _impossible(hand: Hand) -> None:
    kind = "DC" if hand.scene.service.dc else "AC"
    due = hand.reach(f"{kind}_ChargeParameterDiscoveryReq")
    name = f"{kind}_CPDReqEnergyTransferMode"
    mode = structs.replace(getattr(due, name), EVMaximumChargePower=RationalNumber.of(-11_000))
    hand.refuses(changed(due, **{name: mode}), "FAILED_WrongChargeParameter")


@case("a day of schedules without a departure time", "1563 1987", *BOTH)
def _a_day(hand: Hand) -> None:
    due = hand.reach("ScheduleExchangeReq")
    mode = structs.replace(due.Scheduled_SEReqControlMode, DepartureTime=None)
    answer = _settled(hand, changed(due, Scheduled_SEReqControlMode=mode))
    tuples = answer.Scheduled_SEResControlMode.ScheduleTuple
    hand.true(tuples, "there is no schedule")
    for each in tuples:
        entries = each.ChargingSchedule.PowerSchedule.PowerScheduleEntries.PowerScheduleEntry
        lasts_s = sum(entry.Duration for entry in entries)
        hand.true(lasts_s >= DAY_S, f"the schedule ends after {lasts_s} s")


def _settled(hand: Hand, request: Any) -> Any:
    """The answer that is Finished."""
    answer = hand.accepts(request)
    until = hand.place.now + 60.0
    while answer.EVSEProcessing is not Processing.Finished and hand.place.now < until:
        hand.place.run(0.5, lambda: False)
        answer = hand.accepts(request)
    hand.true(answer.EVSEProcessing is Processing.Finished, "Ongoing for more than 60 s")
    return answer


@case("prices in each charging schedule", "2176", *BOTH)
def _prices(hand: Hand) -> None:
    due = hand.reach("ScheduleExchangeReq")
    for each in _settled(hand, due).Scheduled_SEResControlMode.ScheduleTuple:
        schedule = each.ChargingSchedule
        priced = schedule.AbsolutePriceSchedule is not None or schedule.PriceLevelSchedule is not None
        hand.true(priced, "a charging schedule carries neither prices nor price levels")


# Power


@case("a renegotiation in the first PowerDelivery", "2018", *EVERY)
def _first_renegotiates(hand: Hand) -> None:
    due = hand.reach("PowerDeliveryReq")
    again = common.ChargeProgress.ScheduleRenegotiation
    hand.refuses(changed(due, ChargeProgress=again, EVPowerProfile=None), "FAILED_SequenceError")


@case("a PowerDelivery that is Ongoing", "2007", *EVERY)
def _ongoing(hand: Hand) -> None:
    due = hand.reach("PowerDeliveryReq")
    hand.accepts(changed(due, EVProcessing=Processing.Ongoing))
    hand.accepts(due)


@case("PowerDelivery while the car says that its pre-charge is Ongoing", "2005", DC)
def _too_early(hand: Hand) -> None:
    due = hand.reach("DC_PreChargeReq", lambda message: message.EVProcessing is Processing.Ongoing)
    hand.accepts(due)
    start = common.PowerDeliveryReq(due.Header, Processing.Finished, common.ChargeProgress.Start)
    hand.refuses(start, "FAILED_SequenceError")


@case("a renegotiation of the schedule", "444 1414 1981", *BOTH)
def _renegotiates(hand: Hand) -> None:
    exchange = hand.reach("ScheduleExchangeReq")
    hand.reach_energy()
    hand.ask()
    again = common.PowerDeliveryReq(hand.due.Header, Processing.Finished, common.ChargeProgress.ScheduleRenegotiation)
    hand.accepts(again)
    _settled(hand, exchange)
    hand.true(not hand.place.ended, "the station ends the session")
