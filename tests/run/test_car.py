"""A car in real time at a station on the loopback."""

import asyncio
import socket
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.io.jumping_loop import JumpingLoop, run_ahead
from tests.run.station_bench import BenchStation, contexts

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.vehicle import OwnBattery
from v2g.io.discovery import Endpoint, link_local, respond, scoped
from v2g.iso15118.car_session import Report
from v2g.iso15118.event import Event, Moved
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Command, Intent, VehicleState
from v2g.iso15118.view import Limits, Stop
from v2g.kernel.fault import Fault
from v2g.pki.hierarchy import create
from v2g.run.car import Car, Energy
from v2g.v2gtp.sdp import SdpError, SdpResponse, Security

LIMIT_S = 15.0
LIMITS = Limits(charge_w=11_000, discharge_w=11_000, charge_a=40, discharge_a=40, voltage_min_v=300, voltage_max_v=460)


class Watcher:
    """Notes what it sees; `at_turn` may be set to act in the charge loop."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.phases: list[str] = []
        self.powers_w: list[float] = []
        self.looping = asyncio.Event()

    def note(self, text: str) -> None:
        self.notes.append(text)

    def event(self, event: Event) -> None:
        if isinstance(event, Moved):
            self.phases.append(event.after)

    def turn(self, vehicle: VehicleState, report: Report) -> None:
        self.powers_w.append(vehicle.power_w)
        self.looping.set()


class Refused(Watcher):
    """Hears of a station that does not accept."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = asyncio.Event()

    def note(self, text: str) -> None:
        if text.startswith("no connection to"):
            self.heard.set()


def no_refusals(sender: str, error: SdpError | str) -> None:
    raise AssertionError(f"{sender}: {error}")


class Obeying(OwnBattery):
    """Remembers the last command."""

    last = Command()

    def obey(self, command: Command) -> None:
        self.last = command
        super().obey(command)


def intent(service: Service = Service.DC_BPT, **others: Any) -> Intent:
    return Intent(evcc_id="WMIV1234567890ABCDEX", service=service, mode=ControlMode.DYNAMIC, limits=LIMITS, **others)


def vehicle(service: Service = Service.DC_BPT) -> Obeying:
    return Obeying(Battery(60_000, 0.5), dc=service.dc)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            await scenario

    asyncio.run(bounded())


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("car") / "pki"
    create(directory, now=datetime.now(UTC))
    return directory


@pytest.mark.alone
@pytest.mark.parametrize("service", [Service.DC_BPT, Service.AC_BPT])
@pytest.mark.parametrize("power_w", [5_000.0, -5_000.0])
def test_a_whole_session_in_real_time(service: Service, power_w: float) -> None:
    async def scenario() -> None:
        server, port = await BenchStation(power_w=power_w).listen()
        watcher, own = Watcher(), vehicle(service)
        car = Car(intent(service, duration_s=0.5, loop_interval_s=0.05), own, watcher)
        outcome = await car.drive(Endpoint("::1", port), None)
        assert outcome.end.fault is None
        assert outcome.end.reason == "the duration is over"
        assert watcher.phases[-1] == "ENDED"
        assert watcher.notes == [f"station at [::1]:{port}, NO TLS"]
        assert 8 <= len(watcher.powers_w) <= 11
        assert outcome.messages == pytest.approx(2 * (len(watcher.powers_w) + 14), abs=10)
        expected_wh = abs(power_w) * 0.45 / 3600
        flowed, other = outcome.charged_wh, outcome.discharged_wh
        if power_w < 0:
            flowed, other = other, flowed
        assert flowed == pytest.approx(expected_wh, rel=0.2)
        assert other == 0
        assert (outcome.soc_end > outcome.soc_start) == (power_w > 0)
        assert own.last == Command()
        server.close()

    run(scenario())


def test_a_session_with_tls_is_paused_and_taken_up_again(pki: Path) -> None:
    secc, car_tls = contexts(pki)

    async def scenario() -> None:
        server, port = await BenchStation().listen(secc)
        first = await Car(intent(duration_s=0.2, pause=True), vehicle(), Watcher()).drive(
            Endpoint("::1", port), car_tls
        )
        assert first.end.paused is not None
        watcher = Watcher()
        again = Car(intent(duration_s=0.2), vehicle(), watcher, first.end.paused)
        outcome = await again.drive(Endpoint("::1", port), car_tls)
        assert outcome.end.fault is None
        assert watcher.phases[0] == "CHARGE_PARAMETERS"
        assert watcher.notes == [f"station at [::1]:{port}, TLS 1.3"]
        server.close()

    run(scenario())


def test_a_car_that_wants_tls_does_not_talk_to_a_plain_station(pki: Path) -> None:
    async def scenario() -> None:
        station = BenchStation()
        server, port = await station.listen()
        outcome = await Car(intent(), vehicle(), Watcher()).drive(Endpoint("::1", port), contexts(pki)[1])
        assert outcome.end.fault is Fault.TLS
        assert outcome.messages == 0
        server.close()

    run(scenario())


def test_a_station_that_vanishes_leaves_the_vehicle_safe() -> None:
    def vanish(station: BenchStation) -> None:
        if station.link is not None:
            station.link.abort()

    async def scenario() -> None:
        server, port = await BenchStation(at_loop=vanish).listen()
        own = vehicle()
        outcome = await Car(intent(), own, Watcher()).drive(Endpoint("::1", port), None)
        assert outcome.end.fault is Fault.CONNECTION_LOST
        assert own.last == Command()
        server.close()

    run(scenario())


