"""What a car says, takes and feeds that it must not: its software is another one, or its hardware obeys nobody."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from random import Random

from v2g.bench.mishaps.kind import Kind, ac_only, nothing, with_fallback
from v2g.bench.mishaps.rig import Arrivals, Rig
from v2g.bench.mishaps.speech import Made, made_wild, no_requests, speech
from v2g.bench.sim.world import STEP_S
from v2g.messages import ExiError, decode, encode
from v2g.station.timeouts import FOLLOWS_S, RENEGOTIATES_S
from v2g.v2gtp.framing import PayloadType


def say(rig: Rig, made: Made, session_id: str | None = None) -> None:
    """A request of the present session, or of another one, arrives at the station, whoever sent it."""
    stated = rig.world.evse.visit.report.session_id if session_id is None else session_id
    message = made(bytes.fromhex(stated or "00" * 8), rig.world.unix_s)
    rig.world.say_as_car(*speech(rig.edition).encoded(message))


# What it says


def _out_of_turn(rig: Rig, random: Random) -> None:
    """A request that the phase may not admit."""
    say(rig, random.choice(speech(rig.edition).requests))


def _other_session(rig: Rig, random: Random) -> None:
    say(rig, random.choice(speech(rig.edition).requests), "0123456789ABCDEF")


def _no_request(rig: Rig, random: Random) -> None:
    message = random.choice(no_requests(rig.edition))
    say(rig, partial(speech(rig.edition).stamped, message))


def _power_delivery_once_more(rig: Rig, random: Random) -> None:
    say(rig, random.choice(speech(rig.edition).power_deliveries))


def _then_silence(rig: Rig, random: Random) -> None:
    rig.take_over("PowerDelivery, then silence")
    _power_delivery_once_more(rig, random)


def _instead_of_the_loop(rig: Rig, random: Random) -> None:
    """The same PowerDelivery again and again, and nothing else."""
    made, interval_s = random.choice(speech(rig.edition).power_deliveries), random.choice((0.1, 0.3, 0.45, 1.0, 3.0))
    next_s = rig.world.now

    def repeat() -> None:
        nonlocal next_s
        if rig.world.now >= next_s - STEP_S / 2:
            next_s = rig.world.now + interval_s
            say(rig, made)

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
    said = speech(rig.edition)

    def tamper(to_station: bool, payload_type: int, payload: bytes) -> Arrivals:
        if to_station and payload_type in said.sets and payload_type != PayloadType.MAIN:
            with suppress(ExiError):  # its bits may be flipped besides
                before = decode(said.sets[payload_type], payload)
                message = made_wild(random, before)
                payload = encode(said.sets[payload_type], message)
                rig.corrupted |= message is not before
        return [(0.0, payload_type, payload)]

    rig.tampers["wild numbers"] = tamper


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
