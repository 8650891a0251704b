"""Whatever a device answers, a driver returns a reading or raises `PowerError`."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.bench import power

from v2g.power.drivers.mapped import MappedContactor, MappedInverter, MappedIsolationMonitor, MappedMeter
from v2g.power.drivers.register_lock import RegisterLock
from v2g.power.drivers.register_map import (
    RegisterContactor,
    RegisterGridSensor,
    RegisterInverter,
    RegisterIsolationMonitor,
    RegisterMeter,
)
from v2g.power.drivers.register_pilot import RegisterPilot
from v2g.power.drivers.register_safety import RegisterSafetyInputs
from v2g.power.drivers.sunspec_grid_sensor import SunSpecGridSensor
from v2g.power.drivers.sunspec_inverter import SunSpecInverter
from v2g.power.errors import PowerError, Refused
from v2g.power.inverter import OFF
from v2g.power.registers.port import Table
from v2g.power.signals.device import SignalDevice
from v2g.power.signals.map import shipped
from v2g.power.signals.port import FrameId

WORDS = st.one_of(st.integers(0, 0xFFFF), st.sampled_from((0, 1, 2, 3, 4, 0x7FC0, 0x7F80, 0x8000, 0xFFFF)))


class Noise:
    """Registers that answer with whatever is drawn; some are not there."""

    device, address = "device", "nowhere"

    def __init__(self, words: Sequence[int], head: Sequence[int] = ()) -> None:
        self._words, self._head = words, head
        self._asked = 0

    async def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        self._asked += 1
        if self._asked > 1 and self._words[self._asked % len(self._words)] % 7 == 6:
            raise Refused(self.device, self.address, "illegal address", "none", no_such_place=True)
        if table is not Table.HOLDING and table is not Table.INPUT:
            return [self._words[(address + n + self._asked) % len(self._words)] & 1 for n in range(count)]
        known = {40_000 + n: word for n, word in enumerate(self._head)}
        return [
            known.get(address + n, self._words[(address + n + self._asked) % len(self._words)]) for n in range(count)
        ]

    async def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        assert all(0 <= word <= 0xFFFF for word in words)


class NoisyFrames:
    """Frames with whatever is drawn in them, of any length."""

    device, address = "device", "nowhere"

    def __init__(self, data: Sequence[bytes]) -> None:
        self._data = data

    async def send(self, frame: FrameId, data: bytes) -> None:
        assert len(data) == 8

    async def receive(self, frames: Collection[FrameId], within_s: float) -> Mapping[FrameId, bytes]:
        return {frame: self._data[frame.number % len(self._data)] for frame in frames}


def answered(*calls: Callable[[], Awaitable[object]]) -> None:
    async def each() -> None:
        for call in calls:
            try:
                await call()
            except PowerError:
                continue

    asyncio.run(each())


@pytest.mark.parametrize(
    "driver",
    [
        RegisterContactor,
        RegisterGridSensor,
        RegisterIsolationMonitor,
        RegisterLock,
        RegisterMeter,
        RegisterPilot,
        RegisterSafetyInputs,
    ],
)
@given(words=st.lists(WORDS, min_size=1, max_size=50))
def test_any_registers_make_a_reading_or_an_error_of_the_device(
    driver: Callable[[Noise], RegisterMeter], words: list[int]
) -> None:
    device = driver(Noise(words))
    answered(device.read, device.read)


@given(words=st.lists(WORDS, min_size=1, max_size=50))
def test_any_registers_of_an_inverter(words: list[int]) -> None:
    inverter = RegisterInverter(Noise(words))
    answered(inverter.rating, inverter.read, lambda: inverter.command(power(7_000)), lambda: inverter.command(OFF))


MODELS = [0x5375, 0x6E53, 701, 153]
"""A device that begins as a SunSpec device should."""


@given(words=st.lists(WORDS, min_size=1, max_size=50), head=st.sampled_from(([], MODELS[:2], MODELS)))
def test_any_registers_of_a_sunspec_device(words: list[int], head: list[int]) -> None:
    inverter, sensor = SunSpecInverter(Noise(words, head)), SunSpecGridSensor(Noise(words, head))
    answered(
        inverter.rating,
        inverter.read,
        lambda: inverter.command(power(7_000)),
        lambda: inverter.command(OFF),
        sensor.read,
    )


@given(data=st.lists(st.binary(max_size=8), min_size=1, max_size=10))
def test_any_frames_make_a_reading_or_an_error_of_the_device(data: list[bytes]) -> None:
    frames = NoisyFrames(data)
    inverter = MappedInverter(SignalDevice(frames, shipped("inverter")))
    contactor = MappedContactor(SignalDevice(frames, shipped("contactor")))
    answered(
        inverter.rating,
        inverter.read,
        lambda: inverter.command(power(7_000)),
        contactor.read,
        lambda: contactor.command(closed=True),
        MappedMeter(SignalDevice(frames, shipped("meter"))).read,
        MappedIsolationMonitor(SignalDevice(frames, shipped("isolation"))).read,
    )
