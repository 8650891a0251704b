"""What a car says, takes and feeds that it must not: its software is another one, or its hardware obeys nobody."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from random import Random

from msgspec import structs

from v2g.bench.mishaps.kind import Kind, ac_only, nothing, with_fallback
from v2g.bench.mishaps.rig import Arrivals, Rig
from v2g.bench.sim.world import STEP_S
from v2g.exi.facets import Type
from v2g.exi.least import least
from v2g.iso15118.d20.wire import PROTOCOLS
from v2g.messages import ExiError, codec, decode, encode
from v2g.messages.iso20 import ac, common, dc
from v2g.messages.iso20.types import MessageHeader, Processing, RationalNumber
from v2g.station.timeouts import FOLLOWS_S, RENEGOTIATES_S
from v2g.v2gtp.framing import PayloadType

_SETS = {ac.__name__: PayloadType.AC, dc.__name__: PayloadType.DC}
_POWER_DELIVERIES = (
    (common.ChargeProgress.Start, Processing.Finished),
    (common.ChargeProgress.Start, Processing.Ongoing),
    (common.ChargeProgress.Standby, Processing.Finished),
    (common.ChargeProgress.ScheduleRenegotiation, Processing.Finished),
    (common.ChargeProgress.ScheduleRenegotiation, Processing.Ongoing),
    (common.ChargeProgress.Stop, Processing.Ongoing),
)
"""All of them leave the contactor closed."""
_WILD = (
    RationalNumber(127, 32767),
    RationalNumber(127, -32768),
    RationalNumber(-128, 1),
    RationalNumber(0, 0),
    RationalNumber(0, -1),
    RationalNumber(2, -100),
    RationalNumber(3, 32767),
)


def say(rig: Rig, request: Type) -> None:
    """A request arrives at the station, whoever sent it."""
    payload_type = _payload_type(type(request))
    rig.world.say_as_car(payload_type, encode(PROTOCOLS[payload_type], request))


def _payload_type(kind: type[Type]) -> int:
    return _SETS.get(kind.__module__, PayloadType.MAIN)


def _header(rig: Rig, session_id: str | None = None) -> MessageHeader:
    """Of the present session, or of another one."""
    stated = rig.world.evse.visit.report.session_id if session_id is None else session_id
    return MessageHeader(SessionID=bytes.fromhex(stated or "00" * 8), TimeStamp=rig.world.unix_s)


def _power_delivery(rig: Rig, progress: common.ChargeProgress, processing: Processing) -> Type:
    return common.PowerDeliveryReq(Header=_header(rig), EVProcessing=processing, ChargeProgress=progress)


# What it says


def _out_of_turn(rig: Rig, random: Random) -> None:
    """A request that the phase may not admit."""
    say(rig, _any_request(random, _header(rig)))


def _other_session(rig: Rig, random: Random) -> None:
    say(rig, _any_request(random, _header(rig, "0123456789ABCDEF")))


def _any_request(random: Random, header: MessageHeader) -> Type:
    finished, progress = Processing.Finished, common.ChargeProgress
    requests: tuple[Callable[[], Type], ...] = (
        lambda: common.SessionStopReq(Header=header, ChargingSession=common.ChargingSession.Terminate),
        lambda: common.SessionStopReq(Header=header, ChargingSession=common.ChargingSession.Pause),
        lambda: common.AuthorizationSetupReq(Header=header),
        lambda: common.ServiceDiscoveryReq(Header=header),
        lambda: common.SessionSetupReq(Header=header, EVCCID="WMISOMEBODYELSE"),
        lambda: common.PowerDeliveryReq(Header=header, EVProcessing=finished, ChargeProgress=progress.Stop),
        lambda: common.PowerDeliveryReq(Header=header, EVProcessing=finished, ChargeProgress=progress.Start),
        lambda: dc.DC_CableCheckReq(Header=header),
        lambda: dc.DC_WeldingDetectionReq(Header=header, EVProcessing=Processing.Ongoing),
    )
    return random.choice(requests)()


@cache
def _no_requests() -> tuple[Type, ...]:
    """Valid documents that are no request: messages of a station, and bare elements."""
    found = []
    for payload_type, protocol in PROTOCOLS.items():
        schema = codec(protocol).schema
        for member in schema.elements:
            kind = member.type
            # A type of several sets counts once, in the one that `say` sends it in.
            if not isinstance(kind, type) or _payload_type(kind) != payload_type:
                continue
            if not kind.__name__.endswith("Req"):
                with suppress(ExiError):  # an abstract type, or one that wants an element of another schema
                    message = least(schema, kind)
                    encode(protocol, message)
                    found.append(message)
    return tuple(found)


def _no_request(rig: Rig, random: Random) -> None:
    message = random.choice(_no_requests())
    if "Header" in type(message).__struct_fields__:
        message = structs.replace(message, Header=_header(rig))
    say(rig, message)


def _power_delivery_once_more(rig: Rig, random: Random) -> None:
    say(rig, _power_delivery(rig, *random.choice(_POWER_DELIVERIES)))


def _then_silence(rig: Rig, random: Random) -> None:
    rig.take_over("PowerDelivery, then silence")
    _power_delivery_once_more(rig, random)


def _instead_of_the_loop(rig: Rig, random: Random) -> None:
    """The same PowerDelivery again and again, and nothing else."""
    kind, interval_s = random.choice(_POWER_DELIVERIES), random.choice((0.1, 0.3, 0.45, 1.0, 3.0))
    next_s = rig.world.now

    def repeat() -> None:
        nonlocal next_s
        if rig.world.now >= next_s - STEP_S / 2:
            next_s = rig.world.now + interval_s
            say(rig, _power_delivery(rig, *kind))

    rig.take_over("PowerDelivery instead of the loop")
    rig.routines["PowerDelivery instead of the loop"] = repeat


def _hang(rig: Rig, random: Random) -> None:
    rig.take_over("car hangs")


def _own_again(name: str) -> Kind:
    """A kind in which the car's software is replaced until it is over."""
    acts = {
        "car hangs": _hang,
        "PowerDelivery, then silence": _then_silence,
        "PowerDelivery instead of the loop": _instead_of_the_loop,
    }
    return Kind(acts[name], lambda rig: rig.give_back(name))


