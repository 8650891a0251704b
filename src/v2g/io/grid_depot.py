"""What an adapter of a grid's language sees of a depot, and how it asks."""

from collections.abc import Sequence
from typing import Any, Protocol

from v2g.depot import flexibility
from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel, Desk
from v2g.depot.dispatch import Dispatch
from v2g.depot.flexibility import Flexibility
from v2g.depot.request import AnyRequest, Limit, LimitRequest, PowerRequest
from v2g.depot.view import Site
from v2g.languages.plant import Ratings, Seen

SET_POINT, LIMIT, ENTER = ", set-point", ", limit", ", enter service"
_RUNS_W = 50.0
_SEEN_S, _ABLE_S = 0.5, 5.0
"""So old may be what is shown, and what it could do: a client may ask more often than anything changes."""


class Depot(Protocol):
    """What is shown and asked."""

    site: Site
    dispatch: Dispatch | None
    desk: Desk

    def now(self) -> float: ...
    def put(self, channel: Channel, request: AnyRequest) -> None: ...
    def withdraw(self, by: str, channel: Channel) -> bool: ...


def ratings_of(configuration: Configuration) -> Ratings:
    """Of the depot's EVSEs together, as far as its connection carries them."""
    evses = [evse for station in configuration.stations for evse in station.evses]
    connection = configuration.feeders[0]
    most_w = connection.charge_w if connection.discharge_w is None else connection.discharge_w
    return Ratings(
        charge_w=min(sum(each.charge_w for each in evses), connection.charge_w),
        discharge_w=min(sum(each.discharge_w for each in evses), most_w),
        nominal_hz=float(configuration.request.nominal_hz),
        most_wh=200_000.0 * max(len(evses), 1),
    )


class Plant:
    """The depot as one plant. What one language asks of it: a set-point, a limit, a stop, each in the place of the one
    before. All of them are kept over a restart of the depot, and end by themselves if they have an end."""

    def __init__(self, depot: Depot, ratings: Ratings, channel: Channel) -> None:
        self.depot, self.ratings, self._channel = depot, ratings, channel
        self._seen: Seen | None = None
        self._able = flexibility.NONE
        self._seen_s = self._able_s = float("-inf")

    def seen(self) -> Seen:
        """As it is, at most half a second old."""
        now = self.depot.now()
        if self._seen is None or now - self._seen_s >= _SEEN_S:
            self._seen, self._seen_s = self._looked(now), now
        return self._seen

    def able(self) -> Flexibility:
        """What it could do, at most five seconds old: reckoned over all chargers, that is not for nothing."""
        now = self.depot.now()
        if now - self._able_s >= _ABLE_S:
            self._able, self._able_s = flexibility.of(self.depot.site, now), now
        return self._able

    def _looked(self, now: float) -> Seen:
        site, dispatch = self.depot.site, self.depot.dispatch
        chargers = site.chargers.values()
        vehicles = [each.vehicle for each in chargers if each.vehicle is not None]
        known = [(each.capacity_wh, each.soc_pu) for each in vehicles if each.capacity_wh and each.soc_pu is not None]
        capacity_wh = sum(wh for wh, _ in known)
        power_w = None if dispatch is None else dispatch.delivered_w
        moves = power_w is not None and abs(power_w) > _RUNS_W
        return Seen(
            ratings=self.ratings,
            charge_w=0.0 if dispatch is None else max(0.0, dispatch.delivered_w) + dispatch.charge_room_w,
            discharge_w=0.0 if dispatch is None else max(0.0, -dispatch.delivered_w) + dispatch.discharge_room_w,
            power_w=power_w,
            frequency_hz=site.frequency_hz,
            state="RUNNING" if moves else "STANDBY" if any(each.online for each in chargers) else "OFF",
            connected=bool(vehicles),
            capacity_wh=capacity_wh or None,
            available_wh=self.able().above_floor_wh,
            soc_pu=sum(wh * soc for wh, soc in known) / capacity_wh if capacity_wh else None,
        )

    def set_power(self, by: str, power_w: float | None, for_s: float = 0.0, then_w: float | None = None) -> None:
        """Ask for a power for a time; None: no longer. Raises `RequestError`."""
        if power_w is None:
            self._replace(SET_POINT, None)
            return
        until_s = self.depot.now() + for_s
        self._replace(SET_POINT, PowerRequest(
            by=by + SET_POINT, power_w=power_w, until_unix_s=until_s, default_w=then_w,
        ))  # fmt: skip

    def limit(self, by: str, steps: Sequence[Limit], for_s: float | None = None) -> None:
        """Limit what is drawn and fed, for a time or until it is limited again; without steps, not at all. Raises
        `RequestError`."""
        if not steps:
            self._replace(LIMIT, None)
        elif for_s is None:
            self._replace(LIMIT, LimitRequest(by=by + LIMIT, steps=tuple(steps)))
        else:
            until_s = self.depot.now() + for_s
            self._replace(LIMIT, LimitRequest(by=by + LIMIT, steps=tuple(steps), until_unix_s=until_s))

    def permit(self, by: str, permitted: bool) -> None:
        """Let nothing flow, or let it flow again. Raises `RequestError`."""
        off = LimitRequest(by=by + ENTER, steps=(Limit(self.depot.now(), 0.0, 0.0),))
        self._replace(ENTER, None if permitted else off)

    def held(self, kind: str) -> list[Any]:
        """What this language asks for."""
        return [each for each in self.depot.desk.of(self._channel) if each.by.endswith(kind)]

    def limits_w(self) -> tuple[float, float]:
        """What it limits charging and discharging to just now; infinite without a limit."""
        now = self.depot.now()
        limits = [each.limits_at(now) for each in self.held(LIMIT)]
        unlimited = float("inf")
        return (
            min((charge_w for charge_w, _ in limits), default=unlimited),
            min((discharge_w for _, discharge_w in limits), default=unlimited),
        )

    def asked_w(self) -> float | None:
        """The power that it asks for just now."""
        now = self.depot.now()
        return next((asked_w for each in self.held(SET_POINT) if (asked_w := each.at(now, None)) is not None), None)

    def _replace(self, kind: str, request: AnyRequest | None) -> None:
        """In the place of what any client of this language has asked for before."""
        before = [each.by for each in self.held(kind)]
        if request is not None:
            self.depot.put(self._channel, request)
        for by in before:
            if request is None or by != request.by:
                self.depot.withdraw(by, self._channel)
