"""What must survive a restart of the process, and the port to whoever keeps it.

The hardware does not depend on it: its watchdogs act by themselves, and every start commands the safe state.
"""

from collections.abc import Mapping
from math import inf
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from v2g.grid.adjustments import Layer, Party
from v2g.iso15118.paused import Paused
from v2g.station.command import Watts

Limit = Annotated[float, Meta(ge=0)]
"""W."""


class Entry(Struct, frozen=True, omit_defaults=True):
    """What one EVSE was doing. The default is at rest."""

    stage: str = "OFF"
    """Of the power path, as `v2g status` shows it."""
    session: str = ""
    evcc_id: str = ""
    contactor_closed: bool = False
    """As commanded."""
    since: str = ""
    """When the stage began, UTC; filled in by the keeper."""

    @property
    def at_rest(self) -> bool:
        return self.stage == "OFF" and not self.contactor_closed


class KeptEvse(Struct, frozen=True, omit_defaults=True):
    """One EVSE."""

    entry: Entry = Entry()
    charge_limit_w: Watts | None = None
    """As the operator set it by hand; None: not set."""
    discharge_limit_w: Watts | None = None
    paused: Paused | None = None
    """A session that its car may resume."""
    min_soc_percent: Annotated[int, Meta(ge=0, le=100)] = 0
    """As a client of the local API set it; 0: not set."""
    grid_settings: Mapping[Party, Layer] = {}
    """What was set in the place of the configured grid code."""
    grid_lost: str = ""
    """Why that is not known; nothing is fed until it is set again."""
    limits_lost: str = ""
    """Why the operator's limits are not known; nothing is fed until the discharge limit is set again."""

    @property
    def operator_charge_w(self) -> float:
        return inf if self.charge_limit_w is None else self.charge_limit_w

    @property
    def operator_discharge_w(self) -> float:
        if self.limits_lost:
            return 0.0
        return inf if self.discharge_limit_w is None else self.discharge_limit_w


class Keeper(Protocol):
    """Keeps the latest state of each EVSE, whole or not at all, in the order in which it came.

    Obligations: `keep` returns at once and never raises; `found` is what the last process left behind, empty if that
    cannot be read, with the reason in `trouble`.
    """

    found: dict[int, KeptEvse]
    trouble: str | None

    def keep(self, evse: int, state: KeptEvse) -> None:
        """The state of this EVSE from now on."""
        ...
