"""Grid support: what the station feeds and draws to support the grid, and which function decides it.

`GridSupport.step` turns the dispatcher's wish into the wish that the grid permits, the bounds of both directions, each
with the name of the function that sets it, and the reactive power. The station finds the tightest bound and the reason:
a `GridLimit` has the shape of its own bounds.
"""

from collections.abc import Callable, Mapping
from math import inf, isfinite

from msgspec import Struct

from v2g.grid.capability import Rating, active_w
from v2g.grid.frequency_droop import Droop
from v2g.grid.islanding import Probe
from v2g.grid.protection import State, Verdict
from v2g.grid.ramp_rate import Ramp
from v2g.grid.reactive import Lock, Transition
from v2g.grid.response import OpenLoopResponse
from v2g.grid.sample import GridSample
from v2g.grid.settings import GridCode, Value
from v2g.grid.volt_var import Reference
from v2g.kernel.units import exact_kva, signed_kvar

_NOTHING_PU = 0.01
"""Of the apparent power: what the station itself takes while no car does."""
_FREE_PU = 1 - 1e-6
"""A share of the rated power above this binds nothing."""


class GridLimit(Struct, frozen=True):
    """What one function allows, as magnitudes; a direction that it says nothing about is unbounded."""

    source: str
    """The function: `volt-watt`."""
    charge_w: float = inf
    discharge_w: float = inf
    detail: str = ""
    """What moves it, for a person: `1.08 pu`."""


class Support(Struct, frozen=True):
    """What the grid wants. Positive power charges the vehicle, positive reactive power is drawn."""

    wish_w: float
    wished_by: str
    """`dispatch`, or the function that replaces it: `frequency droop`."""
    limits: tuple[GridLimit, ...]
    reactive_var: float
    reactive_by: str
    droop: GridLimit | None = None
    """What the droop leaves to those who do not follow the station's wish, while the frequency is disturbed."""

    @property
    def power_w(self) -> float:
        """The wish within its limits."""
        return _held(self.wish_w, self.limits)

    @property
    def binding(self) -> GridLimit | None:
        """The limit that holds the wish, or None."""
        if self.power_w == self.wish_w:
            return None
        charging = self.wish_w > 0
        return min(self.limits, key=lambda limit: limit.charge_w if charging else limit.discharge_w)


def _held(wish_w: float, limits: tuple[GridLimit, ...]) -> float:
    """The wish within these limits."""
    return min(max(wish_w, *[-limit.discharge_w for limit in limits]), *[limit.charge_w for limit in limits])


