"""The station as its local API sees it: through the daemon's control socket, with a snapshot that all clients share.

However many clients there are, the daemon is asked once a second, and commands are few.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

from v2g.io.control_client import ControlClient
from v2g.kernel.errors import V2GError
from v2g.kernel.rate import Bucket, Rates
from v2g.station import command

FRESH_S = 1.0
"""A snapshot of this age is still shown."""
COMMANDS_PER_S, COMMANDS_BURST = 5.0, 30.0
"""Of each client, by its name: nobody's flood is another one's refusal."""
ALL_PER_S, ALL_BURST = 20.0, 120.0
"""Of all clients together: the daemon has cars to look after."""
KINDS: dict[str, tuple[type[command.Local], command.Release | None]] = {
    "set-point": (command.SetPoint, command.Release(part="set_point")),
    "limit": (command.Limit, command.Release(part="limit")),
    "mode": (command.Mode, command.Release(part="mode")),
    "minimum-soc": (command.MinimumSoc, None),
    "departure": (command.Depart, command.Release(part="departure")),
    "phases": (command.Phases, command.Release(part="phases")),
    "authorise": (command.Authorise, None),
}
"""What may be asked of an EVSE: the command, and how that is ended before its time."""
SHOWN = (
    "evse", "evse_id", "session", "service", "soc_percent", "ready", "not_ready_because", "charged_wh", "discharged_wh",
    "import_wh", "export_wh", "wish_w", "allowed_charge_w", "allowed_discharge_w", "limited_by", "awaits_authorisation",
    "fault", "phases", "switches_phases", "phase_switch",
)  # fmt: skip


class NoSuchEvse(V2GError):
    """The station has no such EVSE."""


class TooMany(V2GError):
    """More commands than a station takes."""


class LocalStation:
    """What HTTP and MQTT read and ask."""

    def __init__(self, daemon: ControlClient, clock: Callable[[], float]) -> None:
        """`clock`: monotonic seconds."""
        self._daemon, self._clock = daemon, clock
        self._shown: dict[str, Any] = {"unix_s": 0, "evses": []}
        self._shown_s = float("-inf")
        self._asking = asyncio.Lock()
        self._rates, self._all = Rates(COMMANDS_PER_S, COMMANDS_BURST), Bucket(clock(), ALL_PER_S, ALL_BURST)
        self.changed = asyncio.Event()
        """Something was asked: who shows the station does so at once."""

    async def shown(self) -> dict[str, Any]:
        """The station, at most `FRESH_S` old. Raises `Gone` if the daemon does not answer."""
        async with self._asking:
            if self._clock() - self._shown_s >= FRESH_S:
                status = await self._daemon.ask(command.Status())
                why = await self._daemon.ask(command.Explain())
                explained = {each["evse"]: each for each in why}
                evses = [shown(each, explained.get(each["evse"]), time.time()) for each in status["evses"]]
                self._shown = {"unix_s": status["unix_s"], "evses": evses}
                self._shown_s = self._clock()
        return self._shown

    async def evse(self, id: int) -> dict[str, Any]:
        """One EVSE. Raises `NoSuchEvse`."""
        evses = (await self.shown())["evses"]
        found: dict[str, Any] | None = next((each for each in evses if each["evse"] == id), None)
        if found is None:
            raise NoSuchEvse(f"there is no EVSE {id}, only {', '.join(str(each['evse']) for each in evses)}")
        return found

    async def ask(self, kind: str, evse: int, document: dict[str, Any], by: str) -> Any:
        """Ask for what `KINDS` or `stop` says; returns the explanation. Raises `V2GError` with the reason."""
        await self.evse(evse)  # so that there is one
        if kind == "stop":
            return await self._ask(command.Stop(evse=evse), by)
        taken = {"command", "evse", "by"} & document.keys()
        if taken:
            raise V2GError(f"{min(taken)} does not belong here")
        try:
            document = {name: _whole(value) for name, value in document.items()}
            asked = msgspec.convert(document | {"evse": evse, "by": by, "command": _tag(kind)}, KINDS[kind][0])
        except msgspec.ValidationError as error:
            raise V2GError(f"not what is expected here: {error}") from error
        return await self._ask(asked, by)

    async def release(self, kind: str, evse: int, by: str) -> Any:
        """End what was asked for. Raises `V2GError`."""
        await self.evse(evse)
        release = KINDS[kind][1]
        if release is None:
            raise V2GError(f"{kind} has no end; set it again")
        return await self._ask(msgspec.structs.replace(release, evse=evse, by=by), by)

    async def _ask(self, asked: command.Local | command.Stop, by: str) -> Any:
        now = self._clock()
        if not self._rates.take(by, now):
            raise TooMany(f"more than {COMMANDS_PER_S:g} commands a second; slow down")
        if not self._all.take(now):
            raise TooMany(f"all clients together ask more than {ALL_PER_S:g} times a second; see who does")
        try:
            answer = await self._daemon.ask(asked)
        finally:
            self._shown_s = float("-inf")
            self.changed.set()
        return answer[0] if isinstance(answer, list) and answer else answer


def _whole(value: Any) -> Any:
    """1.0 is an integer to JSON Schema, and so to whoever reads the description."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _tag(kind: str) -> str:
    return str(KINDS[kind][0].__struct_config__.tag)


def shown(evse: dict[str, Any], explained: dict[str, Any] | None, unix_s: float) -> dict[str, Any]:
    """What clients see of an EVSE. `evse`: as in the daemon's status; `explained`: its explanation."""
    local = evse["local"]
    left_s = {part: None if left is None else round(left) for part, left in local["left_s"].items()}
    in_s = local["departure_in_s"]
    return {name: evse[name] for name in SHOWN} | {
        "status": status(evse),
        "state": state(evse),
        "enabled": local["mode"] != "pause",
        "power_w": evse["meter_w"] if evse["meter_w"] is not None else evse["power_w"],
        "explanation": None if explained is None else explained["why"],
        "wished_by": None if explained is None else explained["wished_by"] or None,
        "set_point_w": local["setpoint_w"],
        "mode": local["mode"],
        "charge_limit_w": local["charge_limit_w"],
        "charge_limit_a": local["charge_limit_a"],
        "discharge_limit_w": local["discharge_limit_w"],
        "min_soc_percent": local["min_soc_percent"],
        "departure_unix_s": None if in_s is None else round(unix_s + in_s),
        "need_wh": local["need_wh"],
        "phases_asked": local["phases"],
        "left_s": left_s,
        "ended": local["ended"],
    }


def status(evse: dict[str, Any]) -> str:
    """The state as of IEC 61851-1: A no car, B a car, C a car that energy may flow to, F not available."""
    if not evse["ready"] and not evse["in_session"] and not evse["plugged"]:
        return "F"
    if not evse["plugged"] and not evse["in_session"]:
        return "A"
    return "C" if evse["stage"] == "ENERGY" else "B"


def state(evse: dict[str, Any]) -> str:
    """In a word."""
    match status(evse):
        case "F":
            return "unavailable"
        case "A":
            return "free"
        case "B":
            return "asks" if evse["awaits_authorisation"] else "connected"
    power_w = evse["power_w"] or 0.0
    return "charging" if power_w > 50.0 else "discharging" if power_w < -50.0 else "idle"
