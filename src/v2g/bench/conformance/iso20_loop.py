"""Cases of ISO 15118-20 in the charge loop and after it: energy, stops, pauses, contracts."""

from typing import Any

from msgspec import structs

from v2g.bench.conformance.derived import session_id
from v2g.bench.conformance.hand import Hand, changed
from v2g.bench.conformance.iso20_scenes import (
    AC,
    AC_DYNAMIC,
    BOTH,
    CHARGING,
    CONFIRMS,
    DC,
    DC_DYNAMIC,
    DER,
    DISCHARGING,
    EVERY,
    INSTALLS,
    INSTALLS_448,
    case,
)
from v2g.bench.conformance.tester import NotApplicable
from v2g.exi.least import least
from v2g.iso15118.signature import sign
from v2g.iso15118.view import Stop
from v2g.messages import codec
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import EvseNotification, RationalNumber
from v2g.pki.issue import make_key

# The charge loop


@case("the meter in the first turn of the charge loop, and when the car asks", "1081 1082 1833", *EVERY, *DER)
def _meter(hand: Hand) -> None:
    loop = "DC_ChargeLoopReq" if hand.scene.service.dc else "AC_ChargeLoopReq"
    due = hand.reach(loop)
    answer = hand.accepts(changed(due, MeterInfoRequested=False))
    hand.true(answer.MeterInfo is not None, "the first answer has no MeterInfo")
    answer = hand.accepts(changed(due, MeterInfoRequested=True))
    hand.true(answer.MeterInfo is not None, "no MeterInfo, though the car asks for it")


@case("the meter counts the energy of this session", "902", DC)
def _energy(hand: Hand) -> None:
    for _ in range(2):
        hand.come()
        due = hand.reach("DC_ChargeLoopReq")
        info = hand.accepts(changed(due, MeterInfoRequested=True)).MeterInfo
        hand.true(info.ChargedEnergyReadingWh <= 5, f"{info.ChargedEnergyReadingWh} Wh before energy flows")
        hand.go_on()
        hand.finish()
        hand.leave()


@case("the control mode of the answer is that of the request", "1600", *EVERY, *DER)
def _mirrored(hand: Hand) -> None:
    hand.reach_energy()
    turn = hand.turns[-1]
    asked, answered = type(turn.request.CLReqControlMode).__name__, type(turn.answer.CLResControlMode).__name__
    hand.true(answered == asked.replace("CLReq", "CLRes"), f"{answered} answers {asked}")


@case("the control mode of another service", "1600", *EVERY)
def _other_mode(hand: Hand) -> None:
    due = hand.reach_energy()
    hand.refuses(changed(due, CLReqControlMode=_other_control(due.CLReqControlMode)), "FAILED")


def _other_control(mode: Any) -> Any:
    cls = type(mode)
    name = cls.__name__.replace("Dynamic", "?").replace("Scheduled", "Dynamic").replace("?", "Scheduled")
    protocol = "iso20-dc" if "_DC_" in name else "iso20-ac"
    schema = codec(protocol).schema
    return least(schema, next(each for each in schema.classes if each.__name__ == name))


@case("limits of the loop are not wider than those before it", "2654 2655", DC_DYNAMIC)
def _narrower(hand: Hand) -> None:
    hand.reach_energy()
    (before,) = [t.answer.DC_CPDResEnergyTransferMode for t in hand.turns if t.name.startswith("DC_ChargeParameter")]
    within = hand.turns[-1].answer.CLResControlMode
    for name in before.__struct_fields__:
        first, later = getattr(before, name), getattr(within, name, None)
        if first is not None and later is not None:
            sound = later.value <= first.value if "Maximum" in name else later.value >= first.value
            hand.true(sound, f"{name} is {later.value:g} in the loop, {first.value:g} before it")


@case("charging, the station follows the car's target", "2183 2187 2188", CHARGING)
@case("discharging, the station follows the car's target", "1034 1035 2183 2187 2188", DISCHARGING)
def _follows(hand: Hand) -> None:
    hand.reach_energy()
    hand.go_on()
    hand.place.run(8.0, lambda: hand.place.ended)
    turns = [turn for turn in hand.turns if turn.name == "DC_ChargeLoopReq"]
    last = turns[-1]
    target_a, flows_a = last.request.CLReqControlMode.EVTargetCurrent.value, last.answer.EVSEPresentCurrent.value
    wish_w = hand.scene.wish_w or 0.0
    hand.true(target_a * wish_w > 0, f"the car's target of {target_a:g} A has the other sign")
    hand.true(
        abs(flows_a - target_a) <= max(1.0, 0.1 * abs(target_a)), f"{flows_a:g} A flow, {target_a:g} A are asked for"
    )
    for turn in turns:
        most_a = abs(turn.request.CLReqControlMode.EVTargetCurrent.value) + 1.0
        hand.true(abs(turn.answer.EVSEPresentCurrent.value) <= most_a, "more current flows than the car asks for")


