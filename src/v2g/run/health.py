"""Whether a station still serves cars: what its supervisor (systemd) is shown, and when it gets no sign of life.

A process whose event loop stands gives none, nor does one whose discovery no longer hears: cars would not find it. As
long as a car is in session only the first holds: a restart would end its session for the sake of the next one.
"""

import asyncio
from collections.abc import Callable, Mapping

from v2g.io.discovery import InterfaceError, Responder
from v2g.io.service_manager import ServiceManager

SIGNS = 3
"""Signs of life within the time after which the process is killed."""
LOOKS_S = 5.0
"""How often it looks if nobody kills it."""
HEARS_S = 1.0
"""How long a search of this process for itself may take."""


class Health:
    """`responders`: of the EVSEs that answer discovery, by EVSE. `busy`: whether a car is in session."""

    def __init__(
        self,
        manager: ServiceManager,
        responders: Mapping[int, Responder],
        busy: Callable[[], bool],
        report: Callable[[str], None],
    ) -> None:
        self._manager, self._responders, self._busy, self._report = manager, responders, busy, report
        self._deaf = ""

    async def watch(self, evses: int) -> None:
        """All EVSEs listen: say so once discovery hears, then give signs of life, until cancelled."""
        ready = False
        while self._manager.listens:
            deaf, unreachable = await self._look()
            if deaf != self._deaf:
                self._report(f"discovery: {deaf}" if deaf else "discovery: heard again")
                self._deaf = deaf
            status = "; ".join(filter(None, (deaf, unreachable))) or f"serving {evses} EVSE{'s' if evses > 1 else ''}"
            self._manager.say(status=status)
            if not deaf and not ready:
                ready = True
                self._manager.say(ready=1)
            if not deaf or self._busy():
                self._manager.say(watchdog=1)
            await asyncio.sleep(LOOKS_S if self._manager.watchdog_s is None else self._manager.watchdog_s / SIGNS)

    async def _look(self) -> tuple[str, str]:
        """Who does not hear though it could: a restart helps. And who cannot, as its interface is down: none does."""
        deaf, unreachable = [], []
        for evse, responder in self._responders.items():
            try:
                if not await responder.hears(HEARS_S):
                    deaf.append(f"EVSE {evse} does not answer discovery")
            except InterfaceError as error:
                unreachable.append(f"EVSE {evse}: {error}")
        return ", ".join(deaf), ", ".join(unreachable)
