"""The plan for the power in dynamic control: `dispatch` in the configuration, step by step."""

from collections.abc import Sequence

from v2g.power.grid_sensor import GridReading
from v2g.station.config.settings import PlanStep
from v2g.station.power.limits import Wish
from v2g.station.power.situation import Situation
from v2g.station.power.source import Source


class Plan(Source):
    def wish(self, situation: Situation) -> Wish | None:
        return planned(situation.settings.dispatch, situation.energy_s, situation.readings.grid)


def planned(steps: Sequence[PlanStep], elapsed_s: float, grid: GridReading | None) -> Wish:
    """The power of the step that is due `elapsed_s` after energy transfer began.

    Without a fresh reading of the grid a step that follows the frequency wishes nothing.
    """
    step = _current(steps, elapsed_s)
    if step.follow is None:
        return Wish(step.power_w or 0.0, "dispatch plan")
    if grid is None:
        return Wish(0.0, "frequency response (grid sensor lost)")
    return Wish(droop_w(step, grid.frequency_hz), "frequency response")


def droop_w(step: PlanStep, frequency_hz: float) -> float:
    """Power by frequency: above nominal the vehicle takes more, below it gives more; nothing moves in the deadband."""
    deviation_hz = frequency_hz - step.nominal_hz
    beyond_hz = max(0.0, abs(deviation_hz) - step.deadband_hz)
    return step.base_w + step.w_per_hz * (beyond_hz if deviation_hz > 0 else -beyond_hz)


def _current(steps: Sequence[PlanStep], elapsed_s: float) -> PlanStep:
    for step in steps:
        if step.for_s is None or elapsed_s < step.for_s:
            return step
        elapsed_s -= step.for_s
    return steps[-1]
