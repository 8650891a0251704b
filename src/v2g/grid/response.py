"""How a function's output approaches its target: the open-loop response of IEEE 1547-2018, and linear ramps."""

from math import exp, log

_LN10 = log(10)


class OpenLoopResponse:
    """A first-order lag that has made 90 % of a step after the open-loop response time (IEEE 1547-2018, 3.1)."""

    def __init__(self, value: float) -> None:
        self.value = value

    def step(self, target: float, response_s: float, dt_s: float) -> float:
        """Lets `dt_s` pass towards `target`; a response time of 0 is immediate."""
        if target != self.value:
            share = 1.0 if response_s <= 0 else 1.0 - exp(-_LN10 * dt_s / response_s)
            self.value += (target - self.value) * share
        return self.value


def towards(value: float, target: float, largest_change: float) -> float:
    """`value` moved to `target` by at most `largest_change`."""
    return value + min(max(target - value, -largest_change), largest_change)
