"""Grid sensing from sampled waveforms: samples come in datagrams, `v2g.grid.waveform` makes a measurement of them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from math import isfinite

from v2g.grid.rocof import RocofWindow
from v2g.grid.waveform import RmsVoltage, WaveformEstimate, WaveformEstimator
from v2g.power.errors import Implausible, Unreachable
from v2g.power.grid_sensor import GridReading
from v2g.power.waveform import SampleBlock, SampleSource, decode
from v2g.power.wiring import Wiring

TIMEOUT_S = 0.2
ROCOF_WINDOW_S = 0.2
_DEVICE = "grid sensing unit"
_MOST_WAITING = 1000
"""Datagrams: some seconds. When nobody reads them, the oldest go, and their gap is noticed."""
_LIVE_PU = 0.3
"""A phase with less voltage has no frequency worth knowing."""


class UdpSamples(asyncio.DatagramProtocol):
    """`v2g.power.waveform.SampleSource`: datagrams that arrive at `host` and `port`, 0 for a free one.

    Whoever reaches that address decides what the grid looks like: use loopback, or a link of the unit's own. Once a
    unit has been heard, datagrams of others are dropped, and so are those of another form.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._waiting: deque[SampleBlock] = deque(maxlen=_MOST_WAITING)
        self._arrived = asyncio.Event()
        self._unit: object = None
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Listens; `port` then is the one in use. Raises `Unreachable` when it cannot."""
        if self._transport is None:
            try:
                self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: self, (self.host, self.port)
                )
            except OSError as error:
                raise self._unreachable(str(error), "free the port, or choose another") from error
            self.port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        """Listens no longer."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    async def blocks(self) -> Sequence[SampleBlock]:
        """What has arrived; see the port."""
        await self.open()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._arrived.wait()
        except TimeoutError as error:
            self._unit = None  # the next one may be a unit that has been exchanged
            raise self._unreachable(f"no samples within {TIMEOUT_S} s", "check that the unit sends to here") from error
        self._arrived.clear()
        blocks = list(self._waiting)
        self._waiting.clear()
        return blocks

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self._unit not in (None, addr):
            return
        try:
            self._waiting.append(decode(data))
        except ValueError:
            return
        self._unit = addr
        self._arrived.set()

    def _unreachable(self, reason: str, remedy: str) -> Unreachable:
        return Unreachable(_DEVICE, f"udp {self.host}:{self.port}", reason, remedy)


class WaveformGridSensor:
    """`v2g.power.grid_sensor.GridSensor` from samples of the three voltages.

    The frequency is the median of those of the phases that have a voltage, the phase jump that of the phase where it is
    most. After a gap in the samples, a sample that is no number, or another rate it starts over, and is implausible
    until it has seen 5 cycles.
    """

    def __init__(
        self,
        source: SampleSource,
        nominal_hz: float,
        nominal_v: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`nominal_v`: phase to neutral."""
        self._source = source
        self._nominal_hz, self._nominal_v = nominal_hz, nominal_v
        self._clock = clock
        self._rate_hz = 0.0
        self._estimators: list[WaveformEstimator] = []
        self._lines: list[RmsVoltage] = []
        """L1-L2, L2-L3, L3-L1."""
        self._rocof = RocofWindow(ROCOF_WINDOW_S)
        self._rocof_hz_per_s = 0.0
        self._next = 0
        self._sequence = 0

    async def read(self) -> GridReading:
        """Measures; see the port. Raises `Implausible` until there are enough samples in a row."""
        for block in await self._source.blocks():
            self._take(block)
        estimates = self._estimates()
        if not estimates:
            raise Implausible(_DEVICE, "samples", "too few samples in a row", "check the link for lost datagrams")
        l1_v, l2_v, l3_v = (estimate.voltage_pu * self._nominal_v for estimate in estimates)
        return GridReading(
            time_s=self._clock(),
            sequence=self._sequence,
            frequency_hz=self._frequency_hz(estimates),
            voltages_v=(l1_v, l2_v, l3_v),
            rocof_hz_per_s=self._rocof_hz_per_s,
            phase_jump_deg=max((estimate.phase_jump_deg for estimate in estimates), key=abs),
            line_voltages_v=(self._lines[0].voltage, self._lines[1].voltage, self._lines[2].voltage),
        )

    def _take(self, block: SampleBlock) -> None:
        if block.rate_hz != self._rate_hz:
            try:
                made = [WaveformEstimator(block.rate_hz, self._nominal_hz, self._nominal_v) for _ in range(3)]
            except ValueError as error:
                raise Implausible(_DEVICE, "samples", str(error), "let the unit sample faster") from error
            self._estimators, self._rate_hz = made, block.rate_hz
            self._lines = [RmsVoltage(block.rate_hz, self._nominal_hz) for _ in range(3)]
            self._rocof.clear()
        elif block.first != self._next or not all(isfinite(value) for sample in block.samples for value in sample):
            for estimator in self._estimators:
                estimator.reset()
            for line in self._lines:
                line.reset()
            self._rocof.clear()
        self._next = block.first + len(block.samples)
        for sample in block.samples:
            for estimator, value in zip(self._estimators, sample, strict=True):
                estimator.feed(value)
            l1, l2, l3 = sample
            for line, difference in zip(self._lines, (l1 - l2, l2 - l3, l3 - l1), strict=True):
                if isfinite(difference):
                    line.feed(difference)
        self._sequence += 1
        if estimates := self._estimates():
            self._rocof_hz_per_s = self._rocof.step(self._next / self._rate_hz, self._frequency_hz(estimates))

    def _estimates(self) -> list[WaveformEstimate]:
        """Of all phases, or none."""
        estimates = [estimate for each in self._estimators if (estimate := each.estimate()) is not None]
        return estimates if len(estimates) == 3 else []

    def _frequency_hz(self, estimates: Sequence[WaveformEstimate]) -> float:
        live = sorted(estimate.frequency_hz for estimate in estimates if estimate.voltage_pu > _LIVE_PU)
        return live[len(live) // 2] if live else self._nominal_hz


def driver(wiring: Wiring) -> WaveformGridSensor:
    """The driver `grid.waveform`. Raises `WiringError`."""
    return WaveformGridSensor(wiring.samples(), wiring.nominal_hz, wiring.nominal_voltage_v)
