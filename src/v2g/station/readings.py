"""What the devices of an EVSE said last, and for how long it can be believed."""

from msgspec import Struct
from msgspec.structs import fields, replace

from v2g.power.card_reader import CardReading
from v2g.power.contactor import ContactorReading
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import NO_CURRENT_A, HeldSetpoint, InverterReading
from v2g.power.isolation import IsolationReading
from v2g.power.lock import LockReading
from v2g.power.meter import MeterReading
from v2g.power.pilot import PilotReading
from v2g.power.safety_inputs import SafetyReading
from v2g.power.temperatures import TemperatureReading

READING_STALE_S = 0.35
"""Protects against a device that has fallen silent: a reading older than this is no reading. With a poll every 0.1 s,
three in a row have failed."""


class Readings(Struct, frozen=True):
    """The latest reading of each device; None where there was none yet, or the last attempt failed."""

    inverter: InverterReading | None = None
    contactor: ContactorReading | None = None
    meter: MeterReading | None = None
    isolation: IsolationReading | None = None
    grid: GridReading | None = None
    pilot: PilotReading | None = None
    safety: SafetyReading | None = None
    temperatures: TemperatureReading | None = None
    ccid: ContactorReading | None = None
    lock: LockReading | None = None
    reader: CardReading | None = None
    held: HeldSetpoint | None = None
    """Read back from the inverter. `held.disobeys` is a fault of the inverter."""
    self_test_since: float | None = None
    """When the isolation monitor acknowledged the start of its last self-test."""

    unwatched: str | None = None
    """Why nobody looked at the devices for a while that has just ended, if some readings became stale by that."""

    @property
    def seen_closed(self) -> bool:
        """Whether the contactor is known to be closed."""
        return self.contactor is not None and self.contactor.closed

    @property
    def seen_open(self) -> bool:
        """Whether the contactor is known to be open."""
        return self.contactor is not None and not self.contactor.closed

    @property
    def safe(self) -> bool:
        """Known to be safe: the contactor is seen open, and no current is seen."""
        current = self.inverter is not None and abs(self.inverter.current_a) >= NO_CURRENT_A
        return self.seen_open and not current

    @property
    def power_w(self) -> float | None:
        """Power at the car's side for DC, at the meter for AC."""
        source = self.inverter or self.meter
        return None if source is None else source.power_w

    @property
    def states(self) -> tuple[object, ...]:
        """What contactor, inverter, meter and isolation monitor show besides numbers."""
        contactor, inverter, isolation = self.contactor, self.inverter, self.isolation
        return (
            contactor and (contactor.closed, contactor.commanded, contactor.fault),
            inverter and (inverter.state, inverter.faults),
            self.meter is None,
            isolation and isolation.self_test,
        )

    def fresh(self, now: float) -> "Readings":
        """The readings that can be believed at `now`; None in the place of the others."""
        oldest_s = now - READING_STALE_S
        stale = [name for name in _DEVICES if (each := getattr(self, name)) is not None and each.time_s < oldest_s]
        return replace(self, **dict.fromkeys(stale)) if stale else self


def coolant_c(readings: Readings) -> float | None:
    """The coolant's temperature, from the first source that has it."""
    sources = readings.temperatures, readings.safety
    return next((each.coolant_c for each in sources if each is not None and each.coolant_c is not None), None)


_DEVICES = tuple(field.name for field in fields(Readings) if field.name not in ("self_test_since", "unwatched"))
