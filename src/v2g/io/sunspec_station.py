"""A station as one SunSpec inverter: all its EVSEs together, seen and asked through the daemon's control socket.

Settings go to every EVSE, as `v2g grid set` would send them, in the name of the Modbus client. A set-point is shared
over the EVSEs by what each may do just now; what lapses, lapses in the station itself.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import inf
from typing import Any

from v2g.kernel.errors import V2GError
from v2g.languages.plant import About, Change, NotReady, Order, Port, Ratings, Seen, SetPower
from v2g.station import command

FRESH_S = 0.5
"""A look of this age is good enough."""
SHARE_AGAIN_S = 5.0
"""How often a set-point is shared again over several EVSEs."""
MOST_WH = 200_000.0
"""Of one vehicle's battery, for the resolution of energies."""
_ALARMS = {
    "ov": "AC_OVER_VOLT", "uv": "AC_UNDER_VOLT", "of": "OVER_FREQUENCY", "uf": "UNDER_FREQUENCY",
    "islanding": "GRID_DISCONNECT", "rocof": "GRID_DISCONNECT", "measurement": "MANUFACTURER_ALRM",
}  # fmt: skip
"""By the beginning of the name of the element that has tripped."""
_THROTTLES = {
    "active power limit": "MAX_W", "volt-watt": "VOLT_WATT", "frequency droop": "FREQ_WATT", "heat": "DERATED",
    "set-point": "FIXED_W",
}  # fmt: skip
"""By the beginning of the limit's name."""

Ask = Callable[[Any], Awaitable[Any]]
"""Sends a command to the daemon and returns its result. Raises `V2GError`."""


class StationPlant:
    """`v2g.languages.plant.Plant`."""

    def __init__(
        self,
        ask: Ask,
        clock: Callable[[], float],
        about: About,
        *,
        nominal_v: float = 230.0,
        nominal_hz: float = 50.0,
        phases: int = 3,
        coded: bool = True,
        dc: bool = True,
    ) -> None:
        """`clock`: monotonic seconds. `coded`: every EVSE has a grid code. `dc`: every EVSE has an inverter."""
        self.about = about
        self._ask, self._clock, self._coded, self._dc = ask, clock, coded, dc
        self._nominal = {"nominal_v": nominal_v, "nominal_hz": nominal_hz, "phases": phases}
        self._seen: Seen | None = None
        self._seen_s = -inf
        self._evses: Sequence[Mapping[str, Any]] = ()
        self._shared: tuple[SetPower, str, float] | None = None
        """A set-point over several EVSEs, whose, and until when it holds."""

    async def look(self) -> Seen:
        """The station, at most `FRESH_S` old."""
        if self._seen is None or self._clock() - self._seen_s >= FRESH_S:
            evses = (await self._ask(command.Status()))["evses"]
            settings = await self._settings_of(evses)
            self._seen = seen_of(evses, settings, self._nominal, dc=self._dc)
            self._evses, self._seen_s = evses, self._clock()
        return self._seen

    async def _settings_of(self, evses: Sequence[Mapping[str, Any]]) -> Mapping[str, float | bool | str]:
        """Those of the first EVSE, if all have a grid code: what is set goes to all of them."""
        if not self._coded:
            return {}
        if any(each["grid"] is None for each in evses):
            raise NotReady("the station has not read its devices yet")
        shown = await self._ask(command.GridGet(evse=evses[0]["evse"]))
        return {each["name"]: each["value"] for each in shown["settings"]}

    async def obey(self, order: Order, by: str) -> None:
        """See the port. Of several EVSEs all take other settings, or none does."""
        self._seen_s = -inf
        match order:
            case Change(changes=changes, for_s=for_s, then=then):
                done = list[command.GridSet]()
                try:
                    for evse in self._ids:
                        asked = command.GridSet(evse=evse, changes=dict(changes), for_s=for_s, then=dict(then),
                                                party="sunspec", by=by)  # fmt: skip
                        await self._ask(asked)
                        done.append(asked)
                except V2GError:
                    before = {name: self._seen.settings[name] for name in changes} if self._seen else {}
                    for each in done:
                        await self._ask(command.GridSet(evse=each.evse, changes=before, party="sunspec", by=by))
                    raise
            case SetPower(power_w=None):
                self._shared = None
                for evse in self._ids:
                    if self._asked_of(evse):
                        await self._ask(command.Release(evse=evse, part="grid_set_point", by=by))
            case SetPower(for_s=for_s):
                await self._share(order, by)
                several = len(self._ids) > 1
                self._shared = (order, by, self._clock() + for_s) if several else None

    async def share_again(self) -> None:
        """What several EVSEs may do has changed since the set-point was shared. Raises `V2GError`."""
        if self._shared is None:
            return
        order, by, until_s = self._shared
        left_s = until_s - self._clock()
        if left_s <= SHARE_AGAIN_S:  # the station ends it, or goes on with what comes then
            self._shared = None
            return
        self._seen_s = -inf
        await self.look()
        await self._share(SetPower(power_w=order.power_w, for_s=left_s, then_w=order.then_w), by)

    async def _share(self, order: SetPower, by: str) -> None:
        """Raises `V2GError` if no EVSE takes its share."""
        assert order.power_w is not None
        refused: V2GError | None = None
        taken = False
        for evse, share in self._shares(order.power_w).items():
            then_w = None if order.then_w is None else order.then_w / len(self._ids)
            asked = command.GridSetPoint(
                evse=evse, power_w=order.power_w * share, for_s=order.for_s, then_w=then_w, by=by
            )
            try:
                await self._ask(asked)
                taken = True
            except V2GError as error:
                refused = error
        if refused is not None and not taken:
            raise refused

    def _shares(self, power_w: float) -> dict[int, float]:
        """By what each may do in this direction; equally if none may do anything."""
        name = "allowed_charge_w" if power_w > 0 else "allowed_discharge_w"
        rooms = {each["evse"]: each[name] if each["in_session"] else 0.0 for each in self._evses}
        whole_w = sum(rooms.values())
        return {evse: room_w / whole_w if whole_w else 1.0 / len(rooms) for evse, room_w in rooms.items()}

    def _asked_of(self, evse: int) -> bool:
        found = next(each for each in self._evses if each["evse"] == evse)
        return found["local"]["grid_setpoint_w"] is not None

    @property
    def _ids(self) -> list[int]:
        return [each["evse"] for each in self._evses]


