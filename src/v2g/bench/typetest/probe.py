"""Whether the islanding probe, as it is set, can do its work: computed from the circuit, with nothing of the station's
own software.

The load of IEEE 1547.1-2020 5.10 is a parallel RLC circuit of quality factor 1 in resonance. If the station draws the
share q of its active power as reactive power, the frequency settles at df/f = q / (2 Qf), within milliseconds. So a
feedback of gain g makes every turn g / (2 Qf) times as large as the one before, and a push of q reaches the thresholds
up to f q / (2 Qf) away. On a sound grid the probe must neither be seen nor be mistaken.
"""

from collections.abc import Iterator
from functools import partial
from math import floor, log

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.case import Inspection, Subject
from v2g.bench.typetest.check import Finding

_QUALITY = 1.0
_CLEARS_S = 2.0
"""IEEE 1547-2018 8.1.1."""
_MEASURED_CYCLES = 5
"""What a sensing unit averages the frequency over."""
_UNEVEN = 1.3
"""The longest turn of the kick, as a share of its setting (docs/grid-codes.md, "Islanding")."""
_MISMATCH = 1.2
"""A load that does not match by 10 % takes less than a fifth of a push away."""
_SHORT_CIRCUIT_RATIO, _FLICKER_PU = 3.0, 0.004
"""A weak grid; half of the change of voltage that IEC 61000-3-3 permits at 200 changes a minute (general knowledge)."""
_CALM_HZ_PER_S, _NOISE_HZ = 0.05, 0.005
"""What a large grid does every day, and what a good sensing unit adds (general knowledge)."""


def cases(subject: Subject) -> Iterator[Inspection]:
    """How soon an island is found, how far a push goes, and what a sound grid sees."""
    source = "computed: parallel RLC load of quality factor 1"
    for name, judge in (("detects-in-time", _in_time), ("push", _push), ("sound-grid", _sound_grid)):
        tests = tuple(f"islanding.probe_{key}" for key in _KEYS)
        yield Inspection(f"islanding/design/{name}", source, partial(judge, subject), tests)


_KEYS = ("gain", "slow_gain", "slowest_s", "limit", "kick", "kick_s", "follow", "push", "push_s", "washout_s")


def _read(subject: Subject) -> dict[str, float]:
    """What the station reads."""
    return {key: float(subject.code.settings[f"islanding.probe_{key}"].value) for key in _KEYS}


def _reached(subject: Subject) -> tuple[float, float]:
    """Of the elements that a push reaches with some margin: the shortest delay, and the share of the active power that
    it takes. A push is a step of frequency: it is beyond a rate for as long as it is in the window."""
    standard, limit = subject.standard, _read(subject)["limit"]
    rises_hz = {
        each.delay_s: each.threshold - standard.nominal_hz
        for each in standard.elements
        if each.quantity == "frequency" and each.side == "over"
    }
    window_s, rate_s = standard.number("measurement.rocof_window_s"), standard.number("islanding.rocof_delay_s")
    if standard.number("islanding.rocof_enabled") and window_s > rate_s:
        rises_hz[rate_s] = standard.number("islanding.rocof_hz_per_s") * window_s
    takes = {delay_s: 2 * _QUALITY * rise_hz / standard.nominal_hz * _MISMATCH for delay_s, rise_hz in rises_hz.items()}
    fast = [delay_s for delay_s, share in takes.items() if share <= limit]
    delay_s = min(fast or takes)
    return delay_s, takes[delay_s]


def _in_time(subject: Subject) -> tuple[Finding, ...]:
    """The kick may be about to turn; then the change grows turn by turn, each as late as set-points and measurement,
    until it is a push, and that one until the trip."""
    probe, nominal_hz = _read(subject), subject.standard.nominal_hz
    seen_s = _MEASURED_CYCLES / 2 / nominal_hz + accuracy.READING_S
    findings = []
    for late_s, gain in ((0.0, probe["gain"]), (probe["slowest_s"], probe["slow_gain"])):
        growth = gain / (2 * _QUALITY)
        grows = growth > 1 and probe["kick"] > 0
        findings.append(
            Finding(grows, "a kick, and every turn larger than the one before", f"{growth:.3g} times as large")
        )
        if not grows:
            continue
        turns = floor(log(probe["push"] / probe["kick"]) / log(growth)) + 1
        runs_s = _UNEVEN * probe["kick_s"] + turns * (seen_s + late_s) + _MEASURED_CYCLES / nominal_hz
        trips_s = runs_s + _reached(subject)[0] + accuracy.SWITCH_S
        said = f"set-points {late_s:g} s late: {turns} turns, {trips_s:.2f} s"
        findings.append(Finding(trips_s <= _CLEARS_S, f"tripped within {_CLEARS_S:g} s", said))
        forgotten = probe["washout_s"] >= runs_s - _UNEVEN * probe["kick_s"]
        findings.append(Finding(forgotten, "not forgotten meanwhile", f"{probe['washout_s']:g} s"))
    return tuple(findings)


def _push(subject: Subject) -> tuple[Finding, ...]:
    """It reaches a threshold that trips, lasts until it has, and leaves active power to feed."""
    probe, (_, share) = _read(subject), _reached(subject)
    lasts_s = probe["slowest_s"] + _MEASURED_CYCLES / subject.standard.nominal_hz
    return (
        Finding(probe["limit"] >= share, f"a push of {share:.3f} at least", f"{probe['limit']:g}"),
        Finding(probe["push_s"] >= lasts_s, f"for {lasts_s:.2f} s at least", f"{probe['push_s']:g} s"),
        Finding(probe["limit"] < 0.436, "less than a power factor of 0.90 takes", f"{probe['limit']:g}"),
        Finding(probe["push"] < probe["limit"], "begins before its limit", f"{probe['push']:g}"),
    )


def _sound_grid(subject: Subject) -> tuple[Finding, ...]:
    """The kick is no flicker on a weak grid, and what a large grid does every day is no island."""
    probe, nominal_hz = _read(subject), subject.standard.nominal_hz
    flickers_pu = 2 * probe["kick"] / _SHORT_CIRCUIT_RATIO
    drift = _CALM_HZ_PER_S * probe["washout_s"] / nominal_hz
    largest = max(probe["gain"], probe["slow_gain"]) * drift
    shown = probe["kick"] / (2 * _QUALITY)
    noise = _NOISE_HZ / 60.0
    follows = noise <= probe["follow"] < shown
    return (
        Finding(flickers_pu <= _FLICKER_PU, f"at most {_FLICKER_PU:.1%} of the voltage", f"{flickers_pu:.2%}"),
        Finding(largest < probe["push"], f"less than a push: {probe['push']:g}", f"{largest:.3f}"),
        Finding(follows, f"follows from {noise:.2g} to {shown:.2g} of the frequency on", f"{probe['follow']:g}"),
    )
