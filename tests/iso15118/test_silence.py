"""Whatever a car has said, silence is ended by the state that the power path is in: every state, every short sequence.

The walk knows nothing of the engine's timers: it keeps its own account of when energy was asked for last, and when the
contactor was wanted closed.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

import pytest
from tests.iso15118.requests import every_request, exi, header, payload_type_of
from tests.iso15118.test_secc_engine import LIMITS, PEER, READY

from v2g.exi.facets import Type
from v2g.iso15118.d20.station.side import STATION
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.session import Code, Refusal
from v2g.iso15118.station_engine import StationEngine
from v2g.iso15118.view import Offer, Slot, Stage, StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso20 import common
from v2g.messages.iso20.common import ChargeProgress
from v2g.messages.iso20.types import Processing

SEQUENCE_S, ENERGY_S, RELAXED_S, CONTACTOR_S, SETUP_S = 60.0, 0.5, 2.0, 1.4, 18.0
TURN_S = 0.3
OPEN = replace(READY, contactor_closed=False)


@dataclass(frozen=True)
class Walker:
    """An engine, and what the test knows of it."""

    engine: StationEngine
    now: float
    heard_s: float
    """When the last request came."""
    looped_s: float
    """When energy was asked for last."""
    closed_s: float
    """When the state of a closed contactor without energy began."""
    words: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        session = self.engine.session
        deadline = self.engine.next_deadline()
        left_s = None if deadline is None else round(deadline - self.now, 3)
        return session.phase, session.demand.stage, self.engine.waits, self.engine.end is None, left_s

    def say(self, name: str, request: Type, view: StationView) -> "Walker":
        engine, now = copy(self.engine), self.now + TURN_S
        before = engine.session
        engine.receive(payload_type_of(request), exi(request), now, view)
        after = engine.session
        entered = (before.phase, before.demand.stage) != (after.phase, after.demand.stage)
        looped = name.endswith("ChargeLoopReq") and after.demand.stage is Stage.ENERGY
        return Walker(
            engine,
            now,
            now,
            now if looped else self.looped_s,
            now if entered else self.closed_s,
            (*self.words, name),
        )


def offer(service: Service, mode: ControlMode) -> Offer:
    return Offer("DE*V2G*E1", (service,), (mode,), precharge_tolerance_v=None)


def words(session_id: bytes, service: Service, mode: ControlMode) -> Iterator[tuple[str, Type]]:
    """Everything that a car of this service and mode may say, rightly or wrongly."""
    other = "AC_" if service.dc else "DC_"
    for request in every_request(session_id, service, mode):
        name = type(request).__name__
        if not name.startswith(other) and name != "PowerDeliveryReq":
            yield name, request
    for progress in ChargeProgress:
        for processing in (Processing.Finished, Processing.Ongoing):
            request = common.PowerDeliveryReq(header(session_id), processing, progress)
            yield f"PowerDelivery({progress.value}, {processing.value})", request


def explored(service: Service, mode: ControlMode, timing: str) -> dict[tuple[object, ...], Walker]:
    """One walker for each state that an engine can be in, by any admitted way."""
    engine = StationEngine(STATION, offer(service, mode), setup_deadline=SETUP_S, peer=PEER, timing=timing)
    view = replace(READY, limits=LIMITS, schedule=(Slot(3600, 15_000, 12_000),))
    start = Walker(engine, 0.0, 0.0, 0.0, 0.0)
    found, waiting = {start.key: start}, [start]
    while waiting:
        walker = waiting.pop()
        if walker.engine.end is not None:
            continue
        for name, request in words(walker.engine.session.session_id, service, mode):
            for seen in (view, replace(OPEN, schedule=view.schedule)):
                after = walker.say(name, request, seen)
                if after.key not in found and len(found) < 600:
                    found[after.key] = after
                    waiting.insert(0, after)
    return found


def owed_s(walker: Walker, energy_s: float) -> float | None:
    """When silence must end it, at the latest."""
    engine, stage = walker.engine, walker.engine.session.demand.stage
    if engine.end is not None:
        return None
    if engine.waits:
        return walker.heard_s + CONTACTOR_S
    if stage is Stage.ENERGY:
        return walker.looped_s + energy_s
    if stage is Stage.READY:
        return walker.closed_s + SEQUENCE_S
    return SETUP_S if not walker.words else walker.heard_s + SEQUENCE_S


CASES = [(service, mode, "standard") for service in Service for mode in ControlMode]


@pytest.mark.parametrize(
    ("service", "mode", "timing"), [*CASES, (Service.DC_BPT, ControlMode.DYNAMIC, "relaxed")], ids=str
)
def test_silence_is_ended_by_the_state(service: Service, mode: ControlMode, timing: str) -> None:
    energy_s = ENERGY_S if timing == "standard" else RELAXED_S
    states = explored(service, mode, timing)
    stages = {walker.engine.session.demand.stage for walker in states.values()}
    assert stages >= ({Stage.CABLE_CHECK, Stage.PRECHARGE} if service.dc else set()) | {Stage.READY, Stage.ENERGY}
    checked = 0
    for walker in states.values():
        for after in sequences(walker, service, mode, 2 if walker.engine.session.demand.stage is Stage.ENERGY else 1):
            checked += 1
            deadline, owed = after.engine.next_deadline(), owed_s(after, energy_s)
            assert (deadline is None) == (owed is None), after.words
            if deadline is not None and owed is not None:
                assert deadline <= owed + 1e-9, after.words
                engine = copy(after.engine)
                engine.expire(deadline, READY)
                assert engine.session.demand.stage is Stage.OFF, after.words
    assert checked > 300


def sequences(walker: Walker, service: Service, mode: ControlMode, length: int) -> Iterator[Walker]:
    """The walker, and all that up to `length` more requests make of it."""
    yield walker
    if length == 0 or walker.engine.end is not None:
        return
    for name, request in words(walker.engine.session.session_id, service, mode):
        yield from sequences(walker.say(name, request, READY), service, mode, length - 1)


def test_a_failed_session_waits_two_seconds_for_the_car_to_learn_of_it() -> None:
    for walker in explored(Service.DC_BPT, ControlMode.DYNAMIC, "standard").values():
        engine = copy(walker.engine)
        engine.fail(Refusal(Code.FAILED, "something broke", Fault.INTERNAL), walker.now, READY)
        assert engine.session.demand.stage is Stage.OFF
        deadline = engine.next_deadline()
        assert deadline is None or deadline <= walker.now + 2.0
