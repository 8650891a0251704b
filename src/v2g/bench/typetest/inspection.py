"""What the station says of its settings, without a session: every default, range and band is that of the standard, both
ends of each range are accepted, and what lies beyond or contradicts itself is refused.

The first kind compares what the station reads from its settings files with the tables in `figures`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isclose, nan
from typing import Any

from v2g.bench.typetest.case import Inspection, Subject
from v2g.bench.typetest.check import Finding
from v2g.bench.typetest.standard import Band, Figure, Value, text
from v2g.grid.ride_through import Band as RiddenBand
from v2g.grid.settings import GridCode, SettingsError, load, parse, read

_BEYOND = 1e-3
"""How far beyond the end of a range a value is that must be refused, as a share of the range."""


_USUAL = {"ieee1547-cat1": "b", "ieee1547-cat2": "b", "ieee1547-cat3": "b", "as-nzs-4777-2": "a"}
"""The variant of a code if none is named: IEEE 1547-2018 5.2, category B for storage; AS/NZS 4777.2, region A."""


def cases(subject: Subject) -> Iterator[Inspection]:
    """One for each setting, for the bands, and for each contradiction."""
    for name, figure in subject.figures.figures.items():
        if "." in name:
            judge = partial(_judge, subject, name, figure)
            yield Inspection(f"settings/{name}", figure.source, judge, (name,))
    yield Inspection("settings/all", "the tables of the type test", partial(_complete, subject))
    for kind, bands in (("voltage", subject.figures.voltage), ("frequency", subject.figures.frequency)):
        source = bands[0].source if bands else ""
        yield Inspection(f"settings/ride-through-{kind}", source, partial(_bands, subject, kind, bands))
    yield Inspection("settings/other-nominal-frequency", "in proportion", partial(_elsewhere, subject))
    yield Inspection("settings/wrong-files", "this station", partial(_wrong_files, subject))
    for name, changes in _contradictions(subject):
        yield Inspection(f"settings/contradiction/{name}", "this station", partial(_refused, subject, changes))


def _judge(subject: Subject, name: str, figure: Figure) -> tuple[Finding, ...]:
    """The setting as it is read, and what it may be."""
    setting = subject.defaults.settings.get(name)
    if setting is None:
        return (Finding(False, text(figure.value), "there is no such setting"),)
    read = setting.value
    both = read, figure.value
    alike = read == figure.value if isinstance(both[0], str) or isinstance(both[1], str) else isclose(both[0], both[1])
    findings = [Finding(alike, text(figure.value), text(read))]
    if figure.choices:
        same = set(setting.choices) == set(figure.choices)
    else:
        same = not setting.choices and isclose(setting.low, figure.low) and isclose(setting.high, figure.high)
    findings.append(Finding(same, figure.permitted, setting.permitted))
    return (*findings, *_ends(subject, name, figure))


def _ends(subject: Subject, name: str, figure: Figure) -> Iterator[Finding]:
    """Each end is accepted by itself, and taken over; what is beyond is refused, and so is what is of another type."""
    setting = subject.defaults.settings[name]
    accepted: tuple[Value, ...] = figure.choices or (figure.low, figure.high)
    span = max(figure.high - figure.low, abs(figure.high), 1.0)
    refused: tuple[Value, ...]
    if figure.choices:
        refused = ("neither", 7.0) if isinstance(figure.value, bool) else ("neither", 7.0, True)
    else:
        refused = (figure.low - _BEYOND * span, figure.high + _BEYOND * span, nan, "word", True)
    wrongly_refused = [value for value in accepted if setting.error(value) is not None]
    wrongly_accepted = [value for value in refused if setting.error(value) is None]
    yield Finding(not wrongly_refused, "accepts all of that", _words("refuses", wrongly_refused))
    yield Finding(not wrongly_accepted, "refuses everything else", _words("accepts", wrongly_accepted))
    changed = accepted[-1]
    try:
        code = subject.defaults.with_settings({name: changed})
    except SettingsError:
        return  # it contradicts others by itself
    taken = code.settings[name].value == changed and _typed(code, name) == changed
    yield Finding(taken, f"{text(changed)} is taken over", "so it is" if taken else f"it is {_typed(code, name)}")


def _words(verb: str, values: list[Value]) -> str:
    return f"{verb} {', '.join(map(text, values))}" if values else "so it does"


def _typed(code: GridCode, name: str) -> object:
    """What the functions of the station see of a setting."""
    path, _, key = name.rpartition(".")
    if path.startswith("trip."):
        element = next(each for each in code.trip if each.name == path.removeprefix("trip."))
        return getattr(element, key.removesuffix("_pu").removesuffix("_hz"))
    return getattr(getattr(code, path), key)


def _complete(subject: Subject) -> tuple[Finding, ...]:
    """No setting that the tables lack, and the elements watch what they should; unknown settings are refused."""
    code, figures = subject.defaults, subject.figures
    more = sorted(set(code.settings) - set(figures.figures))
    watching = {each.name: (each.side, str(each.quantity)) for each in code.trip}
    scaled = isclose(code.nominal_hz, figures.nominal_hz)
    return (
        Finding(not more, "every setting has a figure", ", ".join(more) or "so it is"),
        Finding(watching == dict(figures.watches), str(dict(figures.watches)), str(watching)),
        Finding(scaled, f"{figures.nominal_hz:g} Hz", f"{code.nominal_hz:g} Hz"),
        *_refused(subject, {"trip.nosuch.delay_s": 1.0}),
        *(
            Finding((found := load(subject.name).variant) == usual, f"variant {usual} unless another is named", found)
            for usual in _USUAL.get(subject.name, "")
        ),
    )


def _elsewhere(subject: Subject) -> tuple[Finding, ...]:
    """In a network of the other nominal frequency every frequency is in proportion, and nothing else is another one."""
    there = Subject(subject.name, subject.category, subject.phases, 50.0 if subject.figures.nominal_hz > 55 else 60.0)
    found = [
        each for name, figure in there.figures.figures.items() if "." in name for each in _judge(there, name, figure)
    ]
    found += [*_complete(there), *_bands(there, "frequency", there.figures.frequency)]
    wrong = tuple(each for each in found if not each.passed)
    return wrong or (Finding(True, f"{there.figures.nominal_hz:g} Hz: {len(found)} figures", "so they are"),)


def _bands(subject: Subject, kind: str, bands: tuple[Band, ...]) -> tuple[Finding, ...]:
    ride = subject.defaults.ride_through
    read = ride.voltage if kind == "voltage" else ride.frequency
    findings = [Finding(len(read) == len(bands), f"{len(bands)} bands", f"{len(read)} bands")]
    for band in bands:
        found = [each for each in read if _alike(each, band)]
        measured = "so it is" if found else ", ".join(map(_band_text, _near(read, band)))
        findings.append(Finding(len(found) == 1, _band_text(band), measured))
    return tuple(findings)


def _alike(read: RiddenBand, band: Band) -> bool:
    numbers = (
        (read.low, band.low), (read.high, band.high), (read.stay_s, band.stay_s), (read.slope_s, band.slope_s),
    )  # fmt: skip
    return read.mode.name.lower() == band.mode and all(isclose(first, second) for first, second in numbers)


def _near(read: tuple[RiddenBand, ...], band: Band) -> list[Band]:
    """The station's bands over the same values."""
    return [
        Band(each.low, each.high, each.mode.name.lower(), each.stay_s, each.slope_s, "file", "")
        for each in read
        if each.low < band.high and band.low < each.high
    ]


