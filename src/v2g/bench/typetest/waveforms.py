"""What the station makes of samples of the voltage: as accurate as IEEE 1547-2018, table 3, asks for, and a jump of the
phase is seen in full and passes."""

from collections.abc import Iterator
from functools import partial
from math import nan, sin, sqrt, tau

from v2g.bench.typetest.case import Inspection, Subject
from v2g.bench.typetest.check import Finding
from v2g.grid.waveform import RmsVoltage, WaveformEstimate, WaveformEstimator

_TABLE_3 = "IEEE 1547-2018 table 3; UL1741SB"
_FINE, _COARSE = 120, 16
"""Samples in a cycle: usual, and the fewest."""
_WINDOW, _FILTERED = 5, 3
"""Cycles behind an estimate (table 3: a transient measurement), and after which a jump is seen in full."""
_LEAST_JUMP_DEG = 12.0
"""Less may come from a rate of change of frequency (this station)."""
_UNSTEADY_DEG, _COMPARED = 11.0, 4
"""A frequency whose change moves the phase by more than this, over this many cycles, shows no jump (this station)."""
_LIVE_PU = 0.0707
"""Below that there is no frequency (this station)."""
_RMS = sqrt(1 + 0.05**2 + 0.05**2)


def cases(subject: Subject) -> Iterator[Inspection]:
    """Frequencies, voltages, jumps, steps, gaps."""
    nominal_hz = subject.standard.nominal_hz
    for offset_hz in (-3.0, -0.5, 0.0, 0.5, 3.0):
        judge = partial(_steady, nominal_hz, nominal_hz + offset_hz)
        yield Inspection(f"measurement/waveform/{nominal_hz + offset_hz:g}-hz", _TABLE_3, judge)
    for volts_pu in (0.0, 0.85 * _LIVE_PU, 1.15 * _LIVE_PU, 0.3, 0.5, 1.2):
        yield Inspection(f"measurement/waveform/{volts_pu:.3g}-pu", _TABLE_3, partial(_level, nominal_hz, volts_pu))
    for jump_deg in (-60.0, -20.0, -13.0, -11.0, 11.0, 13.0, 20.0, 60.0):
        judge = partial(_jump, nominal_hz, jump_deg)
        yield Inspection(f"measurement/waveform/jump-of-{jump_deg:g}-degrees", _TABLE_3, judge)
    judges = {
        "step-of-frequency": _frequency_step, "jump-beside-a-change-of-frequency": _unsteady,
        "jump-without-a-voltage": _outage, "start-and-gap": _start_and_gap, "between-phases": _between_phases,
        "long-run": _long_run, "far-out": _far_out,
    }  # fmt: skip
    for name, each in judges.items():
        yield Inspection(f"measurement/waveform/{name}", _TABLE_3, partial(each, nominal_hz))


class _Source:
    """A voltage with 5 % each of the 3rd and 5th harmonic."""

    def __init__(self, nominal_hz: float, samples: int = _FINE) -> None:
        """`samples`: in a cycle."""
        self.estimator = WaveformEstimator(nominal_hz * samples, nominal_hz, 230.0)
        self._samples, self._nominal_hz = samples, nominal_hz
        self._turns = 0.1

    def run(self, hz: float, cycles: float, volts_pu: float = 1.0, jump_deg: float = 0.0) -> WaveformEstimate | None:
        """The estimate after a number of nominal cycles of this voltage."""
        self._turns += jump_deg / 360
        for _ in range(round(cycles * self._samples)):
            self._turns += hz / self._nominal_hz / self._samples
            angle = tau * self._turns
            harmonics = 0.05 * sin(3 * angle) + 0.05 * sin(5 * angle)
            self.estimator.feed(230.0 * sqrt(2) * volts_pu * (sin(angle) + harmonics))
        return self.estimator.estimate()

    def each(self, hz: float, cycles: float, jump_deg: float = 0.0) -> list[float]:
        """The jumps that are reported four times a cycle."""
        steps = [self.run(hz, 0.25, jump_deg=0.0 if number else jump_deg) for number in range(round(4 * cycles))]
        return [_value(step, "phase_jump_deg") for step in steps]


def _value(estimate: WaveformEstimate | None, name: str) -> float:
    value: float = nan if estimate is None else getattr(estimate, name)
    return value


def _about(what: str, measured: float, expected: float, tolerance: float, unit: str) -> Finding:
    alike = abs(measured - expected) <= tolerance  # a value that is no number is not
    return Finding(
        alike, f"{what} {expected:.6g} {unit} within {tolerance:g}", f"{measured:.6g} {unit}", f"1e-6 {unit}"
    )


def _furthest(found: list[WaveformEstimate | None], name: str, expected: float) -> float:
    return max((_value(each, name) for each in found), key=lambda value: abs(value - expected))


def _steady(nominal_hz: float, hz: float) -> tuple[Finding, ...]:
    findings = list[Finding]()
    for samples in (_FINE, _COARSE):
        source = _Source(nominal_hz, samples)
        source.run(hz, 10)
        found = [source.run(hz, 0.125) for _ in range(80)]
        findings += [
            _about("frequency", _furthest(found, "frequency_hz", hz), hz, 0.01, "Hz"),
            _about("voltage", _furthest(found, "voltage_pu", _RMS), _RMS, 0.01, "pu"),
            _about("phase jump", _furthest(found, "phase_jump_deg", 0.0), 0.0, 0.0, "degrees"),
        ]
    return tuple(findings)