@case("AC: elements for L2 and L3", "1816", AC)
def _phases(hand: Hand) -> None:
    due = hand.reach("AC_ChargeParameterDiscoveryReq")
    third, least = RationalNumber.of(3_600), RationalNumber.of(500)
    mode = structs.replace(
        due.AC_CPDReqEnergyTransferMode,
        **{f"EVMaximumChargePower{phase}": third for phase in ("", "_L2", "_L3")},
        **{f"EVMinimumChargePower{phase}": least for phase in ("", "_L2", "_L3")},
    )
    hand.accepts(changed(due, AC_CPDReqEnergyTransferMode=mode))


@case("AC: no elements for L2 and L3 to a car that sends none", "1822", AC, AC_DYNAMIC, *DER)
def _base_elements(hand: Hand) -> None:
    hand.reach_energy()
    for turn in hand.turns:
        if turn.name.startswith("AC_Charge"):
            mode = getattr(turn.answer, "AC_CPDResEnergyTransferMode", None) or turn.answer.CLResControlMode
            given = [n for n in mode.__struct_fields__ if n.endswith(("_L2", "_L3")) and getattr(mode, n) is not None]
            hand.true(not given, f"{turn.name} is answered with {', '.join(given)}")


# The operator


def _notified(turn: Any) -> Any:
    status = getattr(turn.answer, "EVSEStatus", None)
    return None if status is None else status.EVSENotification


@case("the operator ends the session", "1402 1698 1959", *EVERY, *DER)
def _operator_ends(hand: Hand) -> None:
    _operator(hand, Stop.TERMINATE)
    seen = [_notified(turn) for turn in hand.turns if turn.name.endswith("ChargeLoopReq")]
    hand.true(EvseNotification.Terminate in seen, "Terminate is not notified")
    first = seen.index(EvseNotification.Terminate)
    hand.true(set(seen[first:]) == {EvseNotification.Terminate}, "the notification is taken back too soon")


@case("AC_DER: the operator pauses the session", "3308", *DER)
@case("the operator pauses the session", "1850 2115", DC_DYNAMIC, AC_DYNAMIC)
def _operator_pauses(hand: Hand) -> None:
    _operator(hand, Stop.PAUSE)
    asked = [turn for turn in hand.turns if _notified(turn) is EvseNotification.Pause]
    hand.true(asked, "Pause is not notified")
    status = asked[0].answer.EVSEStatus
    hand.true(status.NotificationMaxDelay == 60, f"the car has {status.NotificationMaxDelay} s to begin, not 60")


@case("a pause of the operator waits until the power profile is at 0 kW", "1198", *BOTH)
def _pauses_at_rest(hand: Hand) -> None:
    _operator(hand, Stop.PAUSE)
    loops = [turn for turn in hand.turns if turn.name.endswith("ChargeLoopReq")]
    at = next((n for n, turn in enumerate(loops) if _notified(turn) is EvseNotification.Pause), None)
    hand.true(at is not None, "Pause is not notified")
    flowing = [turn for turn in loops[: at or 0] if turn.answer.MeterInfo is not None][-1:]
    hand.true(not flowing, "Pause is notified while energy flows")


def _operator(hand: Hand, kind: Stop) -> None:
    """Somebody at the station asks the car to stop; it follows."""
    world = hand.bench()
    hand.reach_energy()
    hand.go_on()
    world.evse.stop(kind, world.now)
    hand.finish()


@case("the pilot keeps 5 % to the end of the session", "1408", *BOTH)
def _pilot(hand: Hand) -> None:
    world = hand.bench()
    hand.reach("SessionSetupReq")
    duties = set()

    def look() -> bool:
        duties.add(world.orders.pilot_duty)
        return hand.place.car is None or hand.place.car.end is not None

    hand.go_on()
    hand.place.run(60.0, look)
    hand.true(duties == {0.05}, f"the duty cycles are {sorted(duties, key=str)}")


# Pause


def _paused(hand: Hand) -> bytes:
    """A session that the car paused; returns its id. The car is gone."""
    hand.come()
    stop = hand.reach("SessionStopReq")
    hand.accepts(changed(stop, ChargingSession=common.ChargingSession.Pause))
    kept = session_id(hand)
    hand.leave()
    return kept


@case("a paused session is taken up again", "1032 1844 2545 2550 2554 2622 2630 2633", *EVERY)
def _resumes(hand: Hand) -> None:
    parameters = "DC_ChargeParameterDiscoveryReq" if hand.scene.service.dc else "AC_ChargeParameterDiscoveryReq"
    hand.come()
    request = hand.reach(parameters)
    hand.leave()
    kept = _paused(hand)
    hand.come()
    due = hand.reach("SessionSetupReq")
    header = structs.replace(due.Header, SessionID=kept)
    hand.accepts(structs.replace(due, Header=header), "OK_OldSessionJoined")
    hand.true(session_id(hand) == kept, "the session that was joined has another id")
    hand.accepts(
        structs.replace(request, Header=header), "OK", hand.edition.payload_type(parameters, hand.scene.service)
    )


