"""A depot as one SunSpec inverter: what a client orders is a request to the depot's desk, in the client's name.

A set-point is a power request, WMaxLimPct and enter service are limits. Their times are the requests' own, so they end
whatever becomes of the client or the link; what is kept survives a restart of the depot.
"""

from collections.abc import Callable
from importlib.metadata import version
from math import inf
from typing import Any

from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import SunSpec
from v2g.depot.request import AnyRequest, Limit, LimitRequest, PowerRequest
from v2g.io.grid_depot import Depot, ratings_of
from v2g.io.modbus_tls import server_context
from v2g.io.sunspec_server import Rules, SunSpecServer
from v2g.kernel.errors import V2GError
from v2g.languages.sunspec.plant import FED_PU, LIMITED, PERMITTED, About, Change, Order, Ratings, Seen, SetPower

SET_POINT, LIMIT, ENTER = ", set-point", ", limit", ", enter service"
_RUNS_W = 50.0


class DepotPlant:
    """`v2g.languages.sunspec.plant.Plant`."""

    def __init__(self, depot: Depot, about: About, ratings: Ratings) -> None:
        self.about = about
        self._depot, self._ratings = depot, ratings

    async def look(self) -> Seen:
        """The depot as it is."""
        depot, now = self._depot, self._depot.now()
        dispatch, chargers = depot.dispatch, depot.site.chargers.values()
        vehicles = [each.vehicle for each in chargers if each.vehicle is not None]
        known = [(each.capacity_wh, each.soc_pu) for each in vehicles if each.capacity_wh and each.soc_pu is not None]
        capacity_wh = sum(wh for wh, _ in known)
        power_w = None if dispatch is None else dispatch.delivered_w
        limit_w = min((each.limits_at(now)[1] for each in self._mine(LIMIT)), default=inf)
        moves = power_w is not None and abs(power_w) > _RUNS_W
        return Seen(
            ratings=self._ratings,
            charge_w=0.0 if dispatch is None else max(0.0, dispatch.delivered_w) + dispatch.charge_room_w,
            discharge_w=0.0 if dispatch is None else max(0.0, -dispatch.delivered_w) + dispatch.discharge_room_w,
            power_w=power_w,
            frequency_hz=depot.site.frequency_hz,
            state="RUNNING" if moves else "STANDBY" if any(each.online for each in chargers) else "OFF",
            connected=bool(vehicles),
            capacity_wh=capacity_wh or None,
            soc_pu=sum(wh * soc for wh, soc in known) / capacity_wh if capacity_wh else None,
            settings={
                LIMITED: limit_w < inf,
                FED_PU: min(limit_w / self._ratings.discharge_w, 1.0) if self._ratings.discharge_w else 1.0,
                PERMITTED: not self._mine(ENTER),
            },
        )

    async def obey(self, order: Order, by: str) -> None:
        """See the port."""
        now = self._depot.now()
        match order:
            case SetPower(power_w=None):
                self._replace(SET_POINT, None)
            case SetPower(power_w=power_w, for_s=for_s, then_w=then_w):
                assert power_w is not None
                self._replace(SET_POINT, PowerRequest(
                    by=by + SET_POINT, power_w=power_w, until_unix_s=now + for_s, default_w=then_w,
                ))  # fmt: skip
            case Change(changes=changes):
                if changes.get(PERMITTED) is not None:
                    off = LimitRequest(by=by + ENTER, steps=(Limit(now, 0.0, 0.0),))
                    self._replace(ENTER, None if changes[PERMITTED] else off)
                if LIMITED in changes:
                    self._replace(LIMIT, self._limit(order, by, now) if changes[LIMITED] else None)
                if unknown := changes.keys() - {PERMITTED, LIMITED, FED_PU}:
                    raise V2GError(f"a depot has no setting {min(unknown)}; set it at its stations")

    def _limit(self, order: Change, by: str, now: float) -> LimitRequest:
        shares = [float(each[FED_PU]) for each in (order.changes, order.then) if FED_PU in each]
        if not all(0.0 <= each <= 1.0 for each in shares):
            raise V2GError("WMaxLimPct: must be from 0 to 100 %")
        first, *then = (Limit(now, discharge_w=each * self._ratings.discharge_w) for each in shares)
        if order.for_s is None:
            return LimitRequest(by=by + LIMIT, steps=(first,))
        if not then:
            return LimitRequest(by=by + LIMIT, steps=(first,), until_unix_s=now + order.for_s)
        after = Limit(now + order.for_s, discharge_w=then[0].discharge_w)
        return LimitRequest(by=by + LIMIT, steps=(first, after))

    def _replace(self, kind: str, request: AnyRequest | None) -> None:
        """In the place of what any SunSpec client has asked for before. Raises `RequestError`."""
        before = [each.by for each in self._mine(kind)]
        if request is not None:
            self._depot.put(Channel.SUNSPEC, request)
        for by in before:
            if request is None or by != request.by:
                self._depot.withdraw(by, Channel.SUNSPEC)

    def _mine(self, kind: str) -> list[Any]:
        return [each for each in self._depot.desk.of(Channel.SUNSPEC) if each.by.endswith(kind)]


def plant_of(depot: Depot, configuration: Configuration) -> DepotPlant:
    """The depot with the ratings of its EVSEs, as far as its connection carries them."""
    charge_w, discharge_w = ratings_of(configuration)
    evses = sum(len(station.evses) for station in configuration.stations)
    ratings = Ratings(
        charge_w=charge_w,
        discharge_w=discharge_w,
        nominal_hz=float(configuration.request.nominal_hz),
        most_wh=200_000.0 * max(evses, 1),
    )
    return DepotPlant(depot, About("depot", version("v2g"), configuration.name), ratings)


async def serve(depot: Depot, configuration: Configuration, settings: SunSpec, report: Callable[[str], None]) -> None:
    """Serve until cancelled. Raises `ModbusServerError`."""
    rules = Rules(settings.unit, settings.writers, float(settings.silence_s))
    server = SunSpecServer(plant_of(depot, configuration), rules, report)
    files = settings.certificate, settings.private_key, settings.roots
    await server.serve(settings.listen, None if None in files else server_context(*files))  # type: ignore[arg-type]
