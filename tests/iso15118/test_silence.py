"""Whatever a car has said, silence is ended by the state that the power path is in: every state, every short sequence.

The walk knows nothing of the engine's timers: it keeps its own account of when energy was asked for last, and when the
phase began.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

import pytest
from msgspec.structs import replace as changed
from tests.iso15118.requests import every_request, exi, header, payload_type_of, session_stop
from tests.iso15118.test_secc_engine import PEER, READY

from v2g.exi.facets import Type
from v2g.iso15118.d20.station.side import STATION
from v2g.iso15118.d20.table import TABLE, Phase
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.session import Code, Refusal
from v2g.iso15118.station_engine import StationEngine
from v2g.iso15118.view import Authorization, Check, Offer, Stage, StationView
from v2g.kernel.fault import Fault
from v2g.messages.iso20 import common, dc
from v2g.messages.iso20.common import ChargeProgress, ChargingSession
from v2g.messages.iso20.types import Processing

SEQUENCE_S, ENERGY_S, RELAXED_S, CONTACTOR_S, SETUP_S = 60.0, 0.5, 2.0, 1.4, 18.0
TURN_S = 0.3
"""From one request to the next."""
ENDLESS_S = 130.0
"""No phase with a closed contactor goes on for so long unless energy flows."""
VIEWS = {
    "": READY,
    "contactor open": replace(READY, contactor_closed=False),
    "not ready": replace(READY, authorization=Authorization.PENDING, cable_check=Check.ONGOING, schedule=()),
}


@dataclass(frozen=True)
class Walker:
    """An engine, and what the test knows of it."""

    engine: StationEngine
    now: float = 0.0
    heard_s: float = 0.0
    """When the last request came."""
    answered_s: float = 0.0
    """When the last response went out."""
    looped_s: float = 0.0
    """When energy was asked for last."""
    entered_s: float = 0.0
    """When the phase began."""
    words: tuple[str, ...] = ()

    @property
    def state(self) -> tuple[object, ...]:
        """What an engine can be in, whenever that is."""
        session = self.engine.session
        return session.phase, session.demand.stage, self.engine.waits, self.engine.end is None

    @property
    def key(self) -> tuple[object, ...]:
        """The state with its clocks."""
        clocks = (self.heard_s, self.answered_s, self.looped_s, self.entered_s, self.engine.next_deadline() or 0.0)
        return *self.state, *(round(clock - self.now, 3) for clock in clocks)

    @property
    def stage(self) -> Stage:
        return self.engine.demand.stage

    def say(self, name: str, request: Type | None, view: StationView, turn_s: float = TURN_S) -> "Walker":
        """What a request makes of it, or (None) a change of the station."""
        engine, now = copy(self.engine), self.now + turn_s
        deadline, before = engine.next_deadline(), engine.session.phase
        if deadline is not None and deadline <= now:
            step = engine.expire(deadline, view)
        elif request is None:
            step = engine.renew(now, view)
        else:
            step = engine.receive(payload_type_of(request), exi(request), now, view)
        after = engine.session
        looped = name.startswith(("AC_ChargeLoop", "DC_ChargeLoop")) and after.demand.stage is Stage.ENERGY
        return Walker(
            engine,
            now,
            self.heard_s if request is None else now,
            now if step.send else self.answered_s,
            now if looped else self.looped_s,
            now if after.phase is not before else self.entered_s,
            (*self.words, name),
        )


def offer(service: Service, mode: ControlMode) -> Offer:
    return Offer("DE*V2G*E1", (service,), (mode,), precharge_tolerance_v=None)


def words(session_id: bytes, service: Service, mode: ControlMode) -> Iterator[tuple[str, Type]]:
    """Everything that a car of this service and mode may say, rightly or wrongly."""
    for request in every_request(session_id, service, mode):
        name = type(request).__name__
        if name in ("PowerDeliveryReq", "SessionStopReq"):
            continue
        yield name, request
        if isinstance(request, dc.DC_PreChargeReq | dc.DC_WeldingDetectionReq):
            yield f"{name}(Ongoing)", changed(request, EVProcessing=Processing.Ongoing)
    for progress in ChargeProgress:
        for processing in (Processing.Finished, Processing.Ongoing):
            request = common.PowerDeliveryReq(header(session_id), processing, progress)
            yield f"PowerDelivery({progress.value}, {processing.value})", request
    for kind in ChargingSession:
        yield f"SessionStop({kind.value})", session_stop(session_id, kind)


def steps(walker: Walker, service: Service, mode: ControlMode) -> Iterator[Walker]:
    """All that one request, or a change of the station, makes of it."""
    if walker.engine.end is not None:
        return
    for seen, view in VIEWS.items():
        if walker.engine.waits:
            yield walker.say(f"(renewed) {seen}", None, view)
        for name, request in words(walker.engine.session.session_id, service, mode):
            yield walker.say(f"{name} {seen}", request, view)


def explored(service: Service, mode: ControlMode, timing: str = "standard") -> list[Walker]:
    """One walker for each state that an engine can be in, by any admitted way."""
    start = Walker(StationEngine(STATION, offer(service, mode), setup_deadline=SETUP_S, peer=PEER, timing=timing))
    found, waiting = {start.state: start}, [start]
    while waiting:
        for after in steps(waiting.pop(0), service, mode):
            if after.state not in found:
                found[after.state] = after
                waiting.append(after)
    return list(found.values())


def owed_s(walker: Walker, energy_s: float) -> float | None:
    """When silence must end it: not later, and not earlier either."""
    if walker.engine.end is not None:
        return None
    if walker.engine.waits:
        return walker.heard_s + CONTACTOR_S
    if walker.stage is Stage.ENERGY:
        return walker.looped_s + energy_s
    if walker.stage is Stage.READY:
        return walker.entered_s + SEQUENCE_S
    return SETUP_S if not walker.words else walker.answered_s + SEQUENCE_S


CASES = [(service, mode, "standard") for service in Service for mode in ControlMode]


@pytest.mark.parametrize(
    ("service", "mode", "timing"), [*CASES, (Service.DC_BPT, ControlMode.DYNAMIC, "relaxed")], ids=str
)
def test_silence_is_ended_by_the_state(service: Service, mode: ControlMode, timing: str) -> None:
    """From each state, every sequence of up to three requests (admitted, refused, repeated), then silence."""
    energy_s = ENERGY_S if timing == "standard" else RELAXED_S
    seen: dict[tuple[object, ...], Walker] = {}
    layer = explored(service, mode, timing)
    for _ in range(4):
        fresh = {walker.key: walker for walker in layer if walker.key not in seen}
        seen |= fresh
        for walker in fresh.values():
            deadline, owed = walker.engine.next_deadline(), owed_s(walker, energy_s)
            assert deadline == (None if owed is None else pytest.approx(owed)), (walker.state, walker.words[-4:])
            if deadline is not None:
                engine = copy(walker.engine)
                engine.expire(deadline, READY)
                assert engine.demand.stage is Stage.OFF, walker.words
        layer = [after for walker in fresh.values() for after in steps(walker, service, mode)]
    assert len(seen) > 100


@pytest.mark.parametrize("service", Service)
def test_every_state_that_can_be_reached_is(service: Service) -> None:
    """The walk finds every phase of the table, and every stage of the power path."""
    dc_only = {Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.PRECHARGING, Phase.PRECHARGED, Phase.WELDING_DETECTION}
    states = explored(service, ControlMode.DYNAMIC)
    phases = {walker.engine.session.phase for walker in states}
    assert phases == set(TABLE) - ({Phase.STOPPING} if service.dc else dc_only)
    with_cable = {Stage.CABLE_CHECK, Stage.PRECHARGE}
    assert {walker.stage for walker in states} == (set(Stage) if service.dc else set(Stage) - with_cable)


@pytest.mark.parametrize("turn_s", [TURN_S, 20.0])
@pytest.mark.parametrize(
    ("service", "mode"), [(Service.DC_BPT, ControlMode.DYNAMIC), (Service.AC, ControlMode.SCHEDULED)]
)
def test_nothing_said_again_and_again_keeps_a_contactor_closed(
    service: Service, mode: ControlMode, turn_s: float
) -> None:
    checked = 0
    for walker in explored(service, mode):
        if walker.stage is Stage.OFF:
            continue
        for name, request in words(walker.engine.session.session_id, service, mode):
            for view in VIEWS.values():
                after = walker.say(name, request, view)
                while after.state == walker.state and after.now - walker.now < ENDLESS_S:
                    after = after.say(name, request, view, turn_s)
                checked += 1
                transfers = after.stage is Stage.ENERGY and "ChargeLoop" in name
                assert after.state != walker.state or transfers, (walker.words, name)
    assert checked > 300


def test_a_failed_session_waits_two_seconds_for_the_car_to_learn_of_it() -> None:
    for walker in explored(Service.DC_BPT, ControlMode.DYNAMIC):
        engine = copy(walker.engine)
        engine.fail(Refusal(Code.FAILED, "something broke", Fault.INTERNAL), walker.now, READY)
        assert engine.demand.stage is Stage.OFF
        deadline = engine.next_deadline()
        assert deadline is None or deadline <= walker.now + 2.0
