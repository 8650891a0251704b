"""What can bind the power of a charger, and what would change that."""

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
        if self.what is What.REQUEST and self.name:
            return f"{self.what} by {self.name}"
        return f"{self.what} {self.name}".rstrip()

    @property
    def remedy(self) -> str:
        """What would change the power, for a person."""
        return _REMEDIES[self.what].format(name=self.name, at=kw(self.at_w))


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
    What.FULL: "a higher target would let it charge",
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
