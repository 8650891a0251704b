"""Grid recordings: what is shipped, what is generated, what is refused."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.make_grid_recording import SEED, as_csv

from v2g.bench.sim.grid import (
    GridUnit,
    Recording,
    RecordingError,
    RecordingGridSensor,
    Sample,
    generate,
    load,
    parse,
    shipped_recording,
)
from v2g.power.grid_sensor import GridReading
from v2g.power.registers.map import shipped


@pytest.mark.parametrize("nominal_hz", [50, 60])
def test_the_shipped_recording_is_what_the_tool_makes(repository: Path, nominal_hz: int) -> None:
    path = repository / "src" / "v2g" / "bench" / "sim" / "data" / f"grid_{nominal_hz}hz.csv"
    assert path.read_text() == as_csv(generate(nominal_hz, seed=SEED))


@pytest.mark.parametrize("nominal_hz", [50, 60])
def test_the_shipped_recording_asks_for_discharge_and_for_charge(nominal_hz: int) -> None:
    recording = shipped_recording(nominal_hz)
    deviations_hz = [sample.frequency_hz - nominal_hz for sample in recording.samples]
    assert recording.duration_s == 120
    assert -0.2 < min(deviations_hz) < -0.1
    assert 0.05 < max(deviations_hz) < 0.2
    assert sum(deviation < -0.036 for deviation in deviations_hz) > 40  # outside the deadband for 20 s and more
    assert deviations_hz[0] == deviations_hz[-1] == 0  # so that it can be repeated


@given(st.integers(0, 1000))
def test_a_generated_signal_is_the_same_for_the_same_seed_and_stays_near_nominal(seed: int) -> None:
    signal = generate(50, seed=seed)
    assert signal.samples == generate(50, seed=seed).samples
    assert signal.samples != generate(50, seed=seed + 1).samples
    assert all(49.7 < sample.frequency_hz < 50.3 for sample in signal.samples)
    assert all(220 < voltage_v < 240 for sample in signal.samples for voltage_v in sample.voltages_v)


def test_a_recording_is_linear_between_samples_and_repeats() -> None:
    recording = Recording([Sample(10, 50.0, (230, 230, 0)), Sample(12, 50.2, (232, 230, 0)), Sample(14, 50.0)])
    assert recording.at(0).frequency_hz == 50.0
    assert recording.at(1).frequency_hz == pytest.approx(50.1)
    assert recording.at(1).voltages_v == pytest.approx((231, 230, 0))
    assert recording.at(4).frequency_hz == 50.0
    assert recording.at(5).frequency_hz == pytest.approx(50.1)


def test_a_unit_measures_and_counts() -> None:
    now = 1000.0
    grid = GridUnit(Recording([Sample(0, 59.95, (0, 0, 0)), Sample(10, 60.05, (100, 50, 0))]), lambda: now)
    now += 5.0
    (span,) = shipped("grid").spans(shipped("grid").quantities)
    words = grid.unit.read(span.table, span.address, span.count)
    assert words == [250, 0, 60_000, 500, 250, 0]


def test_a_recording_is_a_grid_sensor_too() -> None:
    now = 1000.0

    async def test() -> None:
        nonlocal now
        sensor = RecordingGridSensor(recording, lambda: now)
        first = await sensor.read()
        now += 5.0
        reading = await sensor.read()
        assert reading == GridReading(1005.0, 250, 50.0, (225, 230, 235))
        assert first.sequence == 0

    text = "time_s,frequency_hz,voltage_l1_v,voltage_l2_v,voltage_l3_v\n0,49.5,220,230,235\n10,50.5,230,230,235\n"
    recording = parse(text, "phases.csv")
    asyncio.run(test())


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "x.csv:1: the first line must name the columns"),
        ("time,frequency\n0,50\n1,50\n", "x.csv:1: the first line must name the columns"),
        ("time_s,frequency_hz\n0,50\n", "fewer than two samples"),
        ("time_s,frequency_hz\n0,50\n1,fifty\n", "x.csv:3: not a row of numbers"),
        ("time_s,frequency_hz\n0,50\n1\n", "x.csv:3: not a row of numbers"),
        ("time_s,frequency_hz\n0,50\n0,50\n", "x.csv:3: time_s does not grow"),
        ("time_s,frequency_hz\n0,50\n1,nan\n", "x.csv:3: a value is not finite"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_line(text: str, finding: str) -> None:
    with pytest.raises(RecordingError) as caught:
        parse(text, "x.csv")
    assert finding in str(caught.value)


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"gone\.csv"):
        load(tmp_path / "gone.csv")


def test_a_day_of_a_real_grid_plays(shared: Path, tmp_path: Path) -> None:
    rows = (shared / "data" / "grid_60hz_1s_day.csv").read_text().splitlines()[:3600]
    path = tmp_path / "hour.csv"
    samples = (f"{second},{float(row.split(',')[1]) * 60:.4f}" for second, row in enumerate(rows))
    path.write_text("time_s,frequency_hz\n" + "\n".join(samples) + "\n")
    recording = load(path)
    assert recording.duration_s == 3599
    assert all(59.5 < recording.at(second).frequency_hz < 60.5 for second in range(3599))
