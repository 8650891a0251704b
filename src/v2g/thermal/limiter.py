"""How much power the heat leaves, and why. No clock: `ThermalLimiter.step(readings, now)`.

Less heat is the only remedy that always works, and it works in both directions: charging and feeding have the same
losses. So the limiter finds one share of the rating for both, lowers it at once and raises it slowly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from v2g.thermal.model import Load, ThermalState, after, flow_after
from v2g.thermal.settings import Band, ThermalSettings

_PLAUSIBLE_C = (-60.0, 200.0)
_MISSING_FLOW = 0.5
"""A flow that is this much below the model's, as a share of the full flow, is a fault of the pump."""
_PARTS = {"module": "power module", "contactor": "contactor", "coolant": "coolant", "ambient": "ambient air"}


@dataclass(frozen=True, slots=True)
class Measured:
    """A temperature in degrees Celsius, or a flow as a share of the full one, at the monotonic time `time_s`."""

    time_s: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalReadings:
    """What is known now. None without a sensor, or without a reading yet."""

    module: Measured | None = None
    contactor: Measured | None = None
    coolant: Measured | None = None
    ambient: Measured | None = None
    flow: Measured | None = None
    loss_w: float = 0.0
    """Of the inverter: its power at the grid side minus that at the DC side."""
    current_a: float = 0.0
    """Through the contactor."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much power the heat leaves. Magnitudes."""

    charge_w: float
    discharge_w: float
    ramp_w_per_s: float
    """How fast the power may move away from zero, or across it. Towards zero it may always move at once."""
    why: str | None
    """For a person: `coolant is 6 K too warm`. None while nothing is limited."""
    pump: float
    """Command for the coolant pump, 0 to 1."""


