"""When the process may end, for its supervisor to start it again."""

from collections.abc import Iterable

from v2g.iso15118.view import Stage
from v2g.station.evse import Evse

INSTALLS = "a firmware is being installed; the station starts again after it"
"""The reason against a restart meanwhile."""


def is_idle(evses: Iterable[Evse]) -> bool:
    """Whether no car is in session, and none that does not talk draws energy: when a restart that waits happens."""
    return not any(evse.busy or evse.demand.stage is Stage.ENERGY for evse in evses)


def why_not_restart(evses: Iterable[Evse], *, force: bool) -> str | None:
    """The reason against a restart, with the remedy; None if it may happen. Never while energy flows, unless forced."""
    flowing = [evse for evse in evses if evse.demand.stage is Stage.ENERGY]
    if not flowing or force:
        return None
    sessions = ", ".join(f"EVSE {evse.settings.id} with {evse.visit.report.evcc_id or 'a car'}" for evse in flowing)
    return f"energy is being transferred at {sessions}; wait for its end, or force it: then the transfer is ended first"
