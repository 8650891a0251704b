"""Between two looks at everything, most readings of grid and pilot say nothing new: for them a glance is enough.

The grid's protection judges every reading. The rest of the EVSE, from the devices to the decision on power, looks at
what has changed: any other device, what the pilot shows, the grid's verdict, or the grid by more than a sensing unit's
own error. While nothing does, and neither power nor orders are on their way somewhere, it looks once in `LOOK_S`.
"""

from collections.abc import Iterable
from operator import attrgetter, is_
from typing import TYPE_CHECKING

from msgspec.structs import fields

from v2g.grid.protection import Verdict
from v2g.grid.sample import GridSample
from v2g.iso15118.view import Stage
from v2g.power.pilot import PilotReading
from v2g.station.event import Event
from v2g.station.orders import Orders
from v2g.station.power.limits import Decision
from v2g.station.readings import Readings

if TYPE_CHECKING:  # loaded once the station listens
    from v2g.station.safety.grid_guard import GridGuard
    from v2g.station.safety.plug import Plug

LOOK_S = 0.05
"""As often as the EVSE is supervised without any reading."""
STIRS_HZ, STIRS_PU = 0.005, 0.002
"""Half of the error that IEEE 1547-2018 (table 3) leaves a frequency measured in operation, a fifth of a voltage's."""
_APART = ("grid", "pilot", "held", "self_test_since")
_OTHERS = attrgetter(*(each.name for each in fields(Readings) if each.name not in _APART))


class Glance:
    """What the last look at everything was based on."""

    def __init__(self) -> None:
        self._looked_s = self._settled_s = float("-inf")
        self._readings = Readings()
        self._grid: tuple[GridSample | None, Verdict] | None = None
        self._wanted: tuple[float, float, Orders] | None = None
        self._steady = False

    def looked(self, readings: Readings, guard: "GridGuard", now: float) -> None:
        """At everything."""
        self._looked_s, self._readings, self._grid = now, readings, (guard.sample, guard.verdict)

    def settled(self, decision: Decision, orders: Orders, stage: Stage, now: float) -> None:
        """Power and orders are steady if they are those of an earlier time, and the contactor waits for nothing."""
        before, self._wanted = self._wanted, (decision.power_w, decision.reactive_var, orders)
        breaks = stage is Stage.OFF and orders.contactor_closed
        had_time = now > self._settled_s or self._steady  # twice at one time says nothing of a ramp
        self._settled_s = now
        self._steady = self._wanted == before and not breaks and had_time

    def just_looked(self, plug: "Plug | None", readings: Readings, now: float) -> bool:
        """Whether nothing but the grid can have changed since the last look at everything."""
        before = self._readings
        return (
            now - self._looked_s < LOOK_S
            and readings.self_test_since == before.self_test_since
            and _disobeys(readings) is _disobeys(before)
            and all(map(is_, _OTHERS(readings), _OTHERS(before)))
            and (readings.pilot is before.pilot or _pilot_says_nothing(plug, readings.pilot, now))
        )

    def at(
        self, guard: "GridGuard | None", plug: "Plug | None", readings: Readings, now: float, unix_s: int
    ) -> tuple[bool, Iterable[Event]]:
        """A glance at the grid, if it may be enough. Whether it is, and what is worth a report."""
        if guard is None or not (self._steady and self.just_looked(plug, readings, now)):
            return False, ()
        events = guard.look(readings, now, unix_s)
        return self._says_nothing(guard.sample, guard.verdict), events

    def _says_nothing(self, sample: GridSample | None, verdict: Verdict) -> bool:
        if self._grid is None:
            return False
        before, judged = self._grid
        return (
            sample is not None
            and before is not None
            and verdict.state is judged.state
            and verdict.element == judged.element
            and verdict.share == judged.share
            and verdict.load is judged.load
            and verdict.ride_through == judged.ride_through
            and abs(sample.frequency_hz - before.frequency_hz) <= STIRS_HZ
            and abs(sample.lowest_pu - before.lowest_pu) <= STIRS_PU
            and abs(sample.highest_pu - before.highest_pu) <= STIRS_PU
        )


def _pilot_says_nothing(plug: "Plug | None", reading: PilotReading | None, now: float) -> bool:
    return plug is not None and reading is not None and plug.pilot.says_nothing(reading, now)


def _disobeys(readings: Readings) -> bool:
    return readings.held is not None and readings.held.disobeys
