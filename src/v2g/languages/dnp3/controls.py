"""What a master has operated, and what it asks of the depot with that. Generation is positive here."""

from msgspec import Struct

from v2g.kernel.errors import V2GError
from v2g.languages.dnp3.points import (
    ANALOG_OUTPUTS,
    LEAST_W,
    LIMIT_FOR_S,
    LIMITS,
    MOST_PCT,
    MOST_W,
    PERMITTED,
    SET_FOR_S,
    SET_PCT,
    SET_W,
    SETS,
)
from v2g.languages.plant import Ratings


class OutOfRange(V2GError):
    """Beyond what the depot is built for."""


class SetPower(Struct, frozen=True):
    """Positive draws from the grid; None: no longer. `for_s`: None until the master has been silent for too long."""

    power_w: float | None
    for_s: float | None = None


class SetLimits(Struct, frozen=True):
    """Magnitudes; None: no limit. `for_s`: None until it is written again."""

    charge_w: float | None = None
    discharge_w: float | None = None
    for_s: float | None = None


class Permit(Struct, frozen=True):
    """Whether anything may flow."""

    permitted: bool


Asked = SetPower | SetLimits | Permit


class Controls:
    """The values of the outputs, as they were written last."""

    def __init__(self, ratings: Ratings) -> None:
        self._ratings = ratings
        self.values: dict[int, float] = {
            LIMIT_FOR_S: 0.0, MOST_W: ratings.discharge_w, LEAST_W: -ratings.charge_w, SET_FOR_S: 0.0, SET_W: 0.0,
        }  # fmt: skip
        """Of the analog outputs, in their own units."""
        self.enabled = {PERMITTED: True, LIMITS: False, SETS: False}

    def value(self, index: int) -> float:
        """Of an analog output."""
        if index == MOST_PCT:
            return self._percent(self.values[MOST_W])
        if index == SET_PCT:
            return self._percent(self.values[SET_W])
        return self.values[index]

    def check(self, index: int, value: float) -> None:
        """Raises `OutOfRange`."""
        output = next(each for each in ANALOG_OUTPUTS if each.index == index)
        if not output.least <= value / output.multiplier <= output.most:
            raise OutOfRange(f"{output.name}: {value:g} is out of range")
        in_w = self._in_w(index, value)
        if index in (MOST_W, MOST_PCT, SET_W, SET_PCT) and in_w > self._ratings.discharge_w:
            raise OutOfRange(f"{in_w:g} W is beyond the rating of {self._ratings.discharge_w:g} W")
        if index in (LEAST_W, SET_W, SET_PCT) and in_w < -self._ratings.charge_w:
            raise OutOfRange(f"{in_w:g} W is beyond the rating of {-self._ratings.charge_w:g} W")

    def write(self, index: int, value: float) -> Asked | None:
        """An analog output; what that means if its function is enabled. Raises `OutOfRange`."""
        self.check(index, value)
        self.values[{MOST_PCT: MOST_W, SET_PCT: SET_W}.get(index, index)] = self._in_w(index, value)
        function = SETS if index in (SET_FOR_S, SET_PCT, SET_W) else LIMITS
        return self.of(function) if self.enabled[function] else None

    def operate(self, index: int, on: bool) -> Asked:
        """A binary output."""
        self.enabled[index] = on
        return self.of(index)

    def of(self, function: int) -> Asked:
        """What a function asks for as it stands."""
        on, values = self.enabled[function], self.values
        if function == PERMITTED:
            return Permit(on)
        if function == SETS:
            return SetPower(0.0 - values[SET_W], values[SET_FOR_S] or None) if on else SetPower(None)
        if not on:
            return SetLimits()
        return SetLimits(-values[LEAST_W], values[MOST_W], values[LIMIT_FOR_S] or None)

    def _in_w(self, index: int, value: float) -> float:
        return value / 100.0 * self._ratings.discharge_w if index in (MOST_PCT, SET_PCT) else value

    def _percent(self, power_w: float) -> float:
        return 100.0 * power_w / self._ratings.discharge_w if self._ratings.discharge_w else 0.0
