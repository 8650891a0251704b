"""One EVSE under its grid code: protection from the start on, grid support while energy flows."""

from collections.abc import Callable, Collection, Mapping
from math import sqrt

from v2g.grid import settings
from v2g.grid.adjustments import PERMISSION, Adjustment, Adjustments, Layer, Party, differences, lasting
from v2g.grid.capability import Rating
from v2g.grid.protection import Cause, Protection, State, Verdict, trip_elements
from v2g.grid.sample import GridSample
from v2g.grid.set_point_delay import SetPointDelay
from v2g.grid.settings import Value
from v2g.grid.support import GridLimit, GridSupport, Support
from v2g.iso15118.der import DerRating, DerSettings
from v2g.kernel import chance
from v2g.kernel.fault import Fault
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import InverterRating
from v2g.power.meter import MeterReading
from v2g.station.config.settings import EvseSettings, GridCodeSettings
from v2g.station.der import der_settings
from v2g.station.event import Event, GridVerdict, NotKept, OperatorAsked
from v2g.station.kept import KeptEvse
from v2g.station.readings import READING_STALE_S, Readings
from v2g.station.safety.grid_status import GridStatus

_FAULTS = {Cause.ISLANDING: Fault.ISLANDING, Cause.MEASUREMENT: Fault.GRID_SENSOR_LOST}
"""The other causes are `Fault.GRID`."""

_IN_USE_S = 1.0
"""Since the last decision about a power."""


def load(grid_code: GridCodeSettings, nominal_hz: float) -> settings.GridCode:
    """The grid code as configured. Raises `SettingsError`, which names every setting that is not admissible."""
    code = settings.load(grid_code.name, grid_code.category, nominal_hz=nominal_hz)
    return code.with_settings(grid_code.settings)


def guard_of(evse: EvseSettings, grid_code: GridCodeSettings, kept: KeptEvse) -> "tuple[GridGuard, list[Event]]":
    """The guard of an EVSE, and reports of what it cannot follow of the settings from before a restart.

    Raises `SettingsError` if the configuration itself is not admissible.
    """
    before = kept.grid_settings
    sealed = {party: layer for party, layer in before.items() if party not in grid_code.adjustable_by and layer}
    guard = GridGuard(evse, grid_code, kept={party: layer for party, layer in before.items() if party not in sealed})
    if set(grid_code.adjustable_by) - {Party.BACK_END}:  # somebody may have set what is kept
        guard.settings_lost = kept.grid_lost
    lost = [f"{', '.join(layer)}: `grid_code.adjustable_by` no longer names {party}" for party, layer in sealed.items()]
    lost += [f"{why}; set it again" for why in guard.adjustments.dropped]
    return guard, [NotKept(f"grid settings from before the restart are dropped: {why}") for why in lost]


