"""What a runner makes of its EVSE's steps: what it reports, and when the process may end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from io import StringIO

import pytest
from msgspec.structs import replace as changed
from tests.io.jumping_loop import JumpingLoop, run_ahead
from tests.station.scene import INTENT, OUTLET

from v2g.bench.sim.world import World
from v2g.grid.settings import load, names
from v2g.io.link import Peer
from v2g.io.trace import SessionTrace
from v2g.iso15118.timeouts import CAR_SETUP_S
from v2g.iso15118.view import Stage, Stop
from v2g.kernel.fault import Fault
from v2g.pilot.duty import DIGITAL
from v2g.power.contactor import ContactorReading
from v2g.power.inverter import InverterReading, InverterState
from v2g.run.evse import IDLE_POLL_S, POLL_S, REPEAT_S, EvseRunner
from v2g.station.config.settings import Access, Device, Pilot
from v2g.station.evse import Evse
from v2g.station.orders import Orders
from v2g.station.readings import Readings
from v2g.station.step import Step
from v2g.v2gtp.sdp import Security

Command = Callable[[Orders], Awaitable[None]]
NOBODY = Device(address="modbus://127.0.0.1:1")
DC = ("contactor", "meter", "inverter", "isolation", "grid")
EVSE = changed(
    OUTLET,
    services=("AC",),
    inverter=None,
    isolation=None,
    contactor=NOBODY,
    meter=NOBODY,
    grid=NOBODY,
    pilot=Pilot(device=NOBODY, fallback_a=16.0, digital_s=2.0, retries=0),
    access=Access(grant="everyone"),
)


def test_a_defect_that_lasts_is_reported_again_and_again_but_not_at_once() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        trace = StringIO()
        runner = EvseRunner(Evse(EVSE), SessionTrace(None, echo=trace), lambda: None)
        for defect in (1, "another"):
            for _ in range(25):
                runner.evse.site = defect  # type: ignore[assignment]  # a defect of ours
                runner.heed()
                loop.ahead_s += REPEAT_S / 10
        reasons = [line.partition("0x7F")[2] for line in trace.getvalue().splitlines() if "0x7F" in line]
        assert [reason.count("int") for reason in reasons] == [1, 1, 1, 0, 0, 0]

    run_ahead(scenario)


def test_the_process_waits_for_a_car_that_draws_by_the_duty_cycle() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        world = World(EVSE, INTENT)
        runner = EvseRunner(world.evse, SessionTrace(None), lambda: None)
        world.faults.mute = True
        world.run(3.0)
        world.plug_in()
        world.run(20.0)
        assert world.contactor.closed
        loop.ahead_s += world.now - loop.time()
        runner.heed()
        assert not runner.idle.is_set()
        world.evse.stop(Stop.TERMINATE, world.now)
        world.run(5.0)
        loop.ahead_s += world.now - loop.time()
        runner.heed()
        assert runner.idle.is_set()

    run_ahead(scenario)


CLEAR = Peer("fe80::1%eth0", 50_000, None)


def serves_in_clear(runner: EvseRunner, peer: Peer = CLEAR) -> bool:
    served = runner.seat(runner.car(plain=True), peer)
    runner.evse.disconnected(0.0, Fault.CONNECTION_LOST, "gone")
    return served


def test_who_asked_for_tls_is_not_served_without_until_it_is_unplugged() -> None:
    """Somebody in between may have changed the station's answer to discovery into that of the port without TLS, may
    search in the car's name, and may connect in its own."""

    async def scenario(loop: JumpingLoop) -> None:
        trace = StringIO()
        world = World(EVSE, INTENT)
        world.faults.mute = True
        world.run(3.0)
        world.plug_in()
        world.run(1.0)
        loop.ahead_s += world.now - loop.time()
        runner = EvseRunner(world.evse, SessionTrace(None, echo=trace), lambda: None)
        runner.searched(Security.NONE)
        assert serves_in_clear(runner)
        runner.searched(Security.TLS)
        runner.searched(Security.NONE)
        loop.ahead_s += 3600.0
        assert not serves_in_clear(runner)
        assert not serves_in_clear(runner, replace(CLEAR, host="fe80::2%eth0"))
        refused = "a car here asked for TLS, and this one connects without"
        assert refused in trace.getvalue()
        assert runner.refused_plain is not None
        assert refused in runner.refused_plain, "the operator sees it after the trace's few lines, too"
        assert runner.seat(runner.car(), CLEAR), "a station that has no TLS serves it as it can"
        runner.evse.disconnected(loop.time(), Fault.CONNECTION_LOST, "gone")
        world.pull_out()
        world.run(1.0)
        runner._do(Step((), runner._orders, tuple(event for _, event in world.events)))
        assert runner.refused_plain is None
        world.plug_in()
        world.run(1.0)
        assert serves_in_clear(runner)

    run_ahead(scenario)


def test_without_a_pilot_the_mark_lasts_as_long_as_a_car_has_to_set_up_a_session() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        runner = EvseRunner(Evse(changed(EVSE, pilot=None)), SessionTrace(None), lambda: None)
        runner.searched(Security.TLS)
        loop.ahead_s += CAR_SETUP_S - 1.0
        runner.searched(Security.NONE)
        assert not serves_in_clear(runner)
        loop.ahead_s += 2.0
        assert serves_in_clear(runner)

    run_ahead(scenario)


