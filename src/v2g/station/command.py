"""What the operator may ask of a running station, as typed values: the commands of the control socket."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

EvseId = Annotated[int, Meta(ge=1, le=1_000_000)]
Watts = Annotated[float, Meta(ge=0, le=10_000_000)]
Vars = Annotated[float, Meta(ge=-10_000_000, le=10_000_000)]


class _Command(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="command"):
    evse: EvseId | None = None
    """The EVSE that is meant; None means all, or the only one."""


class Status(_Command, frozen=True, tag="status"):
    """The station's snapshot."""


class Explain(_Command, frozen=True, tag="explain"):
    """Why the power is what it is."""


class Sensors(_Command, frozen=True, tag="sensors"):
    """What grid, temperatures and coolant show, beside their limits."""


class Stop(_Command, frozen=True, tag="stop"):
    """Ask the car to end its session."""


class Pause(_Command, frozen=True, tag="pause"):
    """Ask the car to pause its session."""


class Restart(_Command, frozen=True, tag="restart"):
    """End the process, for its supervisor to start it again; not while energy flows, unless forced."""

    force: bool = False
    wait: bool = False
    """In the place of a refusal: once no car is in session any more."""
    ask: bool = False
    """Only say whether it may happen now."""


class Inject(_Command, frozen=True, tag="inject"):
    """A power in the place of the plan's, for the session, at most for `for_s`."""

    mode: Literal["charge", "discharge", "idle", "auto"]
    """`auto`: back to the plan."""
    power_w: Watts = 0.0
    """A magnitude; the mode states the direction."""
    fed_var: Vars = 0.0
    """Reactive power, positive as fed into the grid."""
    for_s: Annotated[float, Meta(gt=0, le=31_536_000)] | None = None


class WriteRegister(_Command, frozen=True, tag="write_register"):
    """Write one of the inverter's limits, checked, and read it back."""

    address: Annotated[int, Meta(ge=0, le=0xFFFF)]
    value: Annotated[int, Meta(ge=0, le=0xFFFF)]


SettingName = Annotated[str, Meta(min_length=1, max_length=80)]
SettingValues = Annotated[dict[SettingName, float | bool | Annotated[str, Meta(max_length=80)]], Meta(max_length=200)]
SettingNames = Annotated[tuple[SettingName, ...], Meta(max_length=200)]


class GridSet(_Command, frozen=True, tag="grid_set"):
    """Other settings of the grid code, at most for `for_s`."""

    changes: SettingValues
    for_s: Annotated[float, Meta(gt=0, le=31_536_000)] | None = None
    then: SettingValues = {}
    """What holds after `for_s`; what is not named goes back to what held before."""
    party: Literal["operator", "sunspec"] = "operator"
    by: Annotated[str, Meta(max_length=80)] = ""
    """Who of the party asks, as a person reads it; the user of this machine if left out."""


class GridGet(_Command, frozen=True, tag="grid_get"):
    """The settings of the grid code as they hold now."""

    names: SettingNames = ()
    """All if none is named."""


class GridDefault(_Command, frozen=True, tag="grid_default"):
    """The configured settings of the grid code again, in the place of the operator's own."""

    names: SettingNames = ()
    """All if none is named."""


class Ocpp(_Command, frozen=True, tag="ocpp"):
    """What station and back end have with each other."""

    show: Literal["status", "queue", "variables", "profiles"] = "status"


class Serving(_Command, frozen=True, tag="serving"):
    """Whether the station serves cars, and the reasons why not: discovery, devices, back end."""


class Ems(_Command, frozen=True, tag="ems"):
    """What an energy management system asks of an EVSE, or of the station. Without any value it asks for nothing more.

    The back end decides how far it may (OCPP, blocks K and Q)."""

    limit_w: Watts | None = None
    discharge_w: Watts | None = None
    """The most that may be fed; a magnitude."""
    setpoint_w: Vars | None = None
    """Positive charges the vehicle."""
    drawn_var: Vars | None = None
    load_w: Vars | None = None
    """What the meter of the connection shows, positive as taken from the grid."""
    for_s: Annotated[int, Meta(gt=0, le=31_536_000)] | None = None


HoldsFor = Annotated[float, Meta(gt=0, le=604_800, description="seconds; at most a week")]


class _Local(_Command, frozen=True, kw_only=True):
    """What a client of the local API asks for."""

    by: Annotated[str, Meta(max_length=80)] = "a client of the local API"
    """Who asks, as a person reads it."""


class SetPoint(_Local, frozen=True, tag="set_point"):
    """A power at the meter, for a time."""

    power_w: Vars
    """Positive charges the vehicle, negative feeds the grid."""
    for_s: HoldsFor


class GridSetPoint(_Local, frozen=True, tag="grid_set_point"):
    """A power at the meter that a grid operator's system asks for; it holds over `SetPoint`."""

    power_w: Vars
    for_s: HoldsFor
    then_w: Vars | None = None
    """What holds after that, until somebody ends it."""


class Limit(_Local, frozen=True, tag="limit"):
    """The most that may flow, for a time. What is left out is not limited."""

    for_s: HoldsFor
    charge_w: Watts | None = None
    charge_a: Annotated[float, Meta(ge=0, le=3_000)] | None = None
    """On each phase."""
    discharge_w: Watts | None = None
    """A magnitude."""


class Mode(_Local, frozen=True, tag="mode"):
    """What the EVSE does while there is no set-point."""

    mode: Literal["auto", "charge", "discharge", "pause"]
    """`auto`: the station's plan. `charge`, `discharge`: as much as every limit allows. `pause`: nothing."""
    for_s: HoldsFor | None = None
    """Without it the mode holds until the session ends; `discharge` needs it."""


class MinimumSoc(_Local, frozen=True, tag="minimum_soc"):
    """No discharge at or below this state of charge, until it is set again."""

    percent: Annotated[int, Meta(ge=0, le=100)]


class Depart(_Local, frozen=True, tag="departure"):
    """When the car leaves, and what it needs by then. It ends with the session."""

    in_s: HoldsFor
    energy_wh: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None
    soc_percent: Annotated[int, Meta(gt=0, le=100)] | None = None


class Phases(_Local, frozen=True, tag="phases"):
    """On how many phases the car charges, for a time."""

    phases: Annotated[int, Meta(ge=1, le=3, description="1 or 3")]
    for_s: HoldsFor | None = None
    """Without it they hold until the session ends."""


class Authorise(_Local, frozen=True, tag="authorise"):
    """Let the car in that waits, or the one that comes within a minute."""


class Release(_Local, frozen=True, tag="release"):
    """End what was asked for before its time."""

    part: Literal["set_point", "grid_set_point", "limit", "mode", "departure", "phases"]


Local = SetPoint | GridSetPoint | Limit | Mode | MinimumSoc | Depart | Phases | Authorise | Release

Command = (
    Status | Explain | Sensors | Stop | Pause | Restart | Inject | WriteRegister | GridSet | GridGet | GridDefault
    | SetPoint | GridSetPoint | Limit | Mode | MinimumSoc | Depart | Phases | Authorise | Release
)  # fmt: skip

Any = Command | Ocpp | Serving | Ems
"""All that the control socket takes: commands for the station, and questions to its process."""
