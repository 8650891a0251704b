"""A case of many steps, each held until it has settled, and judged then: as IEEE 1547.1 walks along a curve."""

from collections.abc import Mapping
from itertools import pairwise

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.case import Case, Converts, Subject
from v2g.bench.typetest.check import Check, Point, Quantity, Settles, Stays
from v2g.bench.typetest.standard import Standard, Value

SETTLED = 3.0
"""Response times after which 99.9 % of the way is made."""
_NEARLY = 2.5
"""The same for 99.7 %, between steps that are short."""
_RESTS_S = 0.6
SEEN_S = 1.0
"""How long a settled value is averaged."""


class Sequence:
    """Grows step by step; `course` may be extended by hand."""

    def __init__(self, subject: Subject) -> None:
        self.course = subject.course()
        self._checks: list[Check] = []
        self._wishes: list[tuple[float, float, float | None]] = []
        self._later: list[tuple[float, Mapping[str, Value]]] = []

    @property
    def now_s(self) -> float:
        return self.course.end.time_s

    def wish(self, power_pu: float, fed_var_pu: float | None = None) -> None:
        """The operator wishes another power from here on."""
        self._wishes.append((self.now_s, power_pu, fed_var_pu))

    def adjust(self, changes: Mapping[str, Value]) -> None:
        """Other settings from here on."""
        self._later.append((self.now_s, changes))

    def settle(self, response_s: float) -> None:
        """Wait until a response has settled, and long enough to see that; across zero the current rests."""
        self.course.hold(_NEARLY * response_s + _RESTS_S + SEEN_S)

    def expect(
        self, quantity: Quantity, value_pu: float, point: Point | None = None, tolerance_pu: float = accuracy.POWER_PU
    ) -> None:
        """The value by now."""
        self._checks.append(Settles(quantity, self.now_s - SEEN_S, self.now_s, value_pu, tolerance_pu, point))

    def check(self, check: Check) -> None:
        self._checks.append(check)

    def case(
        self,
        name: str,
        source: str,
        power_pu: float,
        *,
        tests: tuple[str, ...],
        settings: Mapping[str, Value] | None = None,
        adjusted: Mapping[str, Value] | None = None,
        closely: bool = False,
        converts: Converts = "station",
    ) -> Case:
        """`closely`: what counts is also how the station gets from one step to the next."""
        lasts_s = self.now_s
        return Case(
            name, source, self.course, (*self._checks, Stays(lasts_s)), lasts_s, power_pu, tests,
            settings or {}, adjusted or {}, tuple(self._later), tuple(self._wishes),
            walks=not closely, converts=converts,
        )  # fmt: skip


def alone(standard: Standard) -> dict[str, Value]:
    """One function of voltage at a time: those that a code switches on by default are off (IEEE 1547.1-2020 5.14)."""
    changes: dict[str, Value] = {}
    if standard.figures["reactive.mode"].value != "constant_power_factor":
        changes["reactive.mode"] = "constant_power_factor"
    if standard.number("volt_watt.enabled"):
        changes["volt_watt.enabled"] = False
    return changes


def interpolated(x: float, points: list[tuple[float, float]]) -> float:
    """The value of a curve of points in the order of x, constant beyond its ends."""
    below = [point for point in points if point[0] <= x]
    above = [point for point in points if point[0] > x]
    if not below or not above:
        return points[0][1] if not below else points[-1][1]
    (x0, y0), (x1, y1) = below[-1], above[0]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def middles(points: list[tuple[float, float]]) -> list[float]:
    """The x of the points and of the middles between them, in order."""
    xs = sorted({x for x, _ in points})
    return sorted({*xs, *((before + after) / 2 for before, after in pairwise(xs))})