def _band_text(band: Band) -> str:
    slope = f" + {band.slope_s:g} s for each unit" if band.slope_s else ""
    return f"{band.low:g} to {band.high:g}: {band.mode.replace('_', ' ')}, {band.stay_s:g} s{slope}"


# Files of codes


def _with(document: Mapping[str, Any], place: str, value: object) -> dict[str, Any]:
    """The same content with another value in one place; None takes it out."""
    key, _, rest = place.partition(".")
    value = _with(document.get(key, {}), rest, value) if rest else value
    return {name: each for name, each in {**document, key: value}.items() if each is not None}


def _wrong_files(subject: Subject) -> tuple[Finding, ...]:
    """The file is read as it is; with anything missing, unknown, out of range or contradictory it is refused, and the
    place is named."""
    document = read(subject.name)
    element, bands = next(iter(document["trip"])), document["ride_through"]["voltage"]
    calm, others = ([each for each in bands if (each["mode"] == "continuous") is wanted] for wanted in (True, False))
    ride = subject.defaults.ride_through
    jumps = _with(document, "islanding.vector_shift_enabled", _entry(True))
    wrong: tuple[tuple[Mapping[str, Any], str, object], ...] = (
        (document, "title", None), (document, "capability", None), (document, "no_such", {}),
        (document, "capability.inject_pu", None), (document, "capability.inject_pu", {"source": "x"}),
        (document, "capability.no_such", 0.4), (document, "capability.no_such", _entry(0.4)),
        (document, "capability.no_such", {"source": "x"}), (document, "capability.no_such", {**_entry(0.4), "of": 1}),
        (_with(document, "capability.source", None), "capability.no_such", {"default": 0.4}),
        (document, "capability.inject_pu", _entry(0.4, 0.5, 0.6)), (document, "capability.inject_pu", _entry(0.4, 0.3)),
        (document, "capability.inject_pu", _entry(True)), (document, "volt_watt.enabled", _entry(1.0)),
        (document, "volt_watt.enabled", _entry("yes")), (document, "reactive.mode", _entry(7.0)),
        (document, "reactive.mode", _entry("volt-var")), (document, "nominal_hz", 0.0), (document, "trip", 3),
        (document, f"trip.{element}.quantity", "current"), (document, f"trip.{element}.side", "below"),
        (document, "ride_through.voltage", others), (document, "ride_through.voltage", [*bands, *calm]),
        (document, "ride_through.voltage", [*calm, {**others[0], "mode": "sometimes"}]),
        (document, "ride_through.voltage", [*calm, {"low": 0.5, "mode": "cease"}]),
        (document, "ride_through.voltage", [*calm, {**others[0], "of": 1}]),
        (document, "volt_watt.v1_pu", _entry(1.3)),
        (document, "islanding.rocof_hz_per_s", _entry(ride.rocof_hz_per_s)),
        (jumps, "islanding.vector_shift_deg", _entry(ride.phase_jump_deg)),
        (jumps, "islanding.single_phase_vector_shift_deg", _entry(ride.single_phase_jump_deg)),
    )  # fmt: skip
    parse(subject.name, document)
    second = _refusal(
        parse, "wrong", _with(document, "ride_through.voltage", [*calm, {**others[0], "mode": "sometimes"}])
    )
    findings = [Finding("voltage, band 2" in second, "says which band", second)]
    findings += [Finding("no such" in (said := _refusal(load, subject.name, "no such")), "no variant like this", said)]
    for content, place, value in wrong:
        said = _refusal(parse, "wrong", _with(content, place, value))
        findings.append(Finding(place.rpartition(".")[2] in said, f"{place}: {value}: refused", said))
    return tuple(findings)