def seen_of(
    evses: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], nominal: Mapping[str, Any], *, dc: bool
) -> Seen:
    """All EVSEs together. `evses`: as in the daemon's status."""
    first = evses[0]
    ratings = Ratings(
        charge_w=sum(each["rated_charge_w"] for each in evses),
        discharge_w=sum(each["rated_discharge_w"] for each in evses),
        most_wh=MOST_WH * len(evses),
        **nominal,
    )
    socs = [each["soc_percent"] for each in evses if each["in_session"] and each["soc_percent"] is not None]
    return Seen(
        ratings=ratings,
        charge_w=sum(each["allowed_charge_w"] for each in evses),
        discharge_w=sum(each["allowed_discharge_w"] for each in evses),
        power_w=_sum(evses, "meter_w"),
        reactive_var=_sum(evses, "reactive_var"),
        voltages_v=tuple(first["voltages_v"] or ()),
        frequency_hz=first["frequency_hz"],
        charged_wh=_sum(evses, "import_wh"),
        discharged_wh=_sum(evses, "export_wh"),
        state=_state(evses),
        connected=any(each["contactor_closed"] for each in evses),
        alarms=frozenset(alarm for each in evses for alarm in _alarms(each)),
        throttled_by=frozenset(
            name for each in evses for start, name in _THROTTLES.items() if (each["limited_by"] or "").startswith(start)
        ),
        temperature_c=max((each["temperature_c"] for each in evses if each["temperature_c"] is not None), default=None),
        soc_pu=sum(socs) / len(socs) / 100.0 if socs else None,
        ports=tuple(map(_port, evses)) if dc else (),
        settings=settings,
    )


def _sum(evses: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """None if one of them is not known: a part of a sum is no sum."""
    values = [each[name] for each in evses]
    return None if None in values else float(sum(values))


def _state(evses: Sequence[Mapping[str, Any]]) -> Any:
    if any(each["stage"] == "ENERGY" for each in evses):
        return "THROTTLED" if any(each["limited_by"] for each in evses) else "RUNNING"
    if any(_tripped(each) for each in evses):
        return "FAULT"
    return "STANDBY" if any(each["ready"] for each in evses) else "OFF"


def _tripped(evse: Mapping[str, Any]) -> bool:
    return evse["grid"] is not None and evse["grid"]["state"] == "trip"


def _alarms(evse: Mapping[str, Any]) -> list[str]:
    if not _tripped(evse):
        return []
    element = evse["grid"]["element"]
    return [alarm for start, alarm in _ALARMS.items() if element.startswith(start)] or ["MANUFACTURER_ALRM"]


def _port(evse: Mapping[str, Any]) -> Port:
    state = "ON" if evse["stage"] == "ENERGY" else "OFF"
    return Port(
        name=f"EVSE {evse['evse']}",
        voltage_v=evse["voltage_v"],
        current_a=evse["current_a"],
        power_w=evse["power_w"],
        state=state,  # type: ignore[arg-type]
    )