def _level(nominal_hz: float, volts_pu: float) -> tuple[Finding, ...]:
    """Without a voltage there is no frequency: it counts as nominal."""
    hz = nominal_hz + 1.0
    source = _Source(nominal_hz)
    source.run(hz, 15)
    found = source.run(hz, 15, volts_pu)
    expected_hz = hz if volts_pu >= _LIVE_PU else nominal_hz
    return (
        _about("voltage", _value(found, "voltage_pu"), _RMS * volts_pu, 0.01, "pu"),
        _about("frequency", _value(found, "frequency_hz"), expected_hz, 0.01, "Hz"),
    )


def _jump(nominal_hz: float, jump_deg: float) -> tuple[Finding, ...]:
    """A jump is seen in full within its window, reported as long as it moves the frequency, and then forgotten; a small
    one is none."""
    findings = list[Finding]()
    for offset_hz, samples in ((0.5, _FINE), (-3.0, _FINE), (3.0, _COARSE)):
        source, hz = _Source(nominal_hz, samples), nominal_hz + offset_hz
        source.run(hz, 20)
        seen = source.each(hz, 16, jump_deg)
        expected_deg = jump_deg if abs(jump_deg) > _LEAST_JUMP_DEG else 0.0
        findings += [
            _about("phase jump", max(seen, key=abs), expected_deg, 0.1, "degrees"),
            _about("in full", seen[4 * _FILTERED], expected_deg, 0.1, "degrees"),
            _about("cycles", sum(each != 0 for each in seen) / 4, _WINDOW + 1 if expected_deg else 0, 0.25, "cycles"),
            _about("frequency afterwards", _value(source.run(hz, 1), "frequency_hz"), hz, 0.01, "Hz"),
        ]
    return tuple(findings)


def _frequency_step(nominal_hz: float) -> tuple[Finding, ...]:
    source = _Source(nominal_hz)
    source.run(nominal_hz, 15)
    found = source.run(nominal_hz - 1.0, 5.2)
    return (_about("frequency after 5 cycles", _value(found, "frequency_hz"), nominal_hz - 1.0, 0.1, "Hz"),)


def _unsteady(nominal_hz: float) -> tuple[Finding, ...]:
    """A jump is seen while the frequency changes slowly, and not while it changes fast."""
    findings = list[Finding]()
    for factor, seen in ((0.9, True), (-0.9, True), (1.1, False), (-1.1, False)):
        source, hz, jumps = _Source(nominal_hz), nominal_hz, list[float]()
        source.run(hz, 20)
        for number in range(60 + 4 * _FILTERED + 1):
            hz += factor * _UNSTEADY_DEG / 360 * nominal_hz / _COMPARED / _WINDOW / 4
            jumps += source.each(hz, 0.25, 30.0 if number == 60 else 0.0)
        findings.append(_about("phase jump", max(jumps, key=abs), 30.0 if seen else 0.0, 10.0 * seen, "degrees"))
    return tuple(findings)


def _outage(nominal_hz: float) -> tuple[Finding, ...]:
    """A voltage that returns at another phase has not jumped."""
    source = _Source(nominal_hz)
    source.run(nominal_hz, 20)
    source.run(nominal_hz, 20, 0.01)
    back = source.each(nominal_hz, 20, 90.0)
    return (_about("phase jump", max(back, key=abs), 0.0, 0.0, "degrees"),)


def _start_and_gap(nominal_hz: float) -> tuple[Finding, ...]:
    """Nothing is said before five cycles, at the start and after a sample that is no number."""
    source, one, said = _Source(nominal_hz), 1 / _FINE, list[bool]()
    for _ in range(2):
        said += [source.run(nominal_hz, cycles) is not None for cycles in (_WINDOW - one, one)]
        source.estimator.feed(nan)
    accepted = list[int]()
    for samples in (_COARSE - 1, _COARSE):
        try:
            WaveformEstimator(nominal_hz * samples, nominal_hz)
            accepted.append(samples)
        except ValueError:
            pass
    return (
        Finding(said == [False, True] * 2, "silent for 5 cycles, then again after a gap", str(said)),
        Finding(accepted == [_COARSE], f"accepts {_COARSE} samples a cycle at least", str(accepted)),
    )


def _between_phases(nominal_hz: float) -> tuple[Finding, ...]:
    line, number = RmsVoltage(_FINE * nominal_hz, nominal_hz), 0

    def run(volts: float, cycles: float) -> float:
        nonlocal number
        for _ in range(round(cycles * _FINE)):
            number += 1
            angle = tau * number / _FINE
            line.feed(volts * sqrt(2) * (sin(angle) - sin(angle - tau / 3)))
        return line.voltage

    findings = (
        _about("voltage", run(230.0, 15), 230.0 * sqrt(3), 0.5, "V"),
        _about("two cycles after a step", run(115.0, 2.1), 115.0 * sqrt(3), 1.0, "V"),
    )
    line.reset()
    return (*findings, _about("voltage after a reset", line.voltage, 0.0, 0.0, "V"))


def _long_run(nominal_hz: float) -> tuple[Finding, ...]:
    found = _Source(nominal_hz).run(nominal_hz + 0.2, 200)
    return (
        _about("frequency", _value(found, "frequency_hz"), nominal_hz + 0.2, 0.01, "Hz"),
        _about("voltage", _value(found, "voltage_pu"), _RMS, 0.01, "pu"),
    )


def _far_out(nominal_hz: float) -> tuple[Finding, ...]:
    """A sample that cannot be leaves nothing behind."""
    source = _Source(nominal_hz)
    source.run(nominal_hz, 10)
    source.estimator.feed(1e12)
    found = source.run(nominal_hz, 10)
    return (
        _about("frequency", _value(found, "frequency_hz"), nominal_hz, 0.01, "Hz"),
        _about("voltage", _value(found, "voltage_pu"), _RMS, 0.01, "pu"),
    )