class GridGuard:
    """What the grid says about the power of one EVSE."""

    def __init__(
        self,
        evse: EvseSettings,
        grid_code: GridCodeSettings,
        draw: Callable[[], float] = chance.fraction,
        kept: Mapping[Party, Layer] | None = None,
    ) -> None:
        """`draw`: 0..1, for the random delay before entering service. `kept`: settings from before a restart; those
        that do not fit any more are left out. Raises `SettingsError` if the configuration is not admissible."""
        self.adjustments = Adjustments(load(grid_code, evse.nominal_hz), kept)
        self.code = self.adjustments.code
        """As it holds now."""
        self.settings_lost = ""
        """Why it is not known what was set before a restart; until that is set again."""
        self.verdict = Verdict(State.TRIP, "there is no measurement", "measurement", Cause.MEASUREMENT)
        self.sample: GridSample | None = None
        self._settings, self._phases = evse, grid_code.phases
        self._protection = Protection(self.code, grid_code.phases, draw=draw)
        self._judged: tuple[GridReading | None, MeterReading | None] = None, None
        """The readings behind the verdict."""
        self._draw = draw
        self._support: GridSupport | None = None
        self._converts = True
        """The inverter is the station's."""
        self._delay: SetPointDelay | None = None
        """Of the station's inverter, by the active power; of a car's, by the reactive power. None if nothing is known
        of the car's."""
        self._supported_s = 0.0
        self._der: tuple[settings.GridCode, DerSettings] | None = None
        """Made of this code."""
        self._fed_var: float | None = None
        """What the operator commanded in the place of the code's reactive mode."""

    @property
    def trip(self) -> tuple[Fault, str] | None:
        """Why no power may flow and the contactor must be open, or None."""
        verdict = self.verdict
        if verdict.state is not State.TRIP:
            return None
        fault = Fault.GRID if verdict.cause is None else _FAULTS.get(verdict.cause, Fault.GRID)
        return fault, f"grid protection, {verdict.element}: {verdict.why}"

    @property
    def trip_elements(self) -> tuple[str, ...]:
        """Whatever may trip, by the names that verdicts have for it."""
        return trip_elements(self.code)

    def look(self, readings: Readings, now: float, unix_s: float) -> list[Event]:
        """Time has passed, and there may be other readings: what is worth a report."""
        found: list[Event] = []
        if gone := self.expire(now, unix_s):
            found.append(OperatorAsked(f"grid settings went back, their time is over: {', '.join(gone)}"))
            found += [OperatorAsked(f"a grid setting went back, it no longer fits: {why}") for why in self.lost]
        if self.step(readings, now):
            seen = self.verdict
            found.append(GridVerdict(seen.state, seen.element, seen.why, seen.state is State.TRIP))
        return found

    def step(self, readings: Readings, now: float) -> bool:
        """Look at the latest reading, however old. Returns whether the verdict is another one."""
        grid, meter = readings.grid, readings.meter
        if (
            grid is not None
            and grid is self._judged[0]
            and meter is self._judged[1]
            and now - grid.time_s < self.code.measurement.stale_s
        ):
            return False  # nothing new, and not stale yet
        if meter is not None and meter is not self._judged[1] and self._delay is not None and self._support is not None:
            self._delay.see(meter.power_w if self._converts else meter.reactive_var, meter.time_s)
            self._support.delay_s = self._delay.delay_s
        self._judged = grid, meter
        self.sample, before = self._sample(readings, now), self.verdict
        in_use = self._support is not None and now - self._supported_s < _IN_USE_S
        self.verdict = verdict = self._protection.step(self.sample, now, in_use=in_use)
        return (verdict.state, verdict.element) != (before.state, before.element)

    @property
    def lost(self) -> list[str]:
        """What went back because it no longer fitted when others did, with the reason."""
        return self.adjustments.dropped

    @property
    def der(self) -> DerSettings:
        """The code for the inverter of an AC car."""
        if self._der is None or self._der[0] is not self.code:
            self._der = self.code, der_settings(self.code, float(self._settings.nominal_voltage_v))
        return self._der[1]

    def begin(self, rating: InverterRating | DerRating | None, now: float) -> None:
        """Energy transfer begins, with an inverter of this rating; None for one of a car that is not known (AC)."""
        own = self._settings.capability
        limits = _limits(rating or DerRating(own.charge_w, own.discharge_w, 0.0))
        self._support, self._supported_s, self._fed_var = GridSupport(self.code, limits, self._draw), now, None
        self._converts = isinstance(rating, InverterRating)
        self._delay = None if rating is None else SetPointDelay(limits.apparent_va)

    def support(self, wish_w: float, now: float, fed_var: float | None = None) -> Support:
        """What becomes of the wish, and within which limits. `begin` comes first.

        `fed_var`: reactive power in the place of the code's reactive mode, one that `check_var` let pass.
        """
        assert self._support is not None
        if fed_var != self._fed_var:
            self._fed_var = fed_var
            self._support.adjust(self._reactive_settings(fed_var, self._support.rating))
        dt_s, self._supported_s = now - self._supported_s, now
        self._support.held = self._held(now)
        return self._support.step(self.sample, wish_w, dt_s, self.verdict)

    @property
    def refusal(self) -> GridLimit | None:
        """Why nothing is fed whatever the grid is like, or None: an unknown is not a permission."""
        if self.settings_lost and not self._permits_for_a_time:
            remedy = f"`v2g grid set {PERMISSION}=true`, or `v2g grid default`"
            return GridLimit("grid settings", discharge_w=0.0, detail=f"{self.settings_lost}; set them again: {remedy}")
        if not self.code.islanding.probe_enabled:
            detail = "switched off (islanding.probe_enabled), and nothing else finds every island"
            return GridLimit("islanding probe", discharge_w=0.0, detail=detail)
        if self._converts and self._delay is not None and self._delay.hopeless:
            detail = "how late set-points arrive is not known: the meter does not show that the power follows"
            return GridLimit("islanding probe", discharge_w=0.0, detail=detail)
        return None

    @property
    def _permits_for_a_time(self) -> bool:
        """Whether somebody on the spot permits feeding at present; what holds after that is as unknown as before."""
        layers = (layer for party, layer in self.adjustments.layers.items() if party is not Party.BACK_END)
        return any(PERMISSION in layer and layer[PERMISSION].value is True for layer in layers)

    def _held(self, now: float) -> tuple[GridLimit, ...]:
        """What stands against feeding beside the grid itself."""
        refusal = self.refusal
        if refusal is not None:
            return (refusal,)
        if not self._converts or self._delay is None or self._delay.measured or not self.verdict.may_exchange:
            return ()
        detail = "until it is known how late set-points arrive"
        return (GridLimit("set-point delay", discharge_w=self._delay.feeds_w(now), detail=detail),)

    @property
    def knows_inverter(self) -> bool:
        """Whether energy transfer has begun with an inverter whose rating is known."""
        return self._delay is not None

    @property
    def delay_known(self) -> bool:
        """Whether it is known how late the inverter follows."""
        return self._delay is not None and self._delay.measured

    def measure_again(self) -> None:
        """What is known of the inverter's delay does not count any more."""
        if self._delay is not None:
            self._delay.forget()

    def trial_var(self, now: float) -> float:
        """The reactive power that a car is asked for, and not asked for, in turn, until that is known."""
        return 0.0 if self._delay is None else self._delay.feeds_w(now)

    def hold(self, power_w: float) -> None:
        """The power is held here by somebody else; ramps go on from here."""
        if self._support is not None:
            self._support.hold(power_w)

    def commanded(self, power_w: float, drawn_var: float, now: float) -> None:
        """The set-point that was decided, at the grid's side of the inverter."""
        if self._delay is not None:
            self._delay.set(power_w if self._converts else drawn_var, now)

    def adjust(
        self,
        changes: Mapping[str, Value],
        party: Party = Party.OPERATOR,
        *,
        by: str = "",
        for_s: float | None = None,
        then: Mapping[str, Value] | None = None,
    ) -> None:
        """These settings of the grid code from now on, for their time, beside what the party has set before.

        `then`: what the party wants afterwards, in the place of what holds below it.

        Raises `SettingsError`; then nothing has changed.
        """
        if then:
            self.adjustments.check({**changes, **then}, party)
        self.adjustments.set(party, lasting(changes, by, for_s, then))
        if PERMISSION in changes and for_s is None:
            self.settings_lost = ""
        self._follow()

    def adjust_only(self, changes: Mapping[str, Adjustment], party: Party) -> None:
        """These settings and no others of this party. Raises `SettingsError`; then nothing has changed."""
        self.adjustments.only(party, changes)
        self._follow()

    def adopt(self, layers: Mapping[Party, Layer]) -> None:
        """All settings of all parties, as they were. Raises `SettingsError`; then nothing has changed."""
        self.adjustments.adopt(layers)
        self._follow()

    def give_up(self, party: Party, names: Collection[str] = ()) -> tuple[str, ...]:
        """What holds below the party's settings holds again; of all of them if none is named. Returns their names.

        Raises `SettingsError`; then nothing has changed.
        """
        gone = self.adjustments.give_up(party, names)
        if party is not Party.BACK_END and not names:
            self.settings_lost = ""
        self._follow()
        return gone

    def expire(self, now: float, unix_s: float) -> tuple[str, ...]:
        """Settings whose time is over go back; returns their names."""
        gone = self.adjustments.expire(now, unix_s)
        if gone:
            self._follow()
        return gone

    def _follow(self) -> None:
        """What is running goes on with the settings that hold now."""
        changes = differences(self._protection.code, self.adjustments.code)
        self._protection.adjust(changes)
        self.code = self.adjustments.code
        if self._support is not None:
            self._support.adjust(changes | self._reactive_settings(None, self._support.rating))
            self._fed_var = None  # a commanded reactive power is put in its place again, if it still is commanded

    def check_var(self, fed_var: float, rating: InverterRating) -> None:
        """Raises `SettingsError` with the range where the grid code does not admit this reactive power."""
        self.code.with_settings(self._reactive_settings(fed_var, _limits(rating)))

    def admitted_var(self, fed_var: float) -> float:
        """The reactive power nearest to this one that the grid code admits. `begin` comes first."""
        assert self._support is not None
        most, apparent_va = self.code.settings["constant_var.injected_pu"], self._support.rating.apparent_va
        return min(max(fed_var, most.low * apparent_va), most.high * apparent_va)

    def _reactive_settings(self, fed_var: float | None, rating: Rating) -> dict[str, Value]:
        if fed_var is None:
            names = ("reactive.mode", "constant_var.injected_pu")
            return {name: self.code.settings[name].value for name in names}
        return {"reactive.mode": "constant_var", "constant_var.injected_pu": fed_var / rating.apparent_va}

    def status(self) -> GridStatus:
        """What the operator may see."""
        verdict, code = self.verdict, self.code
        return GridStatus(
            code=code.title + (f", category {code.variant.upper()}" if code.variant else ""),
            nominal_hz=code.nominal_hz,
            state=verdict.state,
            element=verdict.element,
            why=verdict.why,
            share=verdict.share,
            ride_through=verdict.ride_through.mode.name.lower(),
            reactive_mode=code.reactive.mode,
            set_point_delay_s=None if self._support is None else self._support.delay_s,
            feeds_not="" if (refusal := self.refusal) is None else f"{refusal.source}: {refusal.detail}",
        )

    def _sample(self, readings: Readings, now: float) -> GridSample | None:
        reading, meter = readings.grid, readings.meter
        if reading is None:
            return None
        if meter is not None and meter.time_s < now - READING_STALE_S:
            meter = None
        nominal_v = self._settings.nominal_voltage_v
        return GridSample(
            time_s=reading.time_s,
            sequence=reading.sequence,
            voltages_pu=tuple(voltage_v / nominal_v for voltage_v in reading.voltages_v[: self._phases]),
            frequency_hz=reading.frequency_hz,
            rocof_hz_per_s=reading.rocof_hz_per_s,
            phase_jump_deg=reading.phase_jump_deg or 0.0,
            power_w=None if meter is None else meter.power_w,
            line_voltages_pu=_lines_pu(reading, nominal_v) if self._phases == 3 else (),
        )


def _lines_pu(reading: GridReading, nominal_v: float) -> tuple[float, ...]:
    return () if reading.line_voltages_v is None else tuple(v / nominal_v / sqrt(3) for v in reading.line_voltages_v)


def _limits(rating: InverterRating | DerRating) -> Rating:
    if isinstance(rating, InverterRating):
        rating = DerRating(rating.charge_power_max_w, rating.discharge_power_max_w, rating.reactive_max_var)
    return Rating(rating.apparent_va, rating.charge_w, rating.discharge_w, rating.reactive_max_var)
