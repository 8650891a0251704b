"""A depot as one SunSpec inverter: what a client orders is a request to the depot's desk, in the client's name.

A set-point is a power request, WMaxLimPct and enter service are limits. Their times are the requests' own, so they end
whatever becomes of the client or the link; what is kept survives a restart of the depot.
"""

from collections.abc import Callable
from importlib.metadata import version
from math import inf

from msgspec.structs import replace

from v2g.depot.configuration import Configuration
from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import SunSpec
from v2g.depot.request import Limit
from v2g.io.grid_depot import ENTER, Depot, Plant, ratings_of
from v2g.io.modbus_tls import context_if_named
from v2g.io.sunspec_server import Rules, SunSpecServer
from v2g.kernel.errors import V2GError
from v2g.languages.plant import FED_PU, LIMITED, PERMITTED, About, Change, Order, Seen, SetPower


class DepotPlant:
    """`v2g.languages.plant.Plant`."""

    def __init__(self, plant: Plant, about: About) -> None:
        self.about = about
        self._plant = plant

    async def look(self) -> Seen:
        """The depot as it is."""
        plant, most_w = self._plant, self._plant.ratings.discharge_w
        limit_w = plant.limits_w()[1]
        settings = {
            LIMITED: limit_w < inf,
            FED_PU: min(limit_w / most_w, 1.0) if most_w else 1.0,
            PERMITTED: not plant.held(ENTER),
        }
        return replace(plant.seen(), settings=settings)

    async def obey(self, order: Order, by: str) -> None:
        """See the port."""
        match order:
            case SetPower(power_w=power_w, for_s=for_s, then_w=then_w):
                self._plant.set_power(by, power_w, for_s, then_w)
            case Change(changes=changes):
                if changes.get(PERMITTED) is not None:
                    self._plant.permit(by, bool(changes[PERMITTED]))
                if LIMITED in changes:
                    self._limit(order, by)
                if unknown := changes.keys() - {PERMITTED, LIMITED, FED_PU}:
                    raise V2GError(f"a depot has no setting {min(unknown)}; set it at its stations")

    def _limit(self, order: Change, by: str) -> None:
        if not order.changes[LIMITED]:
            self._plant.limit(by, ())
            return
        now, most_w = self._plant.depot.now(), self._plant.ratings.discharge_w
        shares = [float(each[FED_PU]) for each in (order.changes, order.then) if FED_PU in each]
        if not all(0.0 <= each <= 1.0 for each in shares):
            raise V2GError("WMaxLimPct: must be from 0 to 100 %")
        first, *then = shares
        steps = [Limit(now, discharge_w=first * most_w)]
        if order.for_s is not None and then:
            steps.append(Limit(now + order.for_s, discharge_w=then[0] * most_w))
        self._plant.limit(by, steps, None if then else order.for_s)


def plant_of(depot: Depot, configuration: Configuration) -> DepotPlant:
    """The depot with the ratings of its EVSEs."""
    about = About("depot", version("v2g"), configuration.name)
    return DepotPlant(Plant(depot, ratings_of(configuration), Channel.SUNSPEC), about)


async def serve(depot: Depot, configuration: Configuration, settings: SunSpec, report: Callable[[str], None]) -> None:
    """Serve until cancelled. Raises `ModbusServerError`."""
    rules = Rules(settings.unit, settings.writers, float(settings.silence_s))
    server = SunSpecServer(plant_of(depot, configuration), rules, report)
    tls = context_if_named(settings.certificate, settings.private_key, settings.roots)
    await server.serve(settings.listen, tls)
