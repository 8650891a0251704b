"""Cases of AC_DER_IEC and AC_DER_SAE (Amendment 1): the car's inverter is given the grid code's settings."""

from dataclasses import replace
from functools import partial
from typing import Any

from msgspec import structs

from v2g.bench.conformance.derived import FOREIGN
from v2g.bench.conformance.hand import Hand, changed, of_session
from v2g.bench.conformance.iso20_scenes import DER, case
from v2g.exi.least import least
from v2g.iso15118.service import Service
from v2g.iso15118.view import Stop
from v2g.messages import codec
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import EvseNotification, Processing, RationalNumber

_PARAMETERS, _LOOP = "AC_ChargeParameterDiscoveryReq", "AC_ChargeLoopReq"
_LASTING = tuple(replace(scene, duration_s=20.0, wish_w=-6_000.0) for scene in DER)
_FEEDS_W = 1_000.0


def _parameters(hand: Hand, **changes: Any) -> Any:
    """The request that is due, with other charge parameters."""
    mode = structs.replace(hand.due.AC_CPDReqEnergyTransferMode, **changes)
    return changed(hand.due, AC_CPDReqEnergyTransferMode=mode)


@case("AC_DER: a whole session", "444 3151 3210", *DER)
def _whole(hand: Hand) -> None:
    hand.come()
    hand.finish()
    hand.true(not hand.flaws, f"an answer is no valid encoding: {'; '.join(hand.flaws[:2])}")
    last = [turn.name for turn in hand.turns[-2:]]
    hand.true(last == ["PowerDeliveryReq", "SessionStopReq"], f"the session ends with {' and '.join(last)}")


@case("AC_DER: charge parameters that are Ongoing, then Finished", "3150 3151", *DER)
def _ongoing(hand: Hand) -> None:
    hand.reach(_PARAMETERS)
    for _ in range(3):
        answer = hand.accepts(_parameters(hand, EVProcessing=Processing.Ongoing))
        mode = answer.AC_CPDResEnergyTransferMode
        given = getattr(mode, "DERControl", None) or getattr(mode, "DERControlCPDRes", None)
        hand.true(given is not None, "the car is given no settings")
    finished = _parameters(hand, EVProcessing=Processing.Finished)
    hand.accepts(finished)
    hand.refuses(finished, "FAILED_SequenceError")  # it is the schedule's turn


@case("AC_DER: a schedule before the charge parameters are Finished", "459 3150", *DER)
def _too_early(hand: Hand) -> None:
    hand.reach(_PARAMETERS)
    hand.accepts(_parameters(hand, EVProcessing=Processing.Ongoing))
    schema = codec("iso20-common").schema
    schedule: Any = least(schema, common.ScheduleExchangeReq)
    header = hand.due.Header
    hand.refuses(
        structs.replace(schedule, Header=header),
        "FAILED_SequenceError",
        hand.edition.payload_type("ScheduleExchangeReq", hand.scene.service),
    )


@case("AC_DER: an inverter without reactive power charges, and does not feed", "3151", *_LASTING)
def _no_reactive_power(hand: Hand) -> None:
    world = hand.bench()
    due = hand.reach(_PARAMETERS)
    limits = due.AC_CPDReqEnergyTransferMode.EVReactivePowerLimits
    none = {name: RationalNumber.of(0) for name in limits.__struct_fields__ if getattr(limits, name) is not None}
    hand.go_on(_parameters(hand, EVReactivePowerLimits=structs.replace(limits, **none)))
    hand.reach(_PARAMETERS)  # again, with the settings taken over
    hand.go_on(_parameters(hand, EVReactivePowerLimits=structs.replace(limits, **none)))
    hand.reach_energy()
    hand.go_on()
    hand.place.run(15.0, lambda: world.plant.charger_power_w < -_FEEDS_W)
    fed_w = -world.plant.charger_power_w
    hand.true(fed_w < _FEEDS_W, f"the car feeds {fed_w:.0f} W")


