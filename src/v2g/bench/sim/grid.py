"""A simulated grid sensing unit: plays a recording of frequency and voltage, or a generated signal.

The generated signal is an Ornstein-Uhlenbeck process around the nominal frequency with one disturbance in it: a dip
that asks for discharge, and an overshoot that asks for charge. `tools/make_grid_recording.py` writes the excerpts in
`data/`.
"""

import csv
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from math import exp, isfinite, sqrt
from pathlib import Path
from random import Random

from v2g.bench.sim.modbus_server import Unit
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.power.grid_sensor import GridReading
from v2g.power.quantity import Value
from v2g.power.registers.map import shipped

MEASURING_PERIOD_S = 0.02
NOMINAL_VOLTAGE_V = 230.0


class RecordingError(V2GError):
    """A recording cannot be played. Names the file, the line and the remedy."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The grid at one time of a recording."""

    time_s: float
    frequency_hz: float
    voltages_v: tuple[float, float, float] = (NOMINAL_VOLTAGE_V,) * 3
    """Phase to neutral."""


class Recording:
    """Samples in the order of time, at least two; played over and over, linear between the samples."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self.samples = tuple(samples)
        self._times_s = [sample.time_s for sample in self.samples]

    @property
    def duration_s(self) -> float:
        """From the first sample to the last."""
        return self._times_s[-1] - self._times_s[0]

    def at(self, elapsed_s: float) -> Sample:
        """The grid `elapsed_s` after the start of playing."""
        time_s = self._times_s[0] + elapsed_s % self.duration_s
        index = bisect_right(self._times_s, time_s)
        before, after = self.samples[index - 1], self.samples[index]
        share = (time_s - before.time_s) / (after.time_s - before.time_s)
        l1_v, l2_v, l3_v = (a + share * (b - a) for a, b in zip(before.voltages_v, after.voltages_v, strict=True))
        frequency_hz = before.frequency_hz + share * (after.frequency_hz - before.frequency_hz)
        return Sample(time_s, frequency_hz, (l1_v, l2_v, l3_v))


def load(path: Path) -> Recording:
    """Reads a CSV file with the columns `time_s`, `frequency_hz` and optionally `voltage_v` (of every phase) or
    `voltage_l1_v`, `voltage_l2_v`, `voltage_l3_v`. Raises `RecordingError`.
    """
    try:
        return parse(regular_file.read_text(path), str(path))
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}; name a readable CSV file") from error


def shipped_recording(nominal_hz: int) -> Recording:
    """The excerpt of two minutes that comes with the package, for 50 or 60 Hz."""
    name = f"grid_{nominal_hz}hz.csv"
    return parse((files("v2g.bench.sim") / "data" / name).read_text(), name)


def parse(text: str, source: str) -> Recording:
    """A recording from CSV text. Raises `RecordingError`."""
    samples: list[Sample] = []
    rows = csv.DictReader(text.splitlines())
    if not {"time_s", "frequency_hz"} <= set(rows.fieldnames or ()):
        raise RecordingError(f"{source}:1: the first line must name the columns time_s,frequency_hz[,voltage_v]")
    for row in rows:
        try:
            every_v = row.get("voltage_v") or NOMINAL_VOLTAGE_V
            l1_v, l2_v, l3_v = (float(row.get(f"voltage_{phase}_v") or every_v) for phase in ("l1", "l2", "l3"))
            sample = Sample(float(row["time_s"]), float(row["frequency_hz"]), (l1_v, l2_v, l3_v))
        except (TypeError, ValueError) as error:
            raise RecordingError(f"{source}:{rows.line_num}: not a row of numbers; correct it") from error
        if not all(map(isfinite, (sample.time_s, sample.frequency_hz, *sample.voltages_v))):
            raise RecordingError(f"{source}:{rows.line_num}: a value is not finite; correct it")
        if samples and sample.time_s <= samples[-1].time_s:
            raise RecordingError(f"{source}:{rows.line_num}: time_s does not grow; sort the rows")
        samples.append(sample)
    if len(samples) < 2:
        raise RecordingError(f"{source}: fewer than two samples; give a longer recording")
    return Recording(samples)


# Frequency deviation of the disturbance over its time: dip, recovery, overshoot.
_DISTURBANCE = (
    (0.0, 0.0),
    (4.0, -0.14),
    (10.0, -0.10),
    (28.0, -0.09),
    (36.0, 0.0),
    (46.0, 0.0),
    (50.0, 0.08),
    (66.0, 0.07),
    (72.0, 0.0),
)


def generate(
    nominal_hz: float, *, seed: int, duration_s: float = 120.0, step_s: float = 0.5, disturbance_at_s: float = 15.0
) -> Recording:
    """A grid signal that is the same for the same arguments and ends where it starts, so that it can be repeated."""
    random = Random(seed)  # noqa: S311 - a signal, not a secret
    time_constant_s, sigma_hz, sigma_v = 20.0, 0.008, 0.6
    keep = exp(-step_s / time_constant_s)
    kick = sqrt(1 - keep * keep)
    count = round(duration_s / step_s)
    noise_hz, noise_v = [0.0], [0.0]
    for _ in range(count):
        noise_hz.append(keep * noise_hz[-1] + kick * random.gauss(0, sigma_hz))
        noise_v.append(keep * noise_v[-1] + kick * random.gauss(0, sigma_v))
    samples = []
    for index in range(count + 1):
        time_s, share = index * step_s, index / count
        deviation_hz = noise_hz[index] - share * noise_hz[-1] + _disturbance_hz(time_s - disturbance_at_s)
        deviation_v = noise_v[index] - share * noise_v[-1]
        voltage_v = round(NOMINAL_VOLTAGE_V + deviation_v, 2)
        samples.append(Sample(time_s, round(nominal_hz + deviation_hz, 4), (voltage_v,) * 3))
    return Recording(samples)


def _disturbance_hz(time_s: float) -> float:
    for (start_s, start_hz), (end_s, end_hz) in pairwise(_DISTURBANCE):
        if start_s <= time_s < end_s:
            return start_hz + (end_hz - start_hz) * (time_s - start_s) / (end_s - start_s)
    return 0.0


class GridUnit:
    """The sensing unit behind its registers; it starts to play when it is made."""

    def __init__(self, recording: Recording, clock: Callable[[], float]) -> None:
        self._recording = recording
        self._clock = clock
        self._started_s = clock()
        self.unit = Unit(shipped("grid"), self._measure)

    def _measure(self) -> Mapping[str, Value]:
        elapsed_s = self._clock() - self._started_s
        sample = self._recording.at(elapsed_s)
        l1_v, l2_v, l3_v = sample.voltages_v
        return {
            "sequence": float(int(elapsed_s / MEASURING_PERIOD_S) % 0x10000),
            "frequency_hz": sample.frequency_hz,
            "voltage_l1_v": l1_v,
            "voltage_l2_v": l2_v,
            "voltage_l3_v": l3_v,
        }


class RecordingGridSensor:
    """`v2g.power.grid_sensor.GridSensor` that plays a recording without a device; it starts to play when it is made."""

    def __init__(self, recording: Recording, clock: Callable[[], float] = time.monotonic) -> None:
        self._recording = recording
        self._clock = clock
        self._started_s = clock()

    async def read(self) -> GridReading:
        """Measures; see the port."""
        now = self._clock()
        sample = self._recording.at(now - self._started_s)
        sequence = int((now - self._started_s) / MEASURING_PERIOD_S)
        return GridReading(now, sequence, sample.frequency_hz, sample.voltages_v)
