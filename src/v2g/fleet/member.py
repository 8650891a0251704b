"""The depot's side of a fleet: which set-point holds, and the depot in few numbers."""

from collections.abc import Iterator
from secrets import randbits

from msgspec.structs import replace

from v2g.depot import flexibility
from v2g.depot.capability import Margins
from v2g.depot.dispatch import Dispatch
from v2g.depot.request import LARGEST_W, PowerRequest, is_time
from v2g.depot.view import Site
from v2g.fleet.books import Flow
from v2g.fleet.view import Accepted, Aggregate, Alarm, Setpoint

LONGEST_S = 120.0
"""No set-point holds longer, whatever it says."""
MOVES_W = 50.0
"""A charger with less power than this does neither charge nor discharge."""
MOST_ALARMS = 20
BY = "fleet ("
"""How the name of whoever asks a depot begins if it is its fleet."""


class Member:
    """A depot in a fleet."""

    def __init__(self, depot: str) -> None:
        self.depot = depot
        self.process = randbits(48) + 1
        self.holding: Setpoint | None = None
        """The set-point that holds, or held last."""
        self._number = 0

    def take(self, setpoint: Setpoint, now: float) -> Accepted:
        """Take a set-point in the place of the one before. One whose time is over leaves none, so that the depot
        follows its own plan; one that is older than the latest changes nothing."""
        why_not = ""
        if setpoint.depot != self.depot:
            why_not = f"it is for {setpoint.depot}, this is {self.depot}; see who has which credentials"
        elif setpoint.number < self._number:
            why_not = "a later set-point came before"
        elif not abs(setpoint.power_w) <= LARGEST_W:
            why_not = f"{setpoint.power_w:g} W is no power"
        elif not (setpoint.holds_s >= 0.0 and is_time(setpoint.until_unix_s)):
            why_not = f"it holds for {setpoint.holds_s:g} s until {setpoint.until_unix_s:g}, which is no time"
        elif setpoint.until_unix_s > now:
            until_s = min(setpoint.until_unix_s, now + min(setpoint.holds_s, LONGEST_S))
            self.holding, self._number = replace(setpoint, until_unix_s=until_s), setpoint.number
        else:
            self.holding, self._number = None, setpoint.number
            if setpoint.until_unix_s > 0.0:
                why_not = f"its time was over {now - setpoint.until_unix_s:.1f} s ago; see the clocks of both machines"
        return Accepted(depot=self.depot, number=setpoint.number, taken=not why_not, why_not=why_not)

    def setpoint(self, now: float) -> Setpoint | None:
        """The one that holds now."""
        held = self.holding
        return held if held is not None and now <= held.until_unix_s else None

    def request(self, now: float) -> PowerRequest | None:
        """What the fleet asks of the depot now. It lapses without a default: the depot's own plan holds then."""
        held = self.setpoint(now)
        if held is None:
            return None
        return PowerRequest(by=f"{BY}{held.by})"[:200], power_w=held.power_w, until_unix_s=held.until_unix_s)

    def aggregate(self, site: Site, dispatch: Dispatch | None, now: float, margins: Margins | None = None) -> Aggregate:
        """The depot in few numbers. `dispatch`: the controller's latest."""
        held = self.setpoint(now)
        asked_w = None if dispatch is None else dispatch.requested_w
        by = "nobody" if dispatch is None else dispatch.requested_by
        follows = held is not None and by.startswith(BY)
        chargers = list(site.chargers.values())
        power_w = [each.measured_w or 0.0 for each in chargers]
        total_w = sum(power_w) if dispatch is None else dispatch.delivered_w
        return Aggregate(
            depot=self.depot,
            unix_s=now,
            process=self.process,
            power_w=total_w,
            plan_w=flexibility.planned_w(site, now, margins) if asked_w is not None else total_w,
            setpoint_w=asked_w,
            setpoint_number=held.number if held is not None and follows else 0,
            asked_by=by,
            flexibility=flexibility.of(site, now, margins),
            chargers=len(chargers),
            offline=sum(not each.online for each in chargers),
            vehicles=sum(each.vehicle is not None for each in chargers),
            charging=sum(each > MOVES_W for each in power_w),
            discharging=sum(each < -MOVES_W for each in power_w),
            alarms=() if dispatch is None else tuple(_alarms(dispatch)),
        )


def _alarms(dispatch: Dispatch) -> Iterator[Alarm]:
    for notice in dispatch.notices[:MOST_ALARMS]:
        yield Alarm(str(notice.trouble), notice.about, notice.text)


def flows(site: Site, dispatch: Dispatch, contracts: dict[str, str] | None = None) -> Iterator[Flow]:
    """What the depot's books see in one cycle: the depot as a whole, then each charger with a vehicle.

    `contracts`: by charger, if they are known.
    """
    asked = dispatch.requested_w is not None
    why = "; ".join(each.text for each in dispatch.notices if each.about == dispatch.requested_by)
    yield Flow("", "", "", dispatch.delivered_w, dispatch.requested_w, why[:300])
    for id, charger in site.chargers.items():
        setpoint = dispatch.setpoints.get(id)
        if charger.vehicle is None or setpoint is None:
            continue
        yield Flow(
            id, charger.vehicle.id or "", (contracts or {}).get(id, ""), charger.measured_w or 0.0,
            setpoint.power_w if asked else None, str(setpoint.binding),
        )  # fmt: skip
