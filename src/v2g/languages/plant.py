"""What a client sees and orders, whatever its language: one plant, whether it is a station or a depot.

Positive power draws from the grid and charges vehicles, positive reactive power is drawn; most languages count
generation positive. Settings have the names of `v2g grid get`. A depot has three of them (`DEPOT_SETTINGS`).
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

from v2g.kernel.errors import V2GError

Setting = float | bool | str
Settings = Mapping[str, Setting]

LIMITED, FED_PU = "active_power_limit.enabled", "active_power_limit.fed_pu"
PERMITTED = "enter_service.permitted"
DEPOT_SETTINGS = (LIMITED, FED_PU, PERMITTED)


class NotReady(V2GError):
    """The plant cannot be seen just now."""


class About(Struct, frozen=True):
    """Who the device is: model 1."""

    model: str
    version: str
    serial: str
    maker: str = "v2g"


class Ratings(Struct, frozen=True, kw_only=True):
    """What the plant is built for. Magnitudes."""

    charge_w: float
    discharge_w: float
    nominal_v: float = 230.0
    """From phase to neutral."""
    nominal_hz: float = 50.0
    phases: int = 3
    most_wh: float = 200_000.0
    """More than its batteries can hold together; only the resolution of energies depends on it."""

    @property
    def apparent_va(self) -> float:
        """Of the inverter, as `v2g.grid` counts it."""
        return max(self.charge_w, self.discharge_w)


class Port(Struct, frozen=True, kw_only=True):
    """One EVSE's DC side. Positive charges."""

    name: str
    voltage_v: float | None = None
    current_a: float | None = None
    power_w: float | None = None
    state: Literal["OFF", "ON", "ERROR"] = "OFF"


class Seen(Struct, frozen=True, kw_only=True):
    """The plant at one moment; None is what nobody knows."""

    ratings: Ratings
    charge_w: float = 0.0
    """What it may do now, as magnitudes."""
    discharge_w: float = 0.0
    power_w: float | None = None
    reactive_var: float | None = None
    voltages_v: tuple[float, ...] = ()
    frequency_hz: float | None = None
    charged_wh: float | None = None
    """What the meter has counted."""
    discharged_wh: float | None = None
    state: Literal["OFF", "STANDBY", "RUNNING", "THROTTLED", "FAULT"] = "OFF"
    connected: bool = False
    alarms: frozenset[str] = frozenset()
    """Names of 701.Alrm."""
    throttled_by: frozenset[str] = frozenset()
    """Names of 701.ThrotSrc."""
    temperature_c: float | None = None
    capacity_wh: float | None = None
    available_wh: float | None = None
    """What can be discharged."""
    soc_pu: float | None = None
    ports: tuple[Port, ...] = ()
    settings: Settings = {}
    """Those that hold now."""

    @property
    def generated_w(self) -> float | None:
        """The power as most languages count it."""
        return None if self.power_w is None else 0.0 - self.power_w


class SetPower(Struct, frozen=True, kw_only=True):
    """A power at the connection; None: it is asked for no longer."""

    power_w: float | None
    for_s: float = 0.0
    """It lapses then, unless it is renewed."""
    then_w: float | None = None
    """What holds from then on; None: as if nobody had asked."""


class Change(Struct, frozen=True, kw_only=True):
    """Other settings, for a time or until they are changed again."""

    changes: Settings
    for_s: float | None = None
    then: Settings = {}
    """What holds after that time; what is not named goes back to what held before."""


Order = SetPower | Change


class Plant(Protocol):
    """Who answers and obeys. Both methods raise `V2GError` with the reason; `NotReady` if it may pass."""

    about: About

    async def look(self) -> Seen:
        """The plant as it is, at most a second old."""
        ...

    async def obey(self, order: Order, by: str) -> None:
        """Carry it out wholly, or refuse it and change nothing. `by`: who asks, for a person."""
        ...