class GridSupport:
    """The grid support of one inverter."""

    def __init__(self, code: GridCode, rating: Rating, draw: Callable[[], float] = lambda: 0.5) -> None:
        """`draw`: a random share of 0..1 for the islanding probe."""
        self.code = code
        self.rating = rating
        self.delay_s: float | None = None
        """How late set-points arrive, if that is known."""
        self.held: tuple[GridLimit, ...] = ()
        """What else stands against feeding."""
        self._droop = Droop(code.frequency_droop, code.nominal_hz)
        self._reference = Reference(code.volt_var)
        self._volt_watt_pu = OpenLoopResponse(1.0)
        self._limit_pu = OpenLoopResponse(1.0)
        self._reactive_var = OpenLoopResponse(0.0)
        self._transition = Transition(code.reactive.mode)
        self._volt_var_lock, self._watt_var_lock = Lock(), Lock()
        self._ramp = Ramp(code.ramp_rate)
        self._probe = Probe(code.islanding, draw)
        self._power_w = 0.0
        self._calm_wish_w: float | None = None
        """None for a car that has seen no undisturbed grid yet."""

    def adjust(self, changes: Mapping[str, Value]) -> None:
        """Applies other settings in operation, such as another reactive mode: the responses continue from where they
        are. Raises `SettingsError`."""
        self.code = self.code.with_settings(changes)
        self._droop.settings = self.code.frequency_droop
        self._reference.settings = self.code.volt_var
        self._ramp.settings = self.code.ramp_rate
        self._probe.settings = self.code.islanding

    def step(self, sample: GridSample | None, wish_w: float, dt_s: float, verdict: Verdict | None = None) -> Support:
        """Lets `dt_s` pass up to `sample`, with the dispatcher's wish and what the protection says of the sample.

        Nothing is allowed if the protection permits nothing, or if the measurement is implausible. A momentary
        cessation holds everything as it is, so that the power is back at once; after a trip it starts at zero.
        """
        if (stop := self._stop(sample, wish_w, verdict)) is not None:
            if verdict is None or verdict.state is not State.CEASE:
                self._ramp.power_w = self._power_w = 0.0
            valid_w = wish_w if isfinite(wish_w) else 0.0
            source, detail = stop
            return Support(valid_w, "dispatch", (GridLimit(source, 0.0, 0.0, detail),), 0.0, source)
        assert sample is not None
        volt_watt = self.code.volt_watt
        fed_pu = self._volt_watt_pu.step(volt_watt.fed_pu(sample.mean_pu), volt_watt.response_s, dt_s)
        in_service = verdict is None or verdict.may_exchange
        wish_w, wished_by, ramped_w, droop = self._wish(sample, wish_w, dt_s, in_service)
        if (drawn_w := -fed_pu * self.rating.charge_w) > max(ramped_w, 0.0):
            wish_w, wished_by, ramped_w = drawn_w, "volt-watt", drawn_w
            self._ramp.power_w = drawn_w
        limits = self._limits(sample, fed_pu, dt_s, verdict)
        if ramped_w != wish_w:
            limits += (GridLimit("ramp rate", abs(ramped_w), abs(ramped_w)),)
        planned_w = _held(wish_w, limits)
        reactive_var, reactive_by = self._reactive(sample, planned_w, dt_s)
        room_w = active_w(reactive_var, self.rating)
        if room_w < max(self.rating.charge_w, self.rating.discharge_w):
            detail = f"{exact_kva(self.rating.apparent_va)} with {signed_kvar(reactive_var)}"
            limits += (GridLimit("apparent power", room_w, room_w, detail),)
        self._power_w = min(max(planned_w, -room_w), room_w)
        if not in_service:
            self._ramp.power_w = max(self._ramp.power_w, 0.0)  # feeding begins at zero once service begins
        return Support(wish_w, wished_by, limits, reactive_var, reactive_by, droop)

    def hold(self, power_w: float) -> None:
        """Another function holds the power here: the ramp continues from here."""
        self._ramp.power_w = self._power_w = power_w

    def _stop(self, sample: GridSample | None, wish_w: float, verdict: Verdict | None) -> tuple[str, str] | None:
        """Why there is nothing to support, with its source, or None."""
        measurement = self.code.measurement
        if verdict is not None and not verdict.may_charge:
            return f"grid protection, {verdict.element}", verdict.why
        if sample is None:
            return "grid measurement", "there is none"
        if verdict is None and (reason := measurement.why_implausible(sample)) is not None:
            return "grid measurement", reason
        if not isfinite(wish_w):
            return "dispatch", "no valid wish"
        if sample.highest_pu < measurement.frequency_floor_pu:
            return "grid measurement", "the voltage is gone"
        return None

    def _wish(
        self, sample: GridSample, wish_w: float, dt_s: float, in_service: bool
    ) -> tuple[float, str, float, GridLimit | None]:
        """The dispatcher's wish or the droop's, how much of it is due by now, and what the droop leaves.

        The droop holds back only a wish that works against the grid: one that helps more than required is let through,
        unless it is what could not be done before the disturbance either. Before service begins, the station is a load
        at most: a high frequency never makes it draw. A car that comes during a disturbance had no power before it: its
        rated power counts, so that the droop limits what it may begin, and demands nothing.
        """
        rated_w = self.rating.of(wish_w)
        ramped_w = self._ramp.step(wish_w, rated_w, dt_s)
        deviation_hz = sample.frequency_hz - self.code.nominal_hz
        before_w = self._power_w if sample.power_w is None else sample.power_w
        calm_w = self._calm_wish_w
        if calm_w is None and abs(before_w) <= _NOTHING_PU * self.rating.apparent_va:
            before_w = self.rating.charge_w if deviation_hz < 0 else -self.rating.discharge_w
        demanded_w = self._droop.step(sample.frequency_hz, before_w, self.rating, dt_s)
        if demanded_w is None or (self._droop.takes and not in_service):
            self._calm_wish_w = wish_w
            return wish_w, "dispatch", ramped_w, None
        detail = f"{sample.frequency_hz:.2f} Hz"
        if self._droop.takes:
            droop = GridLimit("frequency droop", discharge_w=max(-demanded_w, 0.0), detail=detail)
        else:
            droop = GridLimit("frequency droop", charge_w=max(demanded_w, 0.0), detail=detail)
        if self._droop.takes:
            helps = ramped_w >= demanded_w and (calm_w is None or wish_w > calm_w)
        else:
            helps = ramped_w <= demanded_w and (calm_w is None or wish_w < calm_w)
        if helps or ramped_w == demanded_w:
            return wish_w, "dispatch", ramped_w, droop
        self._ramp.power_w = demanded_w
        return demanded_w, "frequency droop", demanded_w, droop

    def _limits(
        self, sample: GridSample, volt_watt_pu: float, dt_s: float, verdict: Verdict | None
    ) -> tuple[GridLimit, ...]:
        code, rating = self.code, self.rating
        limits = [GridLimit("inverter rating", rating.charge_w, rating.discharge_w)]
        if self.delay_s is not None and self.delay_s >= code.islanding.probe_slowest_s and code.islanding.probe_enabled:
            detail = (
                f"set-points take {self.delay_s:.2f} s, and must take less than {code.islanding.probe_slowest_s:g} s"
            )
            limits.append(GridLimit("islanding probe", discharge_w=0.0, detail=detail))
        if volt_watt_pu < _FREE_PU:
            detail = f"{sample.mean_pu:.2f} pu"
            fed_w = max(volt_watt_pu, 0.0) * rating.discharge_w
            limits.append(GridLimit("volt-watt", discharge_w=fed_w, detail=detail))
        target_pu = code.active_power_limit.settled_pu()
        fed_pu = self._limit_pu.step(target_pu, code.active_power_limit.response_s, dt_s)
        fed_pu += self._droop.fed_pu  # low frequency takes precedence over the limit (IEEE 1547.1-2020 5.13, 5.16)
        if fed_pu < _FREE_PU:
            detail = f"{target_pu:.0%}"
            limits.append(GridLimit("active power limit", discharge_w=fed_pu * rating.discharge_w, detail=detail))
        if verdict is not None and verdict.share < _FREE_PU:
            source = "enter service ramp" if verdict.may_exchange else f"grid protection, {verdict.element}"
            detail = "" if verdict.may_exchange else verdict.why
            limits.append(GridLimit(source, discharge_w=verdict.share * rating.discharge_w, detail=detail))
        return (*limits, *self.held)

    def _reactive(self, sample: GridSample, power_w: float, dt_s: float) -> tuple[float, str]:
        """The reactive power of the mode in force plus that of the islanding probe, and the name for it."""
        target_var, response_s, name = self._mode(sample, power_w, dt_s)
        lagged_var = self._reactive_var.step(target_var, response_s, dt_s)
        mode_var = self._transition.step(self.code.reactive, lagged_var, dt_s)
        power_now_w = power_w if sample.power_w is None else sample.power_w
        probe_var = self._probe.step(sample.frequency_hz, power_now_w, dt_s, self.delay_s)
        wanted_var = mode_var + probe_var
        granted_var = self.code.capability.reactive_var(wanted_var, power_w, self.rating)
        if probe_var:
            name = f"{name} with islanding probe"
        return granted_var, name if granted_var == wanted_var else f"{name}, held to the reactive capability"

    def _mode(self, sample: GridSample, power_w: float, dt_s: float) -> tuple[float, float, str]:
        """The settled reactive power of the mode in force, its response time and its name."""
        code, rating = self.code, self.rating
        reference_pu = self._reference.step(sample.mean_pu, dt_s)
        match code.reactive.mode:
            case "volt_var":
                injected_pu = code.volt_var.injected_pu(sample.mean_pu, reference_pu)
                share = abs(rating.share(power_w))
                if not self._volt_var_lock.step(share, code.volt_var.lock_in_pu, code.volt_var.lock_out_pu):
                    injected_pu = 0.0
                return -injected_pu * rating.apparent_va, code.volt_var.response_s, "volt-var"
            case "watt_var":
                injected_pu = code.watt_var.injected_pu(-rating.share(power_w))
                if not self._watt_var_lock.step(sample.mean_pu, code.watt_var.lock_in_pu, code.watt_var.lock_out_pu):
                    injected_pu = 0.0
                return -injected_pu * rating.apparent_va, code.watt_var.response_s, "watt-var"
            case "constant_var":
                settings = code.constant_var
                return -settings.injected_pu * rating.apparent_va, settings.response_s, "constant reactive power"
            case _:
                factor = code.constant_power_factor
                return factor.drawn_var(power_w), factor.response_s, "constant power factor"
