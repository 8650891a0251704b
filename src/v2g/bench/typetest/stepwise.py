"""The protection, sample by sample: its verdicts to the sample, where a session shows them to the accuracy of a switch.

The same figures as in the other cases. A sample comes every 20 ms, every 0.1 s if a delay is long.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import inf

from v2g.bench.typetest.bands import WINDOW_DELAY_S, continuous, window_hz
from v2g.bench.typetest.case import Inspection, Subject, inspections
from v2g.bench.typetest.check import Finding
from v2g.bench.typetest.standard import Band, Element, Standard, Value
from v2g.bench.typetest.trip import out_of_the_way
from v2g.grid.element import TenMinuteMean, quantities
from v2g.grid.protection import Cause, Protection, State, Verdict
from v2g.grid.ride_through import Tracker
from v2g.grid.sample import GridSample

READ_S, SLOW_S = 0.02, 0.1
_LONG_S = 5.0
"""A delay that is stepped through with the slow step."""
_LEAST = 1e-4
"""Beyond a threshold, in pu or Hz."""
_GAP_S, _COUNTED_S = 0.3, 0.1
"""A pause of the sensing unit that the station bears; what of it counts if the first sample after it is abnormal."""
_LOWEST_PU = 0.005
SLACK_S = 1e-6
_SEVERITY = ("continuous", "mandatory", "permissive", "undefined", "momentary_cessation", "cease")
_SOURCE = "this station: a delay is kept to within one sample (docs/grid-codes.md)"


class Stepped:
    """A protection in operation, and its clock."""

    def __init__(
        self, subject: Subject, changes: Mapping[str, Value] | None = None, *, later: bool = False,
        in_service: bool = True, lot: float = 0.25,
    ) -> None:  # fmt: skip
        """`later`: the settings are changed in operation instead of before. `lot`: of the random delay."""
        self.standard = subject.standard.with_settings(changes or {})
        code = subject.code if later else subject.code.with_settings(changes or {})
        self.protection = Protection(code, subject.phases, in_service=in_service, draw=lambda: lot)
        if later:
            self.protection.adjust(changes or {})
        self.phases, self.now, self._count = subject.phases, 0.0, 0

    def step(
        self, volts: float | tuple[float, ...] = 1.0, hz: float | None = None, dt_s: float = READ_S, *,
        in_use: bool = True, jump_deg: float = 0.0, rocof: float | None = None,
    ) -> Verdict:  # fmt: skip
        """The verdict on the next sample."""
        self._count += 1
        self.now += dt_s
        volts = volts if isinstance(volts, tuple) else (volts,) * self.phases
        hz = self.standard.nominal_hz if hz is None else hz
        sample = GridSample(self.now, self._count, volts, hz, rocof, jump_deg)
        return self.protection.step(sample, self.now, in_use=in_use)

    def run(
        self, seconds: float, volts: float | tuple[float, ...] = 1.0, hz: float | None = None, dt_s: float = READ_S
    ) -> list[Verdict]:
        """The verdicts of some time."""
        return [self.step(volts, hz, dt_s) for _ in range(round(seconds / dt_s))]

    def trips(
        self, within_s: float, volts: float | tuple[float, ...] = 1.0, hz: float | None = None, dt_s: float = READ_S
    ) -> tuple[float, Verdict]:
        """After how long it trips, and its verdict then."""
        begun_s = self.now
        while self.now - begun_s < within_s + SLACK_S:
            verdict = self.step(volts, hz, dt_s)
            if verdict.state is State.TRIP:
                return self.now - begun_s, verdict
        return inf, verdict


def cases(subject: Subject) -> Iterator[Inspection]:
    """Each element; what the gaps between samples count for; ride-through; the ten-minute mean."""
    for element in subject.standard.elements:
        if element.quantity == "ten_minute_voltage":
            continue
        judges: dict[str, Callable[[Subject, Element], tuple[Finding, ...]]] = {
            "to-the-sample": _delay, "hysteresis": _hysteresis, "gap": _gap,
        }  # fmt: skip
        for name, judge in judges.items():
            tests = tuple(f"trip.{element.name}.{key}_{element.unit}" for key in ("threshold", "hysteresis"))
            yield Inspection(f"stepwise/trip/{element.name}/{name}", _SOURCE, partial(judge, subject, element), tests)
    others = {
        "operating-window": _window, "cause": _cause, "ten-minute-mean": _mean, "ride-through": _riding,
        "ride-through/in-a-row": _in_a_row, "ride-through/worst": _worst,
    }  # fmt: skip
    yield from inspections("stepwise", _SOURCE, subject, others)


def same(what: str, found: object, wanted: object) -> Finding:
    return Finding(found == wanted, f"{what}: {wanted}", f"{found}")


def about(what: str, found: float, wanted: float, slack: float = SLACK_S) -> Finding:
    return Finding(found == wanted or abs(found - wanted) <= slack, f"{what}: {wanted:.6g}", f"{found:.6g}")


# Trip elements


def _quiet(subject: Subject, element: Element) -> dict[str, Value]:
    """Nothing but this element and those that nobody can move away acts."""
    return out_of_the_way(subject.standard, element) | {"islanding.rocof_enabled": False}


def _beyond(element: Element, by: float = _LEAST) -> float:
    return element.threshold + element.outwards * by


def _grid(subject: Subject, element: Element, value: float) -> tuple[tuple[float, ...], float]:
    """Voltages and frequency at which the element sees this value, on one phase if that is enough."""
    if element.unit == "hz":
        return (1.0,) * subject.phases, value
    one = subject.phases == 3 and element.quantity != "mean_voltage"
    return (1.0, value, 1.0) if one else (value,) * subject.phases, subject.standard.nominal_hz


def stays(standard: Standard, volts: tuple[float, ...], hz: float, elapsed_s: float) -> bool:
    """Whether the station must still stay."""
    must = [_demands(standard.voltage, min(*volts, 1.0), elapsed_s)]
    must.append(_demands(standard.voltage, max(*volts, 1.0), elapsed_s))
    if max(volts) >= standard.number("measurement.frequency_floor_pu"):
        must.append(_demands(standard.frequency, hz, elapsed_s))
    return all(must)


def _demands(bands: tuple[Band, ...], value: float, elapsed_s: float) -> bool:
    band = band_of(bands, value)
    return band is not None and (band.mode == "continuous" or elapsed_s <= band.stays_s(value) + SLACK_S)


def band_of(bands: tuple[Band, ...], value: float) -> Band | None:
    """Below nominal a band holds its lower edge, above nominal its upper one; continuous operation holds both."""
    calm = continuous(bands)
    if calm.low <= value <= calm.high:
        return calm
    held = [b for b in bands if (b.low <= value < b.high if value < calm.low else b.low < value <= b.high)]
    return held[0] if held else None


def due(
    standard: Standard, volts: tuple[float, ...], hz: float, within_s: float, dt_s: float
) -> tuple[float, list[str]]:
    """After how long the first element trips on such a grid, and which."""
    own_s, low_hz, high_hz = standard.number("measurement.reaction_s"), *window_hz(standard)
    values = {"lowest_voltage": min(volts), "highest_voltage": max(volts), "mean_voltage": sum(volts) / len(volts),
              "frequency": hz, "ten_minute_voltage": 1.0}  # fmt: skip
    seeing = [each for each in standard.elements if each.beyond(values[each.quantity])]
    if max(volts) < standard.number("measurement.frequency_floor_pu"):
        seeing = [each for each in seeing if each.quantity != "frequency"]
    for number in range(1, round(within_s / dt_s) + 1):
        elapsed_s = number * dt_s
        early_s = 0.0 if stays(standard, volts, hz, elapsed_s) else own_s
        names = [each.name for each in seeing if elapsed_s >= each.delay_s - early_s - SLACK_S]
        if not low_hz <= hz <= high_hz and elapsed_s >= WINDOW_DELAY_S - SLACK_S:
            names.insert(0, "operating window")
        if names:
            return elapsed_s, names
    return inf, []


def _delay(subject: Subject, element: Element) -> tuple[Finding, ...]:
    """Just beyond the threshold it trips with the sample that is due; just inside not at all. Set before or in
    operation, at its default and at the ends of its delay. The very first sample of a station counts for no time."""
    findings, figure = list[Finding](), subject.standard.figures[f"trip.{element.name}.delay_s"]
    for delay_s, later in ((element.delay_s, False), (figure.low, True), (min(figure.high, 20.0), True)):
        if not figure.low <= delay_s <= figure.high:
            continue
        changes = _quiet(subject, element) | {f"trip.{element.name}.delay_s": delay_s}
        dt_s = SLOW_S if delay_s > _LONG_S else READ_S
        for by in (_LEAST, -_LEAST):
            volts, hz = _grid(subject, element, _beyond(element, by))
            if min(volts) < _LOWEST_PU:
                continue
            stepped, since_start_s = Stepped(subject, changes, later=later), 0.0 if later else dt_s
            if later:
                stepped.run(0.2)
            wanted_s, names = due(stepped.standard, volts, hz, delay_s + 0.5, dt_s)
            took_s, verdict = stepped.trips(delay_s + 1.0, volts, hz, dt_s)
            findings.append(about(f"{delay_s:g} s, trips after", took_s, wanted_s + since_start_s))
            if names:
                findings.append(same("because of", verdict.element in names and bool(verdict.why), True))
    return tuple(findings)


def _prompt(subject: Subject, element: Element) -> tuple[dict[str, Value], float]:
    """The same without what the station takes itself, and with a delay that is soon over."""
    name = f"trip.{element.name}.delay_s"
    figure = subject.standard.figures[name]
    delay_s = min(max(1.0, figure.low), figure.high)
    return _quiet(subject, element) | {"measurement.reaction_s": 0.0, name: delay_s}, delay_s


def _alone(standard: Standard, volts: tuple[float, ...], hz: float, delay_s: float, name: str) -> bool:
    """Whether it is this element that trips on such a grid."""
    return due(standard, volts, hz, delay_s + 0.5, SLOW_S)[1] == [name]


def _hysteresis(subject: Subject, element: Element) -> tuple[Finding, ...]:
    """The timer goes on while the value is inside by less than the hysteresis, and starts over by more; it never begins
    inside the threshold."""
    name = f"trip.{element.name}.hysteresis_{element.unit}"
    span = subject.standard.figures[name].high
    changes, delay_s = _prompt(subject, element)
    standard = subject.standard.with_settings(changes)
    dt_s = SLOW_S if delay_s > _LONG_S else READ_S
    half_s = dt_s * round(delay_s / 2 / dt_s)
    beyond, little, far = (_grid(subject, element, _beyond(element, by)) for by in (_LEAST, -0.5 * span, -1.5 * span))
    if min(beyond[0]) < _LOWEST_PU or not _alone(standard, *beyond, delay_s, element.name):
        return (Finding(True, "another element is faster", "not tested"),)
    if due(standard, *little, 3 * delay_s, SLOW_S)[1] or due(standard, *far, 3 * delay_s, SLOW_S)[1]:
        return (Finding(True, "another element would trip inside", "not tested"),)
    findings = list[Finding]()
    for hysteresis, inside, total_s in ((span, little, delay_s), (span, far, inf), (0.0, little, inf)):
        stepped = Stepped(subject, {**changes, name: hysteresis}, later=bool(hysteresis))
        stepped.run(0.2)
        stepped.run(half_s, *beyond, dt_s)
        took_s, _ = stepped.trips(delay_s + 0.5, *inside, dt_s)
        findings.append(about("beyond, then inside", took_s + half_s, total_s, dt_s + SLACK_S))
        if hysteresis and inside is far:
            again_s, _ = stepped.trips(delay_s + 0.5, *beyond, dt_s)
            findings.append(about("again beyond", again_s, delay_s, dt_s - SLACK_S))
    stepped = Stepped(subject, {**changes, name: span})
    took_s, _ = stepped.trips(delay_s + 0.5, *little, dt_s)
    return (*findings, about("never beyond", took_s, inf))


def _gap(subject: Subject, element: Element) -> tuple[Finding, ...]:
    """Of a gap before the first abnormal sample a tenth of a second counts, of one between two abnormal ones all."""
    changes, delay_s = _prompt(subject, element)
    standard = subject.standard.with_settings(changes)
    volts, hz = _grid(subject, element, _beyond(element))
    if delay_s < 0.5 or delay_s > 30.0 or min(volts) < _LOWEST_PU:
        return (Finding(True, "too short or too long a delay", "not tested"),)
    if not _alone(standard, volts, hz, delay_s, element.name) or standard.number("measurement.stale_s") < _GAP_S:
        return (Finding(True, "another element is faster", "not tested"),)
    findings, calm_hz = list[Finding](), standard.nominal_hz
    for gap_before in (True, False):
        stepped = Stepped(subject, changes)
        stepped.run(0.2, 1.0, calm_hz)
        stepped.step(volts, hz, _GAP_S if gap_before else READ_S)
        counted_s = _COUNTED_S if gap_before else READ_S
        if not gap_before:
            stepped.step(volts, hz, _GAP_S)
            counted_s += _GAP_S
        took_s, _ = stepped.trips(delay_s + 0.5, volts, hz)
        wanted_s = READ_S * -(-round((delay_s - counted_s) / READ_S, 6) // 1)
        findings.append(about("after the gap", took_s, wanted_s))
    return tuple(findings)


def _window(subject: Subject) -> tuple[Finding, ...]:
    """Beyond the edges it trips after 0.1 s, whatever else is set; the edges follow the elements' thresholds, too if
    those are changed in operation."""
    standard, findings = subject.standard, list[Finding]()
    for side, index in (("under", 0), ("over", 1)):
        elements = [each for each in standard.elements if each.quantity == "frequency" and each.side == side]
        slow: dict[str, Value] = {"islanding.rocof_enabled": False}
        slow |= {f"trip.{each.name}.delay_s": standard.figures[f"trip.{each.name}.delay_s"].high for each in elements}
        ends = {
            f"trip.{each.name}.threshold_hz": standard.figures[f"trip.{each.name}.threshold_hz"] for each in elements
        }
        wide: dict[str, Value] = {name: each.high if side == "over" else each.low for name, each in ends.items()}
        for changes in (slow, slow | wide):
            changed = standard.with_settings(changes)
            edge_hz = window_hz(changed)[index]
            for by_hz in (0.001, -0.001):
                hz = edge_hz + (by_hz if side == "over" else -by_hz)
                if not changed.number("measurement.lowest_hz") < hz < changed.number("measurement.highest_hz"):
                    continue
                stepped = Stepped(subject, changes, later=changes is not slow)
                stepped.run(0.2)
                wanted_s, names = due(changed, (1.0,) * subject.phases, hz, 0.5, READ_S)
                took_s, verdict = stepped.trips(0.5, 1.0, hz)
                findings.append(about(f"{hz:.3f} Hz trips after", took_s, wanted_s))
                if names:
                    findings.append(same("because of", verdict.element, names[0]))
            outwards = 0.001 if side == "over" else -0.001
            stepped = Stepped(subject, changes)
            named = {stepped.step(1.0, edge_hz + sign * outwards).element for _ in range(8) for sign in (1, -1)}
            findings.append(same("starts over inside the edge", "operating window" in named, False))
    return tuple(findings)


def _cause(subject: Subject) -> tuple[Finding, ...]:
    """A frequency, a voltage, or an island if there is no voltage: it decides what is reported."""
    dead_pu = subject.standard.number("islanding.dead_pu")
    nominal_hz, rocof = subject.standard.nominal_hz, subject.standard.number("islanding.rocof_hz_per_s")
    findings = list[Finding]()
    for volts, hz, cause in (
        (dead_pu - 0.01, nominal_hz, Cause.ISLANDING), (dead_pu + 0.01, nominal_hz, Cause.VOLTAGE),
        (1.5, nominal_hz, Cause.VOLTAGE), (1.0, window_hz(subject.standard)[1] + 1.0, Cause.FREQUENCY),
    ):  # fmt: skip
        stepped = Stepped(subject)
        stepped.run(0.2)
        _, verdict = stepped.trips(60.0, volts, hz)
        findings.append(same(f"{volts:g} pu, {hz:g} Hz", verdict.cause, cause))
    if subject.phases == 3:
        stepped = Stepped(subject)
        stepped.run(0.2)
        _, verdict = stepped.trips(60.0, (0.0, 1.0, 1.0))
        findings.append(same("one dead phase", verdict.cause, Cause.VOLTAGE))
        stepped = Stepped(subject)
        stepped.run(0.06)
        took_s, verdict = stepped.trips(1.0, (0.0, 1.0, 1.0), window_hz(subject.standard)[1] + 1.0)
        findings.append(same("and a frequency", (took_s <= 0.1 + READ_S, verdict.cause), (True, Cause.FREQUENCY)))
    uneven = GridSample(0.0, 0, (0.9, 1.0, 1.2), 49.0)
    seen = {str(key): value and round(value, 6) for key, value in quantities(uneven, 1.05, True).items()}
    wanted = {"lowest_voltage": 0.9, "highest_voltage": 1.2, "mean_voltage": 1.033333, "ten_minute_voltage": 1.05,
              "frequency": 49.0}  # fmt: skip
    findings.append(same("what elements see", seen, wanted))
    findings.append(same("a jump that is not measured", uneven.phase_jump_deg, 0.0))
    stepped = Stepped(subject)
    verdicts = [stepped.step(rocof=1.1 * rocof) for _ in range(100)]
    findings.append(same("rate of change of frequency", verdicts[-1].cause, Cause.ISLANDING))
    return tuple(findings)


# The ten-minute mean


_MEAN_S, _RENEWED_S = 600.0, 3.0


def _mean(subject: Subject) -> tuple[Finding, ...]:
    """After a step it moves to the new voltage over ten minutes, and is never older than 3 s; the highest phase counts
    (EN 50549-1 4.9.3.4)."""
    high_pu, findings = 1.1, list[Finding]()
    mean, now = TenMinuteMean(subject.phases), 0.0
    volts = (0.95, high_pu, 1.0) if subject.phases == 3 else (high_pu,)
    worst = 0.0
    for number in range(round((_MEAN_S + 30.0) / SLOW_S)):
        now = (number + 1) * SLOW_S
        square = mean.step(volts, SLOW_S) ** 2
        newest, oldest = (1 + (high_pu**2 - 1) * min(max(t, 0.0) / _MEAN_S, 1.0) for t in (now, now - _RENEWED_S))
        worst = max(worst, square - newest, oldest - square)
    findings.append(Finding(worst <= 1e-6, "rises in step with time", f"{worst:.2g} off at worst"))
    begun_s, worst = now, 0.0
    for number in range(round(60.0 / SLOW_S)):
        passed_s = (number + 1) * SLOW_S
        square = mean.step((1.0,) * subject.phases, SLOW_S) ** 2
        newest, oldest = (high_pu**2 - (high_pu**2 - 1) * max(t, 0.0) / _MEAN_S for t in (passed_s, passed_s - 3.0))
        worst = max(worst, newest - square, square - oldest)
    findings.append(Finding(worst <= 1e-6, f"falls so, from {begun_s:g} s on", f"{worst:.2g} off at worst"))
    return tuple(findings)


# Ride-through


def _sample(subject: Subject, volts: float | tuple[float, ...], hz: float | None = None) -> GridSample:
    volts = volts if isinstance(volts, tuple) else (volts,) * subject.phases
    return GridSample(0.0, 0, volts, subject.standard.nominal_hz if hz is None else hz)


def _tracker(subject: Subject) -> Tracker:
    return Tracker(subject.code.ride_through, subject.standard.number("measurement.frequency_floor_pu"))


def _edges(bands: tuple[Band, ...]) -> list[float]:
    """Every edge, and the middle of every band."""
    edges = {edge for band in bands for edge in (band.low, band.high) if edge < inf}
    middles = {(band.low + (band.high if band.high < inf else band.low + 0.1)) / 2 for band in bands}
    return sorted(edges | middles)


def _riding(subject: Subject) -> tuple[Finding, ...]:
    """Mode and time to stay at the edges and in the middle of each band, on one phase too, and again after a pause."""
    standard, findings = subject.standard, list[Finding]()
    floor_pu = standard.number("measurement.frequency_floor_pu")
    for kind, bands in (("pu", standard.voltage), ("Hz", standard.frequency)):
        for value in _edges(bands):
            band = band_of(bands, value)
            mode, stay_s = ("undefined", 0.0) if band is None else (band.mode, band.stays_s(value))
            samples = [_sample(subject, value) if kind == "pu" else _sample(subject, 1.0, value)]
            if kind == "pu" and subject.phases == 3:
                samples.append(_sample(subject, (1.0, 1.0, value)))
            if kind == "pu" and value < floor_pu:
                samples[0] = _sample(subject, value, standard.nominal_hz / 2)  # it is not judged
            for sample in samples:
                tracker = _tracker(subject)
                for _ in range(2):
                    calm = tracker.step(_sample(subject, 1.0), 1.0)
                    seen = [tracker.step(sample, dt_s) for dt_s in (stay_s / 2 or 1e-3, stay_s / 2, 0.01)]
                    must = [mode == "continuous" or (stay_s > 0 and number < 2) for number in range(3)]
                    said = [(state.mode.name.lower(), state.must_stay) for state in (calm, *seen)]
                    wanted = [("continuous", True), *((mode, each) for each in must)]
                    findings.append(same(f"{value:g} {kind}", said, wanted))
    return tuple(findings)


def _in_a_row(subject: Subject) -> tuple[Finding, ...]:
    """From a swell straight into a dip, and back: each has its own time."""
    bands = subject.standard.voltage
    low = [b for b in bands if b.high <= continuous(bands).low and b.stay_s > 0]
    high = [b for b in bands if b.low >= continuous(bands).high and b.stay_s > 0]
    findings = list[Finding]()
    for first, second in ((a, b) for a in low for b in high):
        for before, after in ((first, second), (second, first)):
            tracker, value = _tracker(subject), (after.low + after.high) / 2
            tracker.step(_sample(subject, (before.low + before.high) / 2), before.stay_s)
            stay_s = after.stays_s(value)
            said = [tracker.step(_sample(subject, value), dt_s).must_stay for dt_s in (stay_s - 0.01, 0.02)]
            findings.append(same(f"{before.low:g}, then {value:g} pu", said, [True, False]))
    return tuple(findings) or (Finding(True, "no swells, or no dips", "not tested"),)


def _worst(subject: Subject) -> tuple[Finding, ...]:
    """Of two phases, or of voltage and frequency, the more severe mode counts, and the shorter time to stay."""
    standard, findings = subject.standard, list[Finding]()
    voltage = {value: band_of(standard.voltage, value) for value in _edges(standard.voltage)}
    frequency = {value: band_of(standard.frequency, value) for value in _edges(standard.frequency)}
    floor_pu = standard.number("measurement.frequency_floor_pu")
    pairs = [((v,) * subject.phases, hz) for v in voltage for hz in frequency if v >= floor_pu]
    if subject.phases == 3:
        pairs += [((a, 1.0, b), standard.nominal_hz) for a in voltage for b in voltage if a < 1 < b]
    for volts, hz in pairs:
        found = [band_of(standard.voltage, min(*volts, 1.0)), band_of(standard.voltage, max(*volts, 1.0))]
        found.append(band_of(standard.frequency, hz))
        worst = max(("undefined" if band is None else band.mode for band in found), key=_SEVERITY.index)
        state = _tracker(subject).step(_sample(subject, volts, hz), 0.5)
        wanted = worst, stays(standard, volts, hz, 0.5)
        findings.append(same(f"{volts} pu, {hz:g} Hz", (state.mode.name.lower(), state.must_stay), wanted))
    return tuple(findings)
