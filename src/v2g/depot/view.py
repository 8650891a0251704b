"""What the controller sees of a site: chargers, vehicles, their drivers' needs, the feeder tree, the meter.

Powers are measured at the charger's grid side; positive charges the vehicle, negative feeds the grid. Limits are
magnitudes for each direction. Times are Unix seconds of a clock that does not jump: whoever makes the view keeps it so.
All of these are values: a change is a new object, and the controller reads again only what is another object than at
its last step.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import inf
from typing import Annotated

from msgspec import Meta, Struct

from v2g.depot.request import LARGEST_W, Request
from v2g.depot.tree import Room, Tree

_Power = Annotated[float, Meta(ge=-LARGEST_W, le=LARGEST_W)]


class Source(StrEnum):
    """Who stated a vehicle's needs. For departure and energy the first of these that states them holds; of the floors
    the highest (`v2g.depot.needs`)."""

    DRIVER = "driver"
    FLEET_LIST = "fleet list"
    CAR = "car"
    CSMS = "csms"
    SITE = "depot's configuration"


class Needs(Struct, frozen=True, kw_only=True):
    """What the driver needs of the battery. What is not stated is None; without a floor there is no discharge."""

    source: Source
    departure_unix_s: float | None = None
    energy_wh: float | None = None
    """Still to be charged until departure, when it was stated (`stated_unix_s`)."""
    target_soc_pu: float | None = None
    """At departure; holds over `energy_wh`."""
    min_soc_pu: float | None = None
    """The floor: the vehicle is never discharged below it."""
    feeds: bool | None = None
    """False: nothing may be discharged, whatever the floor; True permits nothing by itself."""
    stated_unix_s: float = 0.0
    departure_by: Source | None = None
    """Whose value holds, once the needs of several sources are joined."""
    energy_by: Source | None = None
    floor_by: Source | None = None


class Vehicle(Struct, frozen=True, kw_only=True):
    """What is plugged in. What nobody has stated is None, and permits nothing."""

    id: str | None = None
    capacity_wh: float | None = None
    max_charge_w: float = inf
    """What the vehicle takes at most, and gives at most; infinite if only the charger limits it."""
    max_discharge_w: float = inf
    discharges: bool = True
    """False: this vehicle cannot feed the grid, or was not asked."""
    needs: Needs | None = None
    # What follows moves all the time: `v2g.depot.columns` reads the rest only if it has changed.
    soc_pu: float | None = None
    soc_unix_s: float = -inf
    """When the SoC was measured."""


class Charger(Struct, frozen=True, kw_only=True):
    """One EVSE, what is plugged into it, and what was last heard of it."""

    id: str
    """`STATION/EVSE`, such as `CS-07/1`."""
    node: str = "site"
    """Of the feeder tree: where its cable begins."""
    phases: str = "123"
    """Which phases of that node it uses: `123`, `1`, `23`. `1/2/3`: fewer than these, and nobody knows which."""
    max_charge_w: float = 0.0
    max_discharge_w: float = 0.0
    min_charge_w: float = 0.0
    """A charger is at 0, or at least at its minimum."""
    min_discharge_w: float = 0.0
    efficiency_pu: float = 0.95
    """Between grid side and battery, in each direction."""
    charge_only: str = ""
    """Why it may not discharge, such as `OCPP 2.0.1 without V2X`; empty if it may."""
    opens: bool = False
    """Whether its station opens the contactor if a car does not follow within the time that a set-point states."""
    online: bool = True
    """Whether its station is connected and the EVSE fit for use."""
    ready: bool = True
    """Whether energy may flow: authorised, not paused by operator or driver."""
    safe_w: float = 0.0
    """The power that its station falls to when it is on its own."""
    safe_after_s: float = 60.0
    """How long a station on its own may stay at its last set-point."""
    # What follows moves all the time: `v2g.depot.columns` reads the rest only if it has changed.
    vehicle: Vehicle | None = None
    """None: nothing is plugged in."""
    measured_w: float | None = None
    measured_unix_s: float = -inf
    held_charge_w: float = 0.0
    held_discharge_w: float = 0.0
    """What may flow although something else was decided: the station has not accepted that yet. Magnitudes."""
    latency_s: float | None = None
    """From a decision until its station has accepted it, as measured; None if it has accepted none yet."""

    @property
    def station(self) -> str:
        return self.id.rpartition("/")[0] or self.id

    @property
    def evse(self) -> int:
        return int(self.id.rpartition("/")[2]) if "/" in self.id else 1


class Course(Struct, frozen=True):
    """What a plan wants of one vehicle: the energy in its battery at an instant to come."""

    until_unix_s: float
    energy_wh: float
    power_w: float | None = None
    """If stated, this power is wanted, whatever the energy is."""


class Meter(Struct, frozen=True):
    """The reading of the site's meter; positive is drawn from the grid."""

    power_w: float
    unix_s: float
    other_load_w: float | None = 0.0
    """What else than chargers it counts, if that is measured; None if it is not."""
    corrects: bool = True
    """Whether what it shows of the chargers corrects the set-points. Cars that follow late would hunt: what they have
    not done yet would be asked for once more."""


class Measurements(Struct, frozen=True, forbid_unknown_fields=True):
    """What an energy management system measures at the site. Positive is drawn from the grid."""

    meter_w: _Power | None = None
    other_load_w: _Power | None = 0.0
    """What else than chargers the meter counts; None if that is not known."""
    frequency_hz: Annotated[float, Meta(ge=10.0, le=100.0)] | None = None
    ambient_c: Annotated[float, Meta(ge=-60.0, le=70.0)] | None = None
    """Of the air around the transformers."""


class Site(Struct, frozen=True, kw_only=True):
    """All of it at one instant."""

    tree: Tree
    chargers: Mapping[str, Charger]
    """By id. The same mapping may be changed in place between two steps."""
    requests: tuple[Request, ...] = ()
    """What is asked of the site; the first that is valid holds, droop shares add to it."""
    meter: Meter | None = None
    frequency_hz: float | None = None
    """Of the grid, just now; None if nobody measures it."""
    ambient_c: float | None = None
    """Outside, for the transformers; None if nobody measures it."""
    courses: Mapping[str, Course] = {}
    """The plan, by charger's id; a charger without one is charged as its needs are urgent."""
    loads_w: Mapping[str, tuple[float, float, float]] = {}
    """What else flows through a node of the tree, for each phase, positive as drawn, such as the building's load. It
    takes room from the chargers; it gives them some in the other direction only while the meter's reading is fresh."""
    rooms: Mapping[str, Room] = {}
    """By node: bounds that something else has found, such as the guard of a house's connection."""