def _wild_numbers(rig: Rig, random: Random) -> None:
    def tamper(to_station: bool, payload_type: int, payload: bytes) -> Arrivals:
        if to_station and payload_type in (PayloadType.AC, PayloadType.DC):
            with suppress(ExiError):  # its bits may be flipped besides
                message = decode(PROTOCOLS[payload_type], payload)
                payload = encode(PROTOCOLS[payload_type], _made_wild(rig, random, message))
        return [(0.0, payload_type, payload)]

    rig.tampers["wild numbers"] = tamper


def _made_wild(rig: Rig, random: Random, message: Type) -> Type:
    """The same message with some of its numbers replaced."""
    changes: dict[str, object] = {}
    for name in type(message).__struct_fields__:
        value = getattr(message, name)
        if isinstance(value, RationalNumber):
            if random.random() < 0.15:
                changes[name] = random.choice(_WILD)
                rig.corrupted = True
        elif isinstance(value, Type) and name != "Header":
            changes[name] = _made_wild(rig, random, value)
    return structs.replace(message, **changes)


# What it takes and feeds


def _at_will(rig: Rig, random: Random) -> None:
    """The on-board charger moves this power as soon as there is voltage, whatever anybody says."""
    power_w = random.choice((-1, 1)) * random.uniform(1_000.0, 11_000.0)
    rig.greedy = True

    def take() -> None:
        car = rig.world.evcc
        if car is not None:
            command = replace(car.session.command, charger_w=power_w)
            car.session = replace(car.session, command=command)

    rig.routines["car draws or feeds at will"] = take


def _as_told(rig: Rig) -> None:
    rig.routines.pop("car draws or feeds at will", None)


def _at_will_without_a_word(rig: Rig, random: Random) -> None:
    """Before the charge loop, in it, or while the schedule is renegotiated."""
    rig.take_over("car moves power and says no more")
    _at_will(rig, random)
    if random.random() < 0.5:
        _power_delivery_once_more(rig, random)


def _talks_as_told(rig: Rig) -> None:
    rig.give_back("car moves power and says no more")
    _as_told(rig)


def _mute(rig: Rig, random: Random) -> None:
    rig.world.faults.mute = True
    rig.world.greed = random.choice((0.5, 1.0, 1.0, 1.5, 2.0))
    rig.greedy = rig.world.greed > 1.0


def _lower_limits(rig: Rig, random: Random) -> None:
    rig.lower_the_cars_limits(random.choice((0.0, random.uniform(0.1, 0.9))))


FAMILY: dict[str, Kind] = {
    "car hangs": _own_again("car hangs"),
    "request out of turn": Kind(_out_of_turn, repeats=True),
    "request of another session": Kind(_other_session, repeats=True),
    "no request at all": Kind(_no_request, repeats=True),
    "PowerDelivery once more": Kind(_power_delivery_once_more, repeats=True),
    "PowerDelivery, then silence": _own_again("PowerDelivery, then silence"),
    "PowerDelivery instead of the loop": _own_again("PowerDelivery instead of the loop"),
    "wild numbers": Kind(_wild_numbers, lambda rig: rig.forget("wild numbers")),
    "car draws or feeds at will": Kind(
        _at_will, _as_told, concerns=ac_only, needs_s=max(FOLLOWS_S, RENEGOTIATES_S), weight=2.0, shares="greed"
    ),
    "car moves power and says no more": Kind(
        _at_will_without_a_word, _talks_as_told, concerns=ac_only, weight=2.0, shares="greed"
    ),
    "car does not talk": Kind(_mute, concerns=with_fallback, from_the_plug=True, weight=8.0, shares="greed"),
    "car lowers its limits": Kind(_lower_limits, nothing, honest=True, needs_s=1.5),
}
"""By name."""
