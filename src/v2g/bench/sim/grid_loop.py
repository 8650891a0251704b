"""Stations in a loop with what they are connected to: the product's protection, grid support and islanding probes, an
inverter that follows late, and a sensing unit that averages over five cycles.

What they are connected to is in a steady state at every moment: a parallel RLC load without a grid, or a weak grid
(`weak_grid.py`). The circuits settle within a few cycles, the loop takes longer. `island.py` has the same load with its
transients.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from math import exp, sqrt, tau
from typing import Protocol

from v2g.grid.capability import Rating
from v2g.grid.islanding import Probe
from v2g.grid.protection import Protection, State, Verdict
from v2g.grid.sample import GridSample
from v2g.grid.settings import GridCode
from v2g.grid.support import GridSupport, Support

STEP_S = 0.02
RATING = Rating(apparent_va=11_000, charge_w=10_000, discharge_w=10_000, reactive_max_var=7_000)
_AVERAGE_S = 0.1
_PLL_HZ = 10.0


class Surroundings(Protocol):
    """What the stations are connected to."""

    def at(self, now: float, fed_pu: float, drawn_pu: float) -> tuple[float, float]:
        """Voltage in pu and frequency in Hz, with this active power fed and this reactive power drawn."""


@dataclass(slots=True)
class MatchedLoad:
    """An island from the time 0 on, a sound grid before: a parallel RLC load beside the stations' power."""

    nominal_hz: float
    active: float = 1.0
    """Of the load, as a share of the power that is fed."""
    reactive: float = 0.0
    """How much more reactive power the inductor draws than the capacitor feeds, as the same share."""
    others: float = 0.0
    """Share of the power that comes from inverters which hold it and do not probe."""
    quality: float = 1.0

    def at(self, now: float, fed_pu: float, drawn_pu: float) -> tuple[float, float]:
        if now <= 0:
            return 1.0, self.nominal_hz
        own = 1 - self.others
        squared = max((own * fed_pu + self.others) / self.active, 0.0)
        if squared < 1e-3:
            return 0.0, self.nominal_hz
        surplus = own * drawn_pu / squared
        inductor, capacitor = self.quality + self.reactive, self.quality
        ratio = (surplus + sqrt(surplus * surplus + 4 * capacitor * inductor)) / (2 * capacitor)
        return sqrt(squared), self.nominal_hz * ratio


@dataclass(slots=True)
class GridLoop:
    """Stations that are alike but for the turns of their probes. Runs from `begins_s` before the time 0."""

    code: GridCode
    surroundings: Surroundings
    stations: int = 1
    wish_w: float = -RATING.discharge_w
    delay_s: float = 0.2
    lag_s: float = 0.1
    known: bool = True
    """Whether the stations know how late their set-points arrive."""
    begins_s: float = -1.5
    draw: Callable[[], float] = lambda: 0.5
    power_w: float = field(init=False, default=0.0)
    probe_var: float = field(init=False, default=0.0)

    def run(self, until_s: float) -> Iterator[tuple[float, GridSample, Verdict, Support]]:
        """Time, sample, verdict and support, step by step."""
        code, nominal_hz = self.code, self.code.nominal_hz
        protection = Protection(code, in_service=True)
        support = GridSupport(code.with_settings({"islanding.probe_enabled": False}), RATING)
        probes = [Probe(code.islanding, self.draw) for _ in range(self.stations)]
        late_s = self.delay_s + self.lag_s if self.known else None
        on_the_way = deque([(self.wish_w, 0.0)] * (round(self.delay_s / STEP_S) + 1))
        follow = 1.0 if self.lag_s <= 0 else 1 - exp(-STEP_S / self.lag_s)
        averaged = deque([nominal_hz] * round(_AVERAGE_S / STEP_S), maxlen=round(_AVERAGE_S / STEP_S))
        settle = 1 - exp(-STEP_S * tau * _PLL_HZ)
        measured_hz, drawn_var = nominal_hz, 0.0
        self.power_w = self.wish_w
        support.hold(self.wish_w)
        for number in count(1):
            now = self.begins_s + number * STEP_S
            if now > until_s:
                return
            rated_w = RATING.of(self.wish_w)
            voltage_pu, frequency_hz = self.surroundings.at(now, -self.power_w / rated_w, drawn_var / rated_w)
            averaged.append(frequency_hz)
            measured_hz += settle * (sum(averaged) / len(averaged) - measured_hz)
            sample = GridSample(number * STEP_S, number, (voltage_pu,) * 3, measured_hz, power_w=self.power_w)
            verdict = protection.step(sample, number * STEP_S)
            wanted = support.step(sample, self.wish_w, STEP_S, verdict)
            self.probe_var = sum(p.step(measured_hz, self.power_w, STEP_S, late_s) for p in probes) / len(probes)
            yield now, sample, verdict, wanted
            flows = verdict.state is State.RUN
            on_the_way.append((wanted.power_w, wanted.reactive_var + self.probe_var) if flows else (0.0, 0.0))
            target_w, target_var = on_the_way.popleft()
            if not flows:  # ceasing does not wait for the inverter
                target_w = target_var = self.power_w = drawn_var = 0.0
                on_the_way = deque([(0.0, 0.0)] * len(on_the_way))
            self.power_w += follow * (target_w - self.power_w)
            drawn_var += follow * (target_var - drawn_var)

    def trips_at_s(self, until_s: float) -> float | None:
        """When the protection trips, or None."""
        return next((now for now, _, verdict, _ in self.run(until_s) if verdict.state is State.TRIP), None)
