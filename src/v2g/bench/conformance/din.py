"""Requirements of DIN SPEC 70121 for a station, and cases that show them."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec import structs

from v2g.bench.conformance.authorizers import NOBODY, NOTHING
from v2g.bench.conformance.derived import FOREIGN, Numbers, derived, session_id
from v2g.bench.conformance.hand import Hand, changed, element
from v2g.bench.conformance.place import Scene
from v2g.bench.conformance.suite import OF_THE_CAR, Cases, Check, Suite
from v2g.bench.sim.pilot import Cable
from v2g.iso15118.din.edition import DIN
from v2g.iso15118.service import Service
from v2g.messages import din
from v2g.messages.din import ResponseCode

DC = Scene(DIN.name, Service.DC)
NUMBERS = Numbers(
    sequence=("V2G-DC-390", "V2G-DC-665"),
    session=("V2G-DC-391", "V2G-DC-665"),
    silence=("V2G-DC-432",),
    energy_silence=("V2G-DC-432",),
    leaves=("V2G-DC-450", "V2G-DC-451"),
    course=("V2G-DC-388", "V2G-DC-436", "V2G-DC-554"),
    phases={
        "SESSION_SETUP": ("V2G-DC-437",),
        "SERVICE_DISCOVERY": ("V2G-DC-439",),
        "SERVICE": ("V2G-DC-441",),
        "AUTHORIZATION": ("V2G-DC-444",),
        "CHARGE_PARAMETERS": ("V2G-DC-495", "V2G-DC-498"),
        "CABLE_CHECK": ("V2G-DC-453",),
        "PRECHARGE": ("V2G-DC-455",),
        "PRECHARGED": ("V2G-DC-458",),
        "STARTED": ("V2G-DC-462",),
        "DC_CHARGE_LOOP": ("V2G-DC-465",),
        "WELDING_DETECTION": ("V2G-DC-459", "V2G-DC-469"),
    },
    requests={
        "SessionSetupReq": ("V2G-DC-438",),
        "ServiceDiscoveryReq": ("V2G-DC-440",),
        "ServicePaymentSelectionReq": ("V2G-DC-443",),
        "ContractAuthenticationReq": ("V2G-DC-494",),
        "ChargeParameterDiscoveryReq": ("V2G-DC-445",),
        "CableCheckReq": ("V2G-DC-454",),
        "PreChargeReq": ("V2G-DC-457",),
        "PowerDeliveryReq": ("V2G-DC-461",),
        "CurrentDemandReq": ("V2G-DC-464",),
        "WeldingDetectionReq": ("V2G-DC-468",),
        "SessionStopReq": ("V2G-DC-450",),
    },
)
REASONS = {
    "V2G-DC-116": "how long TCP may stay open after a FAILED response is not public",
    "V2G-DC-418": OF_THE_CAR,
    "V2G-DC-548": "DIN has no ServiceDetail here",
    "V2G-DC-618": "below the session: discovery has tests of its own",
    "V2G-DC-635": OF_THE_CAR,
}
case = Cases("V2G-DC-")


@cache
def checks() -> tuple[Check, ...]:
    """All cases."""
    return tuple(_checks())


def _checks() -> Iterator[Check]:
    yield from case
    yield from derived(DC, NUMBERS)


SUITE = Suite("din", checks, REASONS)


@case("a new session", "393", DC)
def _new_session(hand: Hand) -> None:
    due = hand.reach("SessionSetupReq")
    hand.accepts(due, "OK_NewSessionEstablished")
    hand.true(session_id(hand) not in (b"", bytes(8)), "the session id is zero")


@case("a session id that nobody has", "393", DC)
def _unknown_id(hand: Hand) -> None:
    due = hand.reach("SessionSetupReq")
    hand.accepts(structs.replace(due, Header=structs.replace(due.Header, SessionID=FOREIGN)), "OK_NewSession")
    hand.true(session_id(hand) != FOREIGN, "the session has no id of its own")


@case("what ServiceDiscoveryRes offers", "252 625 628 629", DC)
def _offer(hand: Hand) -> None:
    hand.reach("ServicePaymentSelectionReq")
    offer = element(hand.answers[-1])
    hand.true(offer.PaymentOptions.PaymentOption == [din.PaymentOption.ExternalPayment], "other payment is offered")
    kind = offer.ChargeService.EnergyTransferType.value
    hand.true(kind in ("DC_extended", "DC_core"), f"the energy transfer is {kind}")
    tag = offer.ChargeService.ServiceTag
    hand.true(tag.ServiceName is None, "there is a ServiceName")
    hand.true(tag.ServiceScope is None, "there is a ServiceScope")


@case("a payment that was not offered", "395 665", DC)
def _payment(hand: Hand) -> None:
    due = hand.reach("ServicePaymentSelectionReq")
    hand.refuses(changed(due, SelectedPaymentOption=din.PaymentOption.Contract), "FAILED_PaymentSelectionInvalid")


@case("a service that was not offered", "396 665", DC)
def _service(hand: Hand) -> None:
    due = hand.reach("ServicePaymentSelectionReq")
    selected = din.SelectedServiceList([din.SelectedService(4711)])
    codes = "FAILED_ServiceSelectionInvalid|FAILED_NoChargeServiceSelected"
    hand.refuses(changed(due, SelectedServiceList=selected), codes)


@case("an authorization that does not come yet", "497", Scene(DIN.name, Service.DC, authorizer=NOTHING))
def _waits(hand: Hand) -> None:
    due = hand.reach("ContractAuthenticationReq")
    for _ in range(5):
        answer = hand.accepts(due)
        hand.true(answer.EVSEProcessing is din.EVSEProcessing.Ongoing, "Finished, though nobody has decided")
        hand.place.run(1.0, lambda: False)


@case("an authorization that is refused", "665", Scene(DIN.name, Service.DC, authorizer=NOBODY))
def _refused(hand: Hand) -> None:
    due = hand.reach("ContractAuthenticationReq")
    until = hand.place.now + 60.0
    answer = hand.ask(due)
    while answer.ResponseCode is ResponseCode.OK and hand.place.now < until:
        hand.true(answer.EVSEProcessing is din.EVSEProcessing.Ongoing, "Finished, though it is refused")
        hand.place.run(1.0, lambda: False)
        answer = hand.ask(due)
    hand.true(answer.ResponseCode.value.startswith("FAILED"), f"{answer.ResponseCode.value} for a car that is refused")
    hand.closes()


@case("an energy transfer of another type", "397 665", DC)
def _type(hand: Hand) -> None:
    due = hand.reach("ChargeParameterDiscoveryReq")
    other = din.EVRequestedEnergyTransfer.AC_three_phase_core
    hand.refuses(changed(due, EVRequestedEnergyTransferType=other), "FAILED_WrongEnergyTransferType")


@case("charge parameters that cannot be", "398 665", DC)
def _parameters(hand: Hand) -> None:
    due = hand.reach("ChargeParameterDiscoveryReq")
    wanted = element(due).EVChargeParameter
    least = structs.replace(wanted.EVMaximumCurrentLimit, Value=-100)
    wrong = structs.replace(wanted, EVMaximumCurrentLimit=least)
    hand.refuses(changed(due, EVChargeParameter=wrong), "FAILED_WrongChargeParameter")


@case("the schedule", "329 554", DC)
def _schedule(hand: Hand) -> None:
    hand.reach("CableCheckReq")
    schedules = element(hand.answers[-1]).SASchedules
    hand.true(schedules is not None and schedules.SAScheduleTuple, "there is no schedule")
    for each in schedules.SAScheduleTuple:
        entries = each.PMaxSchedule.PMaxScheduleEntry
        hand.true(len(entries) <= 12, f"a schedule has {len(entries)} entries")
        hand.true(each.SalesTariff is None, "there is a SalesTariff")


def _start(hand: Hand, tuple_id: int | None = None, power_w: int = 1_000) -> Any:
    """PowerDeliveryReq with a charging profile."""
    due = hand.reach("PowerDeliveryReq")
    offered = next(t for t in reversed(hand.turns) if t.name == "ChargeParameterDiscoveryReq")
    known: int = element(offered.answer).SASchedules.SAScheduleTuple[0].SAScheduleTupleID
    entries = [din.ProfileEntry(0, power_w)]
    return changed(due, ChargingProfile=din.ChargingProfile(tuple_id or known, entries))


@case("a charging profile within the schedule", "461", DC)
def _profile(hand: Hand) -> None:
    hand.accepts(_start(hand))


@case("a charging profile beyond the schedule", "399 665", DC)
def _beyond(hand: Hand) -> None:
    hand.refuses(_start(hand, power_w=32_767), "FAILED_ChargingProfileInvalid")


@case("a schedule that was not offered", "400 665", DC)
def _tuple(hand: Hand) -> None:
    hand.refuses(_start(hand, tuple_id=200), "FAILED_TariffSelectionInvalid")


@case("a start before the output stands at the voltage", "401 665", DC)
def _no_power(hand: Hand) -> None:
    due = hand.reach("PreChargeReq")
    hand.accepts(due)
    start = din.PowerDeliveryReq(ReadyToChargeState=True)
    message = structs.replace(due, Body=structs.replace(due.Body, BodyElement=start))
    hand.refuses(message, "FAILED_PowerDeliveryNotApplied|FAILED")


@case("the cable check goes on until it is finished", "499", DC)
def _cable_check(hand: Hand) -> None:
    due = hand.reach("CableCheckReq")
    until = hand.place.now + 40.0
    answer = hand.accepts(due)
    while answer.EVSEProcessing is not din.EVSEProcessing.Finished and hand.place.now < until:
        hand.place.run(0.2, lambda: False)
        answer = hand.accepts(due)
    hand.true(answer.EVSEProcessing is din.EVSEProcessing.Finished, "the cable check takes more than 40 s")


@case("a cable check without state C", "547 665", DC)
def _without_c(hand: Hand) -> None:
    world = hand.bench()
    due = hand.reach("CableCheckReq")
    world.faults.s2_open = True
    hand.place.run(0.3, lambda: False)
    hand.refuses(due, "FAILED")


@case("a welding detection without state B", "556 665", DC)
def _without_b(hand: Hand) -> None:
    world = hand.bench()
    due = hand.reach("WeldingDetectionReq")
    world.faults.mute = True  # its S2 stays closed
    hand.place.run(0.3, lambda: False)
    hand.refuses(due, "FAILED")


@case("a cable that is pulled", "665", DC)
def _pulled(hand: Hand) -> None:
    world = hand.bench()
    hand.reach_energy()
    hand.go_on()
    assert world.cable is not None
    world.cable.pilot.cable = Cable.UNPLUGGED
    hand.closes()
    hand.place.run(1.0, lambda: not world.contactor.closed)
    hand.true(not world.contactor.closed, "the contactor stays closed")
