"""A directory with the files of Linux' PWM and IIO, and a circuit between them, as a board with a pilot has."""

from pathlib import Path

from v2g.bench.sim.pilot import SOURCE_V, Cable, level_v
from v2g.pilot.state import State
from v2g.power.pilot import Level, PwmSettings

GAIN, OFFSET_V = 10.0, -15.0
"""Of the front end: 0 V to 3 V at the ADC for -15 V to 15 V at the line."""
SCALE = 0.8
"""Millivolts for each step of the ADC."""


class Board:
    """The files, and the line: `update` does what the hardware does all the time."""

    def __init__(self, root: Path, *, inverted: bool = False, exported: bool = True) -> None:
        self.chip, self.adc = root / "pwmchip0", root / "iio:device0"
        self.pwm = self.chip / "pwm0"
        self.cable, self.switch = Cable.UNPLUGGED, State.B
        self._inverted = inverted
        self.chip.mkdir()
        self.adc.mkdir()
        (self.chip / "export").write_text("")
        if exported:
            self.export()
        (self.adc / "in_voltage0_raw").write_text("0\n")
        (self.adc / "in_voltage1_raw").write_text("0\n")
        (self.adc / "in_voltage_scale").write_text(f"{SCALE}\n")
        self.settings = PwmSettings(
            chip=self.chip,
            inverted=inverted,
            high=Level(device=self.adc, channel=0, gain=GAIN, offset_v=OFFSET_V),
            low=Level(device=self.adc, channel=1, gain=GAIN, offset_v=OFFSET_V),
        )

    def export(self) -> None:
        """What the kernel does when a channel is exported."""
        self.pwm.mkdir()
        for name, text in {"period": "0", "duty_cycle": "0", "polarity": "normal", "enable": "0"}.items():
            (self.pwm / name).write_text(f"{text}\n")
        (self.pwm / "capture").write_text("0 0\n")

    def update(self) -> None:
        """The line follows the generator, ADC and capture follow the line."""
        period_ns, duty_ns = (int((self.pwm / name).read_text()) for name in ("period", "duty_cycle"))
        on = (self.pwm / "enable").read_text().strip() == "1"
        share = duty_ns / period_ns if on and period_ns else 0.0
        assert not on or ((self.pwm / "polarity").read_text().strip() == "inversed") == self._inverted
        levels_v = [level_v(volts, self.cable, self.switch) for volts in (SOURCE_V, -SOURCE_V)]
        if share in (0.0, 1.0):
            levels_v = [levels_v[0] if share else levels_v[1]] * 2
        for channel, volts in enumerate(levels_v):
            raw = round((volts - OFFSET_V) / GAIN * 1000 / SCALE)
            (self.adc / f"in_voltage{channel}_raw").write_text(f"{raw}\n")
        captured_ns = period_ns - duty_ns if self._inverted else duty_ns
        edges = 0.0 < share < 1.0 and self.cable is not Cable.SHORTED
        (self.pwm / "capture").write_text(f"{period_ns} {captured_ns}\n" if edges else "0 0\n")