def test_a_station_that_speaks_no_v2gtp_is_left() -> None:
    async def scenario() -> None:
        async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await reader.read()
            writer.close()

        server = await asyncio.start_server(web, "::1", 0)
        port = server.sockets[0].getsockname()[1]
        outcome = await Car(intent(), vehicle(), Watcher()).drive(Endpoint("::1", port), None)
        assert outcome.end.fault is Fault.FRAMING
        server.close()

    run(scenario())


def test_nobody_at_the_address_is_said() -> None:
    async def scenario() -> None:
        outcome = await Car(intent(), vehicle(), Watcher()).drive(Endpoint("::1", 1), None)
        assert outcome.end.fault is Fault.CONNECTION_LOST
        assert "no connection to [::1]:1" in outcome.end.reason

    run(scenario())


def test_the_driver_ends_the_session_in_order() -> None:
    async def scenario() -> None:
        station = BenchStation()
        server, port = await station.listen()
        watcher = Watcher()
        car = Car(intent(), vehicle(), watcher)
        driving = asyncio.create_task(car.drive(Endpoint("::1", port), None))
        await watcher.looping.wait()
        car.stop(Stop.TERMINATE)
        outcome = await driving
        assert outcome.end.fault is None
        assert outcome.end.reason == "the driver ended it"
        assert station.conversation is not None
        assert station.conversation.end is not None
        assert station.conversation.end.fault is None
        server.close()

    run(scenario())


def test_a_driver_who_insists_breaks_off_at_once() -> None:
    async def scenario() -> None:
        server, port = await BenchStation().listen()
        watcher, own = Watcher(), vehicle()
        car = Car(intent(), own, watcher)
        driving = asyncio.create_task(car.drive(Endpoint("::1", port), None))
        await watcher.looping.wait()
        car.stop(Stop.TERMINATE)
        car.stop(Stop.TERMINATE)
        outcome = await driving
        assert outcome.end.fault is Fault.CONNECTION_LOST
        assert outcome.end.reason == "broken off by the driver"
        assert own.last == Command()
        server.close()

    run(scenario())


def test_a_driver_need_not_wait_for_a_station_that_does_not_answer(pki: Path) -> None:
    async def scenario() -> None:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as silent:
            car = Car(intent(), vehicle(), Watcher())
            route = Endpoint("::1", silent.getsockname()[1])
            driving = asyncio.create_task(car.drive(route, contexts(pki)[1]))
            accepted, _ = await asyncio.to_thread(silent.accept)
            car.stop(Stop.TERMINATE)
            outcome = await driving
            accepted.close()
        assert outcome.end.reason == "broken off by the driver"

    run(scenario())


def test_no_session_within_the_setup_time_ends_it() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as silent:
            car = Car(intent(), vehicle(), Watcher())
            driving = asyncio.create_task(car.drive(Endpoint("::1", silent.getsockname()[1]), None))
            accepted, _ = await asyncio.to_thread(silent.accept)
            loop.ahead_s = 20.0
            outcome = await driving
            accepted.close()
        assert outcome.end.fault is Fault.COMMUNICATION_SETUP_TIMEOUT

    run_ahead(scenario)


@pytest.mark.netns
def test_a_car_searches_again_while_the_station_it_found_does_not_accept(cables: tuple[tuple[str, str], ...]) -> None:
    car_end, station_end = cables[0]

    async def scenario() -> None:
        own, watcher = await link_local(station_end), Refused()
        too_early = await respond(station_end, SdpResponse(own, 1, Security.NONE), no_refusals)
        car = Car(intent(duration_s=0.2), vehicle(), watcher)
        driving = asyncio.create_task(car.drive(car_end, None))
        await watcher.heard.wait()
        too_early.close()
        server, port = await BenchStation().listen(host=scoped(own, station_end))
        ready = await respond(station_end, SdpResponse(own, port, Security.NONE), no_refusals)
        outcome = await driving
        assert outcome.end.fault is None
        ready.close()
        server.close()

    run(scenario())


@pytest.mark.netns
def test_a_search_in_vain_ends_with_the_setup_time(cables: tuple[tuple[str, str], ...]) -> None:
    class FastLoop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return 50 * super().time()

    async def scenario() -> None:
        await link_local(cables[1][0])
        outcome = await Car(intent(), vehicle(), Watcher()).drive(cables[1][0], None)
        assert outcome.end.fault is Fault.COMMUNICATION_SETUP_TIMEOUT
        assert outcome.end.reason == "no connection to a station within 20 s"

    with asyncio.Runner(loop_factory=FastLoop) as runner:
        runner.run(scenario())


def test_a_failure_of_the_cars_own_software_leaves_the_vehicle_safe(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Obeying):
        def observe(self, current_a: float, now: float) -> None:
            raise ZeroDivisionError("in the vehicle")

    async def scenario() -> None:
        server, port = await BenchStation().listen()
        own = Broken(Battery(60_000, 0.5), dc=True)
        outcome = await Car(intent(), own, Watcher()).drive(Endpoint("::1", port), None)
        assert outcome.end.fault is Fault.INTERNAL
        assert outcome.end.reason == "ZeroDivisionError: in the vehicle"
        assert own.last == Command()
        server.close()

    run(scenario())
    assert "the car's software failed" in caplog.text


def test_energy_is_the_integral_of_the_power() -> None:
    energy = Energy()
    for now, power_w in ((0, 0), (3600, 1000), (7200, 1000), (7200, -500), (10800, -500)):
        energy.sample(float(now), float(power_w))
    assert (energy.charged_wh, energy.discharged_wh) == (1500, 500)