@case("a resumed session admits nothing but its charge parameters", "1032", *BOTH)
def _resumes_there(hand: Hand) -> None:
    kept = _paused(hand)
    hand.come()
    due = hand.reach("SessionSetupReq")
    header = structs.replace(due.Header, SessionID=kept)
    hand.accepts(structs.replace(due, Header=header), "OK_OldSessionJoined")
    hand.refuses(common.ServiceDiscoveryReq(header), "FAILED_SequenceError")


@case("another car does not take up a paused session", "2545 2550 2554 2626 2627 2628", DC)
def _another_car(hand: Hand) -> None:
    world = hand.bench()
    kept = _paused(hand)
    world._peer = b"\x01" * 64
    hand.come()
    due = hand.reach("SessionSetupReq")
    header = structs.replace(due.Header, SessionID=kept)
    hand.accepts(structs.replace(due, Header=header), "OK_NewSessionEstablished")
    hand.true(session_id(hand) != kept, "the new session has the id of the old one")


@case("a session that was ended is forgotten", "1080 2627", *BOTH)
def _forgotten(hand: Hand) -> None:
    hand.come()
    stop = hand.reach("SessionStopReq")
    hand.accepts(stop)
    kept = session_id(hand)
    hand.leave()
    hand.come()
    due = hand.reach("SessionSetupReq")
    header = structs.replace(due.Header, SessionID=kept)
    hand.accepts(structs.replace(due, Header=header), "OK_NewSessionEstablished")


# Contracts


def _installed(hand: Hand) -> common.SignedInstallationData:
    """What a car gets that installs a contract and charges by it."""
    hand.come()
    hand.finish()
    answers = [turn.answer for turn in hand.turns if turn.name == "CertificateInstallationReq"]
    hand.true(answers, "the station does not offer to install a contract")
    data: common.SignedInstallationData = answers[-1].SignedInstallationData
    return data


@case("a contract is installed, and pays", "2492 2497", INSTALLS)
def _installs(hand: Hand) -> None:
    data = _installed(hand)
    hand.true(data.ECDHCurve is common.EcdhCurve.SECP521, f"the key is wrapped with {data.ECDHCurve.value}")
    hand.true(data.SECP521_EncryptedPrivateKey is not None, "there is no encrypted key")


@case("a contract whose key has 448 bits is installed, and pays", "2492 2500", INSTALLS_448)
def _installs_448(hand: Hand) -> None:
    data = _installed(hand)
    hand.true(data.ECDHCurve is common.EcdhCurve.X448, f"the key is wrapped with {data.ECDHCurve.value}")
    hand.true(data.X448_EncryptedPrivateKey is not None, "there is no encrypted key")


@case("a request for a contract that another key has signed", "2500 2497", INSTALLS, INSTALLS_448)
def _installs_for_nobody_else(hand: Hand) -> None:
    due = hand.reach("CertificateInstallationReq")
    shown, reference = due.OEMProvisioningCertificateChain, "OEMProvisioningCertificateChain"
    forged = sign("iso20-common", [(reference, shown)], make_key(hand.scene.curve or "p521"))
    hand.refuses(structs.replace(due, Header=structs.replace(due.Header, Signature=forged)), "FAILED_SignatureError")


@case("a metering confirmation", "1083 1622 2704", CONFIRMS)
def _confirms(hand: Hand) -> None:
    hand.come()
    hand.finish()
    loops = [turn for turn in hand.turns if turn.name == "DC_ChargeLoopReq"]
    seen = [_notified(turn) for turn in loops]
    hand.true(EvseNotification.MeteringConfirmation in seen, "no metering confirmation is notified")
    at = seen.index(EvseNotification.MeteringConfirmation)
    hand.true(at > 0, "it is notified in the first turn of the loop")
    hand.true(loops[at].answer.MeterInfo is not None, "it is notified without MeterInfo")
    hand.true(any(turn.name == "MeteringConfirmationReq" for turn in hand.turns), "the car does not confirm")


@case("no metering confirmation without a contract", "2704", DC)
def _no_confirmation(hand: Hand) -> None:
    hand.come()
    hand.finish()
    seen = {_notified(turn) for turn in hand.turns}
    hand.true(EvseNotification.MeteringConfirmation not in seen, "a metering confirmation is notified")


# The connection


@case("TCP stays open for 5 s after SessionStopRes", "1633", DC)
def _closes_late(hand: Hand) -> None:
    if not hand.place.real:
        raise NotApplicable("needs a real connection: name the station with --at")
    hand.accepts(hand.reach("SessionStopReq"))
    since = hand.place.now
    hand.place.run(4.5, lambda: hand.place.gone)
    hand.true(not hand.place.gone, f"the station closes TCP after {hand.place.now - since:.1f} s")
