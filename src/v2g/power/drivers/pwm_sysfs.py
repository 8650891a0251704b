"""A control pilot that this machine makes itself: Linux' PWM for the signal, IIO for the levels, both in sysfs.

    /sys/class/pwm/pwmchip0/pwm0/{period,duty_cycle,polarity,enable}    in nanoseconds: the signal
    /sys/class/pwm/pwmchip0/pwm0/capture                                "period duty_cycle", in nanoseconds: as measured
    /sys/bus/iio/devices/iio:device0/in_voltage0_raw, ..._scale         millivolts = raw x scale: the levels

The front end holds the highest and the lowest level of a period on two ADC channels. The kernel keeps the signal up
when this process dies; `docs/pilot.md` says how the service manager ends it.
(Kernel: Documentation/ABI/testing/sysfs-class-pwm and sysfs-bus-iio.)
"""

import asyncio
import errno
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from v2g.power.drivers.mapped import Clock
from v2g.power.errors import Implausible, PowerError, ReadBackMismatch, Refused, Unreachable
from v2g.power.pilot import LOST_WITHIN_S, Level, PilotReading, PwmSettings

PERIOD_NS = 1_000_000
"""1 kHz."""
_PERIOD_TOLERANCE = 0.01
"""IEC 61851-1, Annex A: 0.5 % of the generator, and the same again for the measurement."""
_SWING_V = 1.0
"""Less than this between the levels is no PWM."""
_ANSWER_S = 0.8 * LOST_WITHIN_S
_DEVICE = "control pilot"

_T = TypeVar("_T")


class _Failure(Exception):
    """A file that does not do what it should."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path}: {error}")
        self.path, self.error = path, error


class SysfsPilot:
    """`v2g.power.pilot.Pilot` by files.

    One thread does the reading and writing, because a capture blocks until it has seen its edges.
    """

    def __init__(self, settings: PwmSettings, *, clock: Clock = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._pwm = settings.chip / f"pwm{settings.channel}"
        self._thread = ThreadPoolExecutor(1, "control-pilot")

    async def command(self, duty: float) -> None:
        """Sends a duty cycle; see the port."""
        if not 0 <= duty <= 1:
            raise ValueError(f"a duty cycle is a share of 0 to 1, not {duty}")
        await self._in_thread(lambda: self._send(duty))

    async def read(self) -> PilotReading:
        """Measures; see the port."""
        high_v, low_v, duty = await self._in_thread(self._measure)
        return PilotReading(self._clock(), high_v, low_v, duty)

    def close(self) -> None:
        """Ends the thread. The signal stays as it is."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await loop.run_in_executor(self._thread, work)
        except TimeoutError:
            raise Unreachable(
                _DEVICE, str(self._pwm), "the kernel does not answer", "check the driver's messages in dmesg"
            ) from None
        except _Failure as failure:
            raise _explained(failure.path, failure.error) from failure.error

    def _send(self, duty: float) -> None:
        """Writes what differs. The kernel refuses a duty cycle above the period, and a polarity while enabled."""
        if not _exists(self._pwm):
            _write(self._settings.chip / "export", str(self._settings.channel))
        polarity = "inversed" if self._settings.inverted else "normal"
        if self._text("polarity") != polarity:
            self._set("enable", "0")
            self._set("polarity", polarity)
        if self._text("period") != str(PERIOD_NS):
            self._set("duty_cycle", "0")
            self._set("period", str(PERIOD_NS))
        self._set("duty_cycle", str(round(duty * PERIOD_NS)))
        self._set("enable", "1")

    def _set(self, name: str, value: str) -> None:
        if self._text(name) == value:
            return
        _write(self._pwm / name, value)
        held = self._text(name)
        if held != value:
            raise ReadBackMismatch(
                _DEVICE,
                str(self._pwm / name),
                f"is {held} instead of {value}",
                "check that nothing else drives this channel, and that the hardware can do 1 kHz",
            )

    def _measure(self) -> tuple[float, float, float]:
        high_v, low_v = self._level(self._settings.high), self._level(self._settings.low)
        if high_v - low_v < _SWING_V:  # steady: a capture would wait a second for edges
            return high_v, low_v, float(high_v > 0)
        path = self._settings.capture or self._pwm / "capture"
        if self._settings.capture is None and not _exists(path):
            path = self._settings.chip / "capture"
        captured = _captured(path)
        if captured is None:
            raise _implausible(path, "no edges", f"what fits levels of {high_v:.1f} V and {low_v:.1f} V")
        return high_v, low_v, 1 - captured if self._settings.inverted else captured

    def _level(self, level: Level) -> float:
        channel = f"in_voltage{level.channel}"
        raw = _number(level.device / f"{channel}_raw")
        offset = level.device / f"{channel}_offset"
        if _exists(offset):
            raw += _number(offset)
        scale = level.device / f"{channel}_scale"
        scale = scale if _exists(scale) else level.device / "in_voltage_scale"
        return raw * _number(scale) / 1000 * level.gain + level.offset_v

    def _text(self, name: str) -> str:
        return _read(self._pwm / name)


def captured_duty(path: Path) -> float | None:
    """The duty cycle that a `capture` file shows, 0 to 1; None for a signal without edges. Raises `PowerError`."""
    try:
        return _captured(path)
    except _Failure as failure:
        raise _explained(failure.path, failure.error) from failure.error


def _captured(path: Path) -> float | None:
    try:
        text = _read(path)
    except _Failure as failure:
        if failure.error.errno == errno.ETIMEDOUT:
            return None
        raise
    try:
        period_ns, high_ns = (int(word) for word in text.split())
    except ValueError:
        raise _implausible(path, text, "period and duty cycle in nanoseconds") from None
    if period_ns == 0:
        return None
    if abs(period_ns - PERIOD_NS) > _PERIOD_TOLERANCE * PERIOD_NS or not 0 <= high_ns <= period_ns:
        raise _implausible(path, text, "a signal of 1 kHz")
    return high_ns / period_ns


def _explained(path: Path, error: OSError) -> PowerError:
    where = str(path)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        part, names = ("ADC", "device and channel") if "in_voltage" in path.name else ("PWM", "chip and channel")
        remedy = f"enable the {part} in the device tree and check the configured {names}"
        return Unreachable(_DEVICE, where, "there is no such file", remedy)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "give the station's user access to it and let its service write to /sys: docs/pilot.md shows both"
        return Refused(_DEVICE, where, "not permitted", remedy)
    return Refused(_DEVICE, where, error.strerror or str(error), "check the driver's messages in dmesg")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise _Failure(path, error) from error


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return file.read(64).strip()
    except OSError as error:
        raise _Failure(path, error) from error


def _write(path: Path, text: str) -> None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_TRUNC)  # never creates one
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)
    except OSError as error:
        raise _Failure(path, error) from error


def _number(path: Path) -> float:
    text = _read(path)
    try:
        return float(text)
    except ValueError:
        raise _implausible(path, text, "a number") from None


def _implausible(path: Path, text: str, wanted: str) -> Implausible:
    return Implausible(_DEVICE, str(path), f"{text!r} is not {wanted}", "check the wiring and the configured channel")