@case("AC_DER: an inverter that has taken over the settings feeds", "3151", *_LASTING)
def _feeds(hand: Hand) -> None:
    world = hand.bench()
    hand.reach_energy()
    hand.go_on()
    hand.place.run(15.0, lambda: world.plant.charger_power_w < -_FEEDS_W)
    hand.true(world.plant.charger_power_w < -_FEEDS_W, "the car does not feed")


@case("AC_DER: nominal powers within the maximum ones", "3229", *DER)
def _nominal(hand: Hand) -> None:
    mode = hand.accepts(hand.reach(_PARAMETERS)).AC_CPDResEnergyTransferMode
    for what in ("Charge", "Discharge"):
        nominal, most = getattr(mode, f"EVSENominal{what}Power"), getattr(mode, f"EVSEMaximum{what}Power")
        if nominal is not None:
            said = f"{abs(nominal.value):g} W is above the maximum of {abs(most.value):g} W"
            hand.true(abs(nominal.value) <= abs(most.value), f"the nominal power to {what.lower()}, {said}")


@case("AC_DER: charge parameters of AC", "459", *DER)
def _of_another_set(hand: Hand) -> None:
    due = hand.reach(_PARAMETERS)
    schema = codec("iso20-ac").schema
    wrong: Any = least(schema, next(each for each in schema.classes if each.__name__ == _PARAMETERS))
    payload_type = hand.edition.payload_type(_PARAMETERS, Service.AC)
    hand.refuses(structs.replace(wrong, Header=due.Header), "FAILED_SequenceError", payload_type)


def _foreign(hand: Hand, request: str) -> None:
    due = hand.reach(request)
    hand.refuses(of_session(due, FOREIGN), "FAILED_UnknownSession", hand.due_type)


case("AC_DER: charge parameters with another session's id", "460 753", *DER)(partial(_foreign, request=_PARAMETERS))
case("AC_DER: the charge loop with another session's id", "460 753", *DER)(partial(_foreign, request=_LOOP))


@case("AC_DER: silence in the charge loop", "443 1500", *DER)
def _silence(hand: Hand) -> None:
    hand.reach_energy()
    hand.silent(hand.edition.silence["standard"].energy_s)


@case("AC_DER: the grid code changes while energy flows", "1641 1642", *_LASTING)
def _new_grid_code(hand: Hand) -> None:
    guard = hand.bench().evse.guard
    hand.reach_energy()
    hand.true(guard is not None, "the station has no grid code")
    hand.go_on()
    assert guard is not None
    guard.adjust({"reactive.mode": "volt_var"}, by="the operator", for_s=None)
    hand.finish()
    notified = EvseNotification.ServiceRenegotiation
    asked = {turn.name for turn in hand.turns if _notification(turn.answer) is notified}
    hand.true(asked == {_LOOP}, f"ServiceRenegotiation is notified in {', '.join(sorted(asked)) or 'no answer'}")
    discovered = [turn.answer for turn in hand.turns if turn.name == "ServiceDiscoveryReq"]
    hand.true(discovered[0].ServiceRenegotiationSupported, "the first ServiceDiscoveryRes says that it cannot")
    hand.true(len(discovered) > 1, "the car does not choose again")


def _notification(answer: Any) -> Any:
    status = getattr(answer, "EVSEStatus", None)
    return None if status is None else status.EVSENotification


@case("AC_DER: the car has ever less time to pause", "3308 3318", *DER)
def _counts_down(hand: Hand) -> None:
    world = hand.bench()
    due = hand.reach_energy()
    world.evse.stop(Stop.PAUSE, world.now)
    left = [hand.accepts(due).EVSEStatus.NotificationMaxDelay]
    for _ in range(9):
        hand.place.run(0.3, lambda: False)
        left.append(hand.accepts(due).EVSEStatus.NotificationMaxDelay)
    hand.true(left[0] == 60, f"the car has {left[0]} s to begin, not 60")
    hand.true(left == sorted(left, reverse=True), f"the time that is left rises: {left}")
    hand.true(55 <= left[-1] < 60, f"{left[-1]} s are left after 2.7 s")
