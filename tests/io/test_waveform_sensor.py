"""A grid sensor from samples: accuracy, gaps, steps, and who may send."""

import asyncio
import socket
from collections.abc import Sequence
from math import nan, pi, sin, sqrt

import pytest

from v2g.bench.sim.grid import Recording, Sample
from v2g.bench.sim.waveform import Waveforms
from v2g.io.waveform import UdpSamples, WaveformGridSensor
from v2g.power.errors import Implausible, Unreachable
from v2g.power.grid_sensor import GridReading
from v2g.power.waveform import SampleBlock, encode


class Played:
    """A source whose blocks are all there."""

    def __init__(self, blocks: Sequence[SampleBlock]) -> None:
        self._blocks = list(blocks)

    async def blocks(self) -> Sequence[SampleBlock]:
        blocks, self._blocks = self._blocks[:1], self._blocks[1:]
        if not blocks:
            raise Unreachable("grid sensing unit", "played", "the end", "none")
        return blocks


def readings(blocks: Sequence[SampleBlock], nominal_hz: float = 50) -> list[GridReading | None]:
    """What the sensor says after each block; None where it does not know."""

    async def read() -> list[GridReading | None]:
        sensor = WaveformGridSensor(Played(blocks), nominal_hz, 230, clock=lambda: 7.0)
        found: list[GridReading | None] = []
        for _ in blocks:
            try:
                found.append(await sensor.read())
            except Implausible:
                found.append(None)
        return found

    return asyncio.run(read())


def blocks(recording: Recording, seconds: float) -> list[SampleBlock]:
    waveforms = Waveforms(recording)
    return [waveforms.block(32) for _ in range(round(seconds * 100))]


def steady(frequency_hz: float, *voltages_v: float) -> Recording:
    l1_v, l2_v, l3_v = voltages_v or (230.0, 230.0, 230.0)
    return Recording([Sample(time_s, frequency_hz, (l1_v, l2_v, l3_v)) for time_s in (0, 1000)])


@pytest.mark.parametrize("nominal_hz", [50, 60])
@pytest.mark.parametrize("offset_hz", [-2.0, 0.1, 1.0])
def test_a_steady_grid(nominal_hz: int, offset_hz: float) -> None:
    *_, last = readings(blocks(steady(nominal_hz + offset_hz, 230, 207, 253), 0.6), nominal_hz)
    assert last is not None
    assert last.frequency_hz == pytest.approx(nominal_hz + offset_hz, abs=0.02)
    assert last.voltages_v == pytest.approx((230, 207, 253), rel=0.01)
    assert last.rocof_hz_per_s == pytest.approx(0, abs=0.1)
    assert last.phase_jump_deg == 0
    assert (last.time_s, last.sequence) == (7.0, 60)
    assert (last.power_w, last.reactive_var) == (None, None)


def test_a_ramp_of_the_frequency() -> None:
    ramp = Recording([Sample(0, 50.0), Sample(0.5, 50.0), Sample(1.5, 49.0), Sample(1000, 49.0)])
    found = readings(blocks(ramp, 1.4))
    assert found[-1] is not None
    assert found[-1].rocof_hz_per_s == pytest.approx(-1.0, abs=0.1)


def test_a_lost_phase_leaves_frequency_and_the_others() -> None:
    *_, last = readings(blocks(steady(49.8, 0, 230, 230), 0.3))
    assert last is not None
    assert last.voltages_v[0] < 1
    assert last.frequency_hz == pytest.approx(49.8, abs=0.02)
    *_, dead = readings(blocks(steady(49.8, 0, 0, 0), 0.3))
    assert dead is not None
    assert max(dead.voltages_v) < 1


def test_a_phase_jump_is_told_where_it_is_most() -> None:
    def sample(index: int) -> tuple[float, float, float]:
        angle = 2 * pi * 50 * index / 3200
        jump = pi / 6 if index >= 1600 else 0.0
        l1_v, l2_v, l3_v = (sqrt(2) * 230 * sin(angle + turned) for turned in (0.0, jump - 2 * pi / 3, 2 * pi / 3))
        return l1_v, l2_v, l3_v

    made = [SampleBlock(first, 3200, [sample(first + n) for n in range(32)]) for first in range(0, 3200, 32)]
    jumps = [reading.phase_jump_deg for reading in readings(made) if reading is not None]
    assert max(abs(jump or 0.0) for jump in jumps) == pytest.approx(30, abs=3)
    assert jumps[-1] == 0


def test_after_a_gap_or_no_number_it_knows_nothing_for_five_cycles() -> None:
    sound = blocks(steady(50.0), 0.6)
    gap = sound[:30] + sound[31:]
    assert [reading is None for reading in readings(gap)] == [True] * 9 + [False] * 21 + [True] * 9 + [False] * 20
    wrong = SampleBlock(sound[30].first, 3200, [(230.0, nan, 230.0)] * 32)
    after = readings([*sound[:30], wrong, *sound[31:]])
    assert after[30:40] == [None] * 10


def test_too_few_samples_a_cycle() -> None:
    async def test() -> None:
        sensor = WaveformGridSensor(Played([SampleBlock(0, 600, [(0.0, 0.0, 0.0)])]), 50, 230)
        with pytest.raises(Implausible, match="fewer than 16"):
            await sensor.read()

    asyncio.run(test())


def test_only_the_unit_that_was_heard_first_is_listened_to() -> None:
    async def test() -> None:
        source = UdpSamples("127.0.0.1", 0)
        await source.open()
        with pytest.raises(Unreachable, match=f"grid sensing unit at udp 127.0.0.1:{source.port}: no samples within"):
            await source.blocks()
        address = ("127.0.0.1", source.port)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unit,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        ):
            one, two = blocks(steady(50.0), 0.02)
            unit.sendto(encode(one), address)
            assert [block.first for block in await source.blocks()] == [0]
            other.sendto(encode(one), address)
            unit.sendto(b"noise", address)
            unit.sendto(encode(two), address)
            assert [block.first for block in await source.blocks()] == [32]
        with pytest.raises(Unreachable, match="free the port"):
            await UdpSamples("127.0.0.1", source.port).open()
        source.close()

    async def limited() -> None:
        async with asyncio.timeout(5):
            await test()

    asyncio.run(limited())
