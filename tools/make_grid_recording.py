"""Writes the grid recordings that come with the package: `python tools/make_grid_recording.py`."""

from pathlib import Path

from v2g.bench.sim.grid import Recording, generate

DATA = Path(__file__).parent.parent / "src" / "v2g" / "bench" / "sim" / "data"
SEED = 15118


def as_csv(recording: Recording) -> str:
    """The recording in the form that `v2g.bench.sim.grid.load` reads."""
    rows = (f"{sample.time_s:g},{sample.frequency_hz:.4f},{sample.voltages_v[0]:.2f}" for sample in recording.samples)
    return "time_s,frequency_hz,voltage_v\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    for nominal_hz in (50, 60):
        (DATA / f"grid_{nominal_hz}hz.csv").write_text(as_csv(generate(nominal_hz, seed=SEED)))
