"""A simulated unit that samples the grid's voltages: a recording as waveforms with harmonics, sent in datagrams."""

import asyncio
import socket
from collections.abc import Callable
from itertools import count
from math import pi, sin, sqrt, tau

from v2g.bench.sim.grid import Recording
from v2g.power.waveform import LARGEST_COUNT, Sample, SampleBlock, encode

PERIOD_S = 0.01
_HARMONICS = ((3, 0.01), (5, 0.02), (7, 0.01))
"""Order and share of the fundamental."""


class Waveforms:
    """The voltages of three phases that follow `recording`, sample after sample."""

    def __init__(self, recording: Recording, rate_hz: float = 3200.0) -> None:
        self.rate_hz = rate_hz
        self.sent = 0
        """Samples made so far."""
        self._recording = recording
        self._angle = 0.0

    def block(self, size: int) -> SampleBlock:
        """The next `size` samples."""
        first = self.sent
        return SampleBlock(first, self.rate_hz, [self._sample() for _ in range(size)])

    def _sample(self) -> Sample:
        grid = self._recording.at(self.sent / self.rate_hz)
        self._angle = (self._angle + tau * grid.frequency_hz / self.rate_hz) % tau
        self.sent += 1
        l1_v, l2_v, l3_v = (
            sqrt(2) * voltage_v * _wave(self._angle - phase * 2 * pi / 3)
            for phase, voltage_v in enumerate(grid.voltages_v)
        )
        return l1_v, l2_v, l3_v


def _wave(angle: float) -> float:
    return sin(angle) + sum(share * sin(order * angle) for order, share in _HARMONICS)


async def send(waveforms: Waveforms, host: str, port: int, clock: Callable[[], float]) -> None:
    """Sends the samples that are due by the clock, again and again, until cancelled."""
    loop = asyncio.get_running_loop()
    (family, kind, protocol, _, address), *_ = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    with socket.socket(family, kind, protocol) as udp:
        udp.setblocking(False)
        started_s = clock()
        for period in count(1):
            due = round(period * PERIOD_S * waveforms.rate_hz)
            while waveforms.sent < due:
                block = waveforms.block(min(due - waveforms.sent, LARGEST_COUNT))
                await loop.sock_sendto(udp, encode(block), address)
            await asyncio.sleep(started_s + period * PERIOD_S - clock())