def with_a_car(*, closed: bool, id: int = 1, inverter: InverterReading | None = None) -> EvseRunner:
    """A car is connected. `closed`: how the contactor is seen."""
    runner = EvseRunner(Evse(changed(EVSE, id=id, pilot=None)), SessionTrace(None), lambda: None)
    assert runner.seat(runner.car(), Peer("fe80::1", 50_000, None))
    contactor = ContactorReading(0.0, closed, commanded=closed, fault=None)
    runner.devices.readings = Readings(contactor=contactor, inverter=inverter)
    return runner


@pytest.mark.parametrize(
    ("closed", "current_a", "pace_s"),
    [(False, None, 0.1), (True, None, 0.02), (True, 0.2, 0.1), (True, 2.0, 0.02), (True, -2.0, 0.02)],
)
def test_the_grid_is_read_at_each_cycle_while_energy_may_flow(
    closed: bool, current_a: float | None, pace_s: float
) -> None:
    async def scenario(loop: JumpingLoop) -> None:
        inverter = None
        if current_a is not None:
            inverter = InverterReading(0.0, InverterState.OFF, frozenset(), 400.0, current_a, 0.0, 0.0, 0.0, 25.0)
        runner = with_a_car(closed=closed, inverter=inverter)
        await asyncio.sleep(0.11 - loop.time() % 0.1)  # a tenth of the slower pace has passed
        assert (runner.turn_of("grid sensing unit") - loop.time() < 0.05) is (pace_s == 0.02)

    run_ahead(scenario)


@pytest.mark.parametrize(
    ("stage", "waits"), [(Stage.OFF, True), (Stage.CABLE_CHECK, False), (Stage.PRECHARGE, False), (Stage.ENERGY, True)]
)
def test_numbers_wait_for_the_next_look_at_the_grid_only_while_that_comes_soon(stage: Stage, waits: bool) -> None:
    async def scenario(loop: JumpingLoop) -> None:
        world = World(changed(OUTLET, **dict.fromkeys(DC, NOBODY)), INTENT)
        runner = EvseRunner(world.evse, SessionTrace(None), lambda: None)
        seen: list[Readings] = []
        world.as_read = lambda readings: seen.append(readings) or readings  # type: ignore[func-returns-value]
        world.run(3.0)
        world.plug_in()
        world.run(10.0, until=lambda: world.evse.demand.stage is stage)
        loop.ahead_s += world.now - loop.time()
        runner.devices.readings = seen[-1]
        await runner._read("grid sensing unit")  # nobody answers: its latest reading is looked at
        assert runner.evse.demand.stage is stage
        assert runner.waits("inverter") is waits

    run_ahead(scenario)


def test_an_ac_car_may_draw_as_soon_as_its_contactor_is_to_close() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        runner = with_a_car(closed=False)
        runner._orders = Orders(contactor_closed=True)
        await asyncio.sleep(0.11 - loop.time() % 0.1)
        assert runner.turn_of("grid sensing unit") - loop.time() < 0.05

    run_ahead(scenario)


@pytest.mark.parametrize("name", names())
def test_no_grid_code_admits_that_a_reading_goes_stale_before_the_next_one(name: str) -> None:
    async def scenario(loop: JumpingLoop) -> None:
        runner = with_a_car(closed=False)
        await asyncio.sleep(0.2 - loop.time() % 0.1)
        pace_s = runner.turn_of("grid sensing unit") - loop.time()
        assert load(name).settings["measurement.stale_s"].low > 2 * pace_s

    run_ahead(scenario)


def test_a_command_is_repeated_within_the_time_that_a_device_states_and_at_rest_seldom() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        runner = EvseRunner(Evse(EVSE), SessionTrace(None), lambda: None)
        devices = runner.devices
        assert devices.pilot is not None

        async def lasts_s(command: Command, orders: Orders) -> float:
            """From an instant of all paces on."""
            await asyncio.sleep(0.5 - loop.time() % 0.5 + 0.001)
            runner._orders = orders
            return runner.turn_of_command(command) - loop.time()

        at_rest, waits = Orders(), Orders(pilot_duty=DIGITAL)
        carries = Orders(contactor_closed=True)
        assert await lasts_s(devices.command_contactor, at_rest) > 0.2
        assert await lasts_s(devices.command_contactor, waits) > 0.2
        assert await lasts_s(devices.command_pilot, at_rest) > 0.2
        assert await lasts_s(devices.command_pilot, waits) < 0.11, "or a car sees state F after one lost write"
        assert await lasts_s(devices.command_contactor, carries) < 0.11
        devices.heartbeat_s = 0.04
        assert await lasts_s(devices.command_contactor, carries) < 0.05

    run_ahead(scenario)


def test_slow_devices_of_an_evse_are_read_at_the_same_instants_and_those_of_another_are_not() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        runner, other = with_a_car(closed=True), with_a_car(closed=True, id=2)
        meter_s, contactor_s = runner.turn_of("meter"), runner.turn_of("contactor")
        assert 0 < meter_s - loop.time() <= 1.1 * POLL_S
        assert round((contactor_s - meter_s) / POLL_S, 6).is_integer()
        assert not round((other.turn_of("meter") - meter_s) / POLL_S, 6).is_integer()
        at_rest = EvseRunner(Evse(EVSE), SessionTrace(None), lambda: None)
        assert 0 < at_rest.turn_of("meter") - loop.time() <= 1.1 * IDLE_POLL_S

    run_ahead(scenario)
