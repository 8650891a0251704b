"""What the controller decides: a set-point for each charger, and why it is not another one."""

from collections.abc import Mapping
from enum import StrEnum
from math import inf

from msgspec import Struct

from v2g.kernel.units import kw


class What(StrEnum):
    """What can bind the power of a charger."""

    REQUEST = "request"
    RESERVE = "reserve"
    PLAN = "plan"
    NODE = "node"
    CHARGER = "charger"
    VEHICLE = "vehicle"
    MINIMUM = "minimum power"
    FLOOR = "floor"
    DEPARTURE = "departure"
    FULL = "target reached"
    SOC = "unknown SoC"
    NEEDS = "unknown needs"
    CHARGE_ONLY = "charge only"
    NOT_READY = "not ready"
    NO_VEHICLE = "no vehicle"
    UNKNOWN_NODE = "unknown node"
    OFFLINE = "offline"
    SILENT = "silent"
    DOES_NOT_FOLLOW = "does not follow"
    STEADY = "few changes in a cycle"


class Binding(Struct, frozen=True):
    """What holds a charger's power where it is."""

    what: What
    name: str = ""
    """Which node, whose request, why charge only."""
    at_w: float = inf
    """Of a node: its limit just now for all that is behind it; a magnitude."""

    def __str__(self) -> str:
        if self.what is What.CHARGE_ONLY and self.name:
            return f"{self.what} ({self.name})"
        return f"{self.what} {self.name}".rstrip()

    @property
    def remedy(self) -> str:
        """What would change the power, for a person."""
        return _REMEDIES[self.what].format(name=self.name, at=kw(self.at_w))


class Setpoint(Struct, frozen=True):
    """The power of one charger, positive charges the vehicle."""

    power_w: float
    binding: Binding

    @property
    def why(self) -> str:
        """For a person: `discharging 4.2 kW, by: node T2; a higher limit of T2 than 30.0 kW ...`."""
        verb = "charging" if self.power_w > 0 else "discharging" if self.power_w < 0 else "idle at"
        return f"{verb} {kw(abs(self.power_w))}, by: {self.binding}; {self.binding.remedy}"


_REMEDIES = {
    What.REQUEST: "another request would change it",
    What.RESERVE: "vehicles that arrive, or a smaller reserve, would change it",
    What.PLAN: "another plan would change it",
    What.NODE: "a higher limit of {name} than {at}, or less behind it, would change it",
    What.CHARGER: "a larger charger would change it",
    What.VEHICLE: "the vehicle takes or gives no more",
    What.MINIMUM: "a larger request would reach the charger's minimum power",
    What.FLOOR: "more energy in the battery, or a lower floor, would let it discharge",
    What.DEPARTURE: "a later departure, or a lower target, would let it discharge",
    What.FULL: "the battery is full",
    What.SOC: "a fresh state of charge from the vehicle would let it discharge",
    What.NEEDS: "a minimum state of charge, from the driver, the car or a fleet list, would let it discharge",
    What.CHARGE_ONLY: "it cannot feed the grid",
    What.NOT_READY: "it waits for authorisation, or is paused",
    What.NO_VEHICLE: "nothing is plugged in",
    What.UNKNOWN_NODE: "the feeder tree must have the node that the charger names",
    What.OFFLINE: "its station must connect again",
    What.SILENT: "a measurement from its station would let it take part again",
    What.DOES_NOT_FOLLOW: "it gives less than it was asked for; measured to give all of it, it takes part again",
    What.STEADY: "it moves towards its share in one of the next cycles",
}


class Trouble(StrEnum):
    """What the controller warns of."""

    SHORT = "D01"
    """The request cannot be met: the vehicles, their floors, the nodes or the reserve do not allow it."""
    LOSS = "D02"
    """The meter shows less than the chargers should give: somebody is gone without a word."""
    DOES_NOT_FOLLOW = "D03"
    """A charger measures another power than its set-point for too long."""
    SILENT = "D04"
    """A charger has sent no measurement for too long."""
    NODE_OVER = "D05"
    """Other loads and stations on their own exceed a node's limit: no charger can bring that down."""
    METER_LOST = "D06"
    """The site's meter is stale, or contradicts the chargers: its feedback rests, or corrects little."""
    UNKNOWN_NODE = "D07"
    """A charger names a node that is not in the tree: it stays at 0."""
    HOT = "D08"
    """A transformer's hot spot is above its limit; what it may carry is lowered until it is not."""


class Notice(Struct, frozen=True):
    """One warning; `about` names the charger, node or request."""

    trouble: Trouble
    about: str
    text: str


class Dispatch(Struct, frozen=True, kw_only=True):
    """The outcome of one step."""

    setpoints: Mapping[str, Setpoint]
    """For every charger in the view."""
    changed: frozenset[str]
    """Whose set-point is another power than in the step before: only these must be sent."""
    requested_w: float | None
    requested_by: str
    commanded_w: float
    """Sum of the set-points."""
    delivered_w: float
    """What the chargers give just now as far as it is measured, and as expected otherwise."""
    charge_room_w: float
    """How much more the site could draw in this cycle, and how much more it could feed."""
    discharge_room_w: float
    reserve_w: float
    """While the site feeds: what the vehicles could give beyond what they are asked for, if others leave."""
    notices: tuple[Notice, ...] = ()
    short_w: float = 0.0
    """What is missing to the request; a magnitude."""