class ThermalLimiter:
    """Derates by temperature, in both directions, with hysteresis; turns the pump up before the heat arrives."""

    def __init__(self, settings: ThermalSettings, *, charge_w: float, discharge_w: float) -> None:
        """`charge_w`, `discharge_w`: the rating. Raises `ValueError` for settings that do not fit together."""
        if findings := list(settings.findings()):
            raise ValueError("; ".join(findings))
        self.settings = settings
        self._charge_w, self._discharge_w = charge_w, discharge_w
        self._bands: dict[str, Band] = {name: band for name in _PARTS if (band := getattr(settings, name)) is not None}
        self._warm = {name: float("-inf") for name in self._bands}
        """The temperature that each part counts as: rises at once, falls after the hysteresis."""
        self._cold = {name: float("inf") for name in self._bands}
        self._share = 1.0
        self._why: str | None = None
        self._cause: str | None = None
        """What limited last, apart from the recovery."""
        self.flow_missing = False
        """The coolant flow does not follow the pump's command."""
        self._pump = self._modelled_flow = self._flow = 0.0
        self._stepped_s: float | None = None

    def step(self, readings: ThermalReadings, now: float) -> Allowance:
        """The allowance at `now`."""
        settings = self.settings
        dt_s = 0.0 if self._stepped_s is None else max(0.0, now - self._stepped_s)
        self._stepped_s = now
        known = {name: value for name in self._bands if (value := self._fresh(readings, name, now)) is not None}
        stale = [f"{_PARTS[name]} sensor is stale" for name in self._bands if name not in known]
        self._modelled_flow = self._flow = flow_after(dt_s, self._modelled_flow, self._pump, settings.masses)
        limits: list[tuple[float, str | None]] = [(1.0, None)]
        if settings.flow_sensor:
            flow = self._fresh(readings, "flow", now)
            stale += [] if flow is not None else ["coolant flow sensor is stale"]
            self._flow = min(max(flow or 0.0, 0.0), 1.0)
            self.flow_missing = flow is not None and flow < self._modelled_flow - _MISSING_FLOW
            if self.flow_missing:
                limits.append((settings.stale_share, "coolant flow does not follow the pump's command"))
        loss_w = abs(readings.loss_w) if isfinite(readings.loss_w) else settings.pump_full_loss_w
        current_a = readings.current_a if isfinite(readings.current_a) else 0.0
        limits += self._by_temperature(known, loss_w, current_a)
        if stale:
            limits.append((settings.stale_share if len(stale) == 1 else 0.0, ", ".join(stale)))
        share, why = min(limits, key=lambda limit: limit[0])
        self._recover(share, why, dt_s)
        self._pump = 1.0 if stale else self._pump_for(known, loss_w)
        ramp_share = settings.still_ramp_share + (1 - settings.still_ramp_share) * self._flow
        return Allowance(
            charge_w=self._charge_w * self._share,
            discharge_w=self._discharge_w * self._share,
            ramp_w_per_s=settings.ramp_w_per_s * ramp_share,
            why=self._why,
            pump=self._pump,
        )

    def _fresh(self, readings: ThermalReadings, name: str, now: float) -> float | None:
        measured: Measured | None = getattr(readings, name)
        if measured is None or abs(now - measured.time_s) > self.settings.stale_s:
            return None
        return measured.value if _PLAUSIBLE_C[0] <= measured.value <= _PLAUSIBLE_C[1] else None

    def _by_temperature(
        self, known: dict[str, float], loss_w: float, current_a: float
    ) -> Iterator[tuple[float, str | None]]:
        ahead = self._ahead(known, loss_w, current_a)
        for name, measured_c in known.items():
            band, part = self._bands[name], _PARTS[name]
            expected_c = max(measured_c, ahead.get(name, measured_c))
            warm_c = self._warm[name] = min(max(self._warm[name], expected_c), expected_c + band.hysteresis_k)
            cold_c = self._cold[name] = max(min(self._cold[name], measured_c), measured_c - band.hysteresis_k)
            if warm_c > band.full_to_c:
                share = (band.none_above_c - warm_c) / (band.none_above_c - band.full_to_c)
                yield max(0.0, share), f"{part} {_too_warm(measured_c, expected_c, band.full_to_c)}"
            if cold_c < band.full_from_c:
                share = (cold_c - band.none_below_c) / (band.full_from_c - band.none_below_c)
                yield max(0.0, share), f"{part} is {_kelvin(band.full_from_c - cold_c)} too cold"

    def _ahead(self, known: dict[str, float], loss_w: float, current_a: float) -> dict[str, float]:
        """The temperatures after `look_ahead_s`; nothing without those of module and coolant."""
        if "module" not in known or "coolant" not in known:
            return {}
        coolant_c = known["coolant"]
        ambient_c = known.get("ambient", coolant_c)
        state = ThermalState(known["module"], coolant_c, known.get("contactor", ambient_c), self._flow)
        load = Load(loss_w, current_a, ambient_c, self._pump)
        state = after(self.settings.look_ahead_s, state, load, self.settings.masses)
        return {"module": state.module_c, "coolant": state.coolant_c, "contactor": state.contactor_c}

    def _recover(self, share: float, why: str | None, dt_s: float) -> None:
        """The share falls at once and rises slowly."""
        grown = self._share + self.settings.recovery_per_s * dt_s
        self._share = min(share, grown)
        if share <= grown:
            self._why = self._cause = why
        else:
            self._why = f"recovering from: {self._cause}"

    def _pump_for(self, known: dict[str, float], loss_w: float) -> float:
        """Feed-forward from the losses, because the flow lags; feedback from the temperatures."""
        settings = self.settings
        shares = [loss_w / settings.pump_full_loss_w]
        for name in ("module", "coolant"):
            if name in known:
                span_k = self._bands[name].full_to_c - settings.pump_from_c
                shares.append((known[name] - settings.pump_from_c) / span_k)
        return min(max(0.0, *shares), 1.0)


def _too_warm(measured_c: float, expected_c: float, limit_c: float) -> str:
    if measured_c > limit_c:
        return f"is {_kelvin(measured_c - limit_c)} too warm"
    return f"gets {_kelvin(expected_c - limit_c)} too warm" if expected_c > limit_c else "was too warm"


def _kelvin(difference_k: float) -> str:
    return f"{max(1, round(difference_k))} K"