def _entry(value: Value, *ends: float) -> dict[str, Any]:
    return {"default": value, "source": "x", **({"range": ends} if ends else {})}


def _refusal(reads: Callable[..., GridCode], *said: Any) -> str:
    try:
        reads(*said)
    except SettingsError as error:
        return str(error)
    return "accepted"


# Values that are in range and contradict each other


def _refused(subject: Subject, changes: Mapping[str, Value]) -> tuple[Finding, ...]:
    listed = ", ".join(f"{name} {text(value)}" for name, value in changes.items())
    try:
        subject.defaults.with_settings(changes)
    except SettingsError:
        return (Finding(True, f"refuses {listed}", "refused"),)
    return (Finding(False, f"refuses {listed}", "accepted"),)


def _contradictions(subject: Subject) -> Iterator[tuple[str, Mapping[str, Value]]]:
    figures = subject.figures.figures

    def reach(name: str) -> tuple[float, float]:
        return figures[name].low, figures[name].high

    for table in ("enter_service", subject.figures.back):
        if reach(f"{table}.random_delay_s")[1] > 0:
            yield f"{table}-ramp-and-random-delay", {f"{table}.ramp_s": 10.0, f"{table}.random_delay_s": 10.0}
    rules: dict[str, tuple[str, str, Callable[[float], float]]] = {
        "volt-var-order-of-q": ("volt_var.q1_pu", "volt_var.q2_pu", lambda low: low + 0.1),
        "watt-var-order-fed": ("watt_var.fed_p1_pu", "watt_var.fed_p2_pu", lambda low: low),
        "watt-var-order-fed-end": ("watt_var.fed_p2_pu", "watt_var.fed_p3_pu", lambda low: low),
        "watt-var-order-drawn": ("watt_var.drawn_p1_pu", "watt_var.drawn_p2_pu", lambda low: low),
        "watt-var-order-drawn-end": ("watt_var.drawn_p2_pu", "watt_var.drawn_p3_pu", lambda low: low),
        "volt-watt-order": ("volt_watt.v1_pu", "volt_watt.v2_pu", lambda low: low),
        "volt-var-order-below": ("volt_var.v1_pu", "volt_var.v2_pu", lambda low: low),
        "volt-var-order-above": ("volt_var.v3_pu", "volt_var.v4_pu", lambda low: low),
        "volt-var-order-of-q-above": ("volt_var.q3_pu", "volt_var.q4_pu", lambda low: low + 0.1),
    }
    for name, (first, second, other) in rules.items():
        lowest, highest = max(reach(first)[0], reach(second)[0]), min(reach(first)[1], reach(second)[1])
        middle = (lowest + highest) / 2
        if lowest <= highest and reach(second)[0] <= other(middle) <= reach(second)[1]:
            yield name, {first: middle, second: other(middle)}
    distance_pu = subject.figures.number("volt_var.least_distance_pu")
    if distance_pu:
        close: dict[str, Value] = {"volt_var.v1_pu": 0.98 - 0.8 * distance_pu, "volt_var.v2_pu": 0.98}
        yield "volt-var-distance-below", close
        yield "volt-var-distance-above", {"volt_var.v3_pu": 1.02, "volt_var.v4_pu": 1.02 + 0.8 * distance_pu}
