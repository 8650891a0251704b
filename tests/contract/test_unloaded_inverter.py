"""What an inverter owes with nothing connected to its DC output: for a real device on the bench too.

    V2G_TEST_INVERTER=192.168.1.10:502 V2G_TEST_INVERTER_MAP=mine.yaml pytest tests/contract/test_unloaded_inverter.py

**The suite switches the device on, at its lowest rated output voltage**, with a current of 0. Leave the output open and
the station's daemon stopped. `tests/contract/inverters.py` names all variables.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract.bench import until
from tests.contract.inverters import SIMULATED, RealInverter, over_tcp, real
from tests.contract.simulators import simulator
from tests.serving import serving
from tests.stopwatch import within

from v2g.io.modbus import ModbusConnection
from v2g.power.errors import Unreachable
from v2g.power.inverter import (
    LOST_WITHIN_S,
    OFF,
    SILENT_OFF_WITHIN_S,
    Inverter,
    InverterFault,
    InverterMode,
    InverterReading,
    InverterSetpoint,
    InverterState,
)

pytestmark = pytest.mark.alone  # devices have a time in which to answer


class Link:
    """A TCP connection to the device through this process, which can be cut without touching the device."""

    def __init__(self, device: RealInverter) -> None:
        self._device = device
        self._writers: list[asyncio.StreamWriter] = []
        self.cut = False

    async def listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._connect, "127.0.0.1", 0)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._device.host, self._device.port)
        self._writers += [writer, back]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forward(reader, back))
            tasks.create_task(self._forward(there, writer))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            if not self.cut:
                writer.write(data)
        writer.close()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


@dataclass
class Bench:
    """A driver for the device, and its link."""

    inverter: Inverter
    link: Link

    async def reset(self) -> None:
        """Off, without fault."""

        async def sample() -> InverterState:
            await self.inverter.command(OFF)
            return (await self.inverter.read()).state

        await until(sample, lambda state: state is InverterState.OFF, 2.0)

    async def lowest(self) -> InverterSetpoint:
        """The output at its lowest rated voltage."""
        return InverterSetpoint(InverterMode.VOLTAGE, voltage_v=(await self.inverter.rating()).voltage_min_v)

    async def hold(self, setpoint: InverterSetpoint, holds: Callable[[InverterReading], bool]) -> InverterReading:
        """Commands again and again until the reading `holds`."""

        async def sample() -> InverterReading:
            await self.inverter.command(setpoint)
            return await self.inverter.read()

        return await until(sample, holds, 5.0)


@pytest.fixture(scope="module", params=[*SIMULATED, *(["real"] if real() else [])])
def device(request: pytest.FixtureRequest) -> Iterator[RealInverter]:
    named = real()
    if request.param == "real" and named is not None:
        yield named
    else:
        simulated = SIMULATED[request.param]
        with simulator(*simulated.arguments) as process:
            yield RealInverter(process.host, process.port, 1, over_tcp(simulated))


def run(device: RealInverter, test: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    """Runs `test` on a bench that starts off and without fault, and ends so."""

    async def limited() -> None:
        link = Link(device)
        async with asyncio.timeout(60), serving(await link.listen()) as server:
            port = server.sockets[0].getsockname()[1]
            connection = ModbusConnection("127.0.0.1", port)
            bench = Bench(device.driver(connection.unit(device.unit, "inverter")), link)
            await bench.reset()
            await test(bench)
            if not link.cut:
                await bench.reset()
            connection.close()
            link.close()

    asyncio.run(limited())


def test_it_says_what_it_can_do_and_measures_nothing_when_off(device: RealInverter) -> None:
    async def test(bench: Bench) -> None:
        rating = await bench.inverter.rating()
        assert 0 < rating.voltage_min_v < rating.voltage_max_v
        assert min(rating.charge_current_max_a, rating.charge_power_max_w) > 0
        before_s = time.monotonic()
        reading = await bench.inverter.read()
        assert before_s <= reading.time_s <= time.monotonic()
        assert (reading.state, reading.faults) == (InverterState.OFF, frozenset())
        assert abs(reading.current_a) < 1
        assert abs(reading.power_w) < 0.01 * rating.charge_power_max_w

    run(device, test)


def test_it_holds_a_voltage_as_long_as_it_is_commanded(device: RealInverter) -> None:
    async def test(bench: Bench) -> None:
        setpoint = await bench.lowest()
        await bench.hold(setpoint, lambda reading: abs(reading.voltage_v - setpoint.voltage_v) < 5)
        started_s = time.monotonic()

        def steady(reading: InverterReading) -> bool:
            assert reading.state is InverterState.ON
            assert reading.voltage_v == pytest.approx(setpoint.voltage_v, abs=5)
            assert abs(reading.current_a) < 1
            return time.monotonic() - started_s > 2 * SILENT_OFF_WITHIN_S

        await bench.hold(setpoint, steady)
        assert await bench.inverter.command(OFF) == OFF
        assert (await bench.inverter.read()).state is InverterState.OFF

    run(device, test)


def test_limits_beyond_its_rating_are_clipped(device: RealInverter) -> None:
    async def test(bench: Bench) -> None:
        rating, lowest = await bench.inverter.rating(), await bench.lowest()
        held = await bench.inverter.command(
            InverterSetpoint(InverterMode.VOLTAGE, lowest.voltage_v, charge_limit_w=1e6, discharge_limit_w=1e6)
        )
        assert held.voltage_v == pytest.approx(lowest.voltage_v, abs=1)
        assert held.charge_limit_w <= rating.charge_power_max_w
        assert held.discharge_limit_w <= rating.discharge_power_max_w

    run(device, test)


def test_silence_switches_it_off_and_it_says_so_until_commanded_off(device: RealInverter) -> None:
    async def test(bench: Bench) -> None:
        setpoint = await bench.lowest()
        await bench.hold(setpoint, lambda reading: reading.state is InverterState.ON)
        off = await until(
            bench.inverter.read, lambda reading: reading.state is InverterState.FAULT, SILENT_OFF_WITHIN_S
        )
        assert off.faults == {InverterFault.WATCHDOG}
        await bench.inverter.command(setpoint)
        assert (await bench.inverter.read()).state is InverterState.FAULT
        await bench.reset()

    run(device, test)


def test_a_cut_link_is_an_error_in_time_from_every_method(device: RealInverter) -> None:
    async def test(bench: Bench) -> None:
        await bench.inverter.rating()
        bench.link.cut = True
        for call in (bench.inverter.read, lambda: bench.inverter.command(OFF), bench.inverter.rating):
            with within(LOST_WITHIN_S), pytest.raises(Unreachable):
                await call()

    run(device, test)
