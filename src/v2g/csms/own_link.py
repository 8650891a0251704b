"""The depot's own link to the CSMS in relay mode, beside those of its stations: there it reports that somebody limits
the site (OCPP part 2, K14), and that this is over, and takes what the CSMS asks of the site by charging profiles. To
the CSMS it is a charging station without EVSEs. No sockets, no clock.
"""

from importlib.metadata import version as installed
from math import inf, isfinite

from msgspec.structs import replace

from v2g.csms.own_profiles import Requests, clear_profiles, set_profile
from v2g.depot.request import Limited
from v2g.kernel.units import kw
from v2g.ocpp import v21
from v2g.ocpp.base import Message
from v2g.ocpp.rpc import Answered, Failed, Requested, Rpc
from v2g.ocpp.version import version

SIGNIFICANT_PU = 0.01
"""A limit that has moved by no more than this is not reported again (LimitChangeSignificance)."""
AGAIN_S = 30.0
"""After a call that the CSMS has refused or not answered, and between two boots at the earliest."""
SOURCE = "EMS"

_Pair = tuple[float, float]
FREE: _Pair = inf, inf
"""Nobody limits the site: what it may charge and discharge; magnitudes."""


class OwnLink:
    """What is said on it. Whoever carries takes frames from `taken`."""

    def __init__(self, most_w: float, requests: Requests) -> None:
        """`most_w`: what the site's connection carries towards the vehicles."""
        self._most_w, self._requests = most_w, requests
        self._rpc: Rpc | None = None
        self._now_w, self._sent_w = FREE, FREE
        self._known_w: _Pair | None = None
        """What limits the site now, what the CSMS is being sent of it, and what it knows; None: what an earlier process
        has reported."""
        self._booted, self._again_s = False, -inf
        self._interval_s, self._beat_s = 0.0, inf

    def connected(self, subprotocol: str, now: float) -> None:
        """The link stands: the depot boots, and says whatever the CSMS does not know."""
        self._rpc, self._booted, self._again_s = Rpc(version(subprotocol)), False, now

    def gone(self) -> None:
        """It does not. What has had no response counts as not sent."""
        self._rpc = None

    def limited(self, limit: Limited) -> None:
        """What the site may draw and feed just now."""
        self._now_w = limit.charge_w, limit.discharge_w

    def receive(self, frame: str | bytes, now: float) -> str:
        """A frame of the CSMS. Returns a line for a person, or nothing."""
        rpc = self._rpc
        if rpc is None:
            return ""
        match rpc.receive(frame):
            case Requested(id, _, v21.SetChargingProfileRequest() as asked):
                rpc.answer(id, set_profile(asked, self._requests, now))
            case Requested(id, _, v21.ClearChargingProfileRequest() as asked):
                rpc.answer(id, clear_profiles(asked, self._requests))
            case Requested(id, action, _):
                rpc.refuse(id, "NotSupported", f"the depot itself has no {action}; ask its stations")
            case Answered(_, "BootNotification", response):
                assert isinstance(response, v21.BootNotificationResponse)
                self._booted = response.status == "Accepted"
                self._interval_s = max(float(response.interval), AGAIN_S)
                self._again_s, self._beat_s = (now if self._booted else now + self._interval_s), now + self._interval_s
            case Answered(_, "NotifyChargingLimit" | "ClearedChargingLimit", _):
                self._known_w = self._sent_w
                return "the CSMS knows of " + _worded(self._known_w)
            case Failed(_, action, code, description):
                return self._failed(action, f"{code} {description}".rstrip(), now)
        return ""

    def step(self, now: float) -> str:
        """Time has passed, or the limit is another one. Returns a line for a person, or nothing."""
        rpc = self._rpc
        if rpc is None:
            return ""
        failed = rpc.expire(now)
        if failed is not None:
            return self._failed(failed.action, failed.description, now)
        if not rpc.ready or now < self._again_s:
            return ""
        if not self._booted:
            card = v21.ChargingStationType(model="depot", vendorName="v2g", firmwareVersion=installed("v2g"))
            rpc.call("BootNotification", v21.BootNotificationRequest(chargingStation=card, reason="PowerUp"), now)
        elif _moved(self._now_w, self._known_w):
            self._sent_w = self._now_w
            rpc.call(*_report(self._sent_w, self._most_w, is_21=rpc.version.is_21), now)
        elif now >= self._beat_s:
            self._beat_s = now + self._interval_s
            rpc.call("Heartbeat", v21.HeartbeatRequest(), now)
        return ""

    def taken(self) -> list[str]:
        """What has to be sent; taken."""
        if self._rpc is None:
            return []
        found, self._rpc.outgoing = self._rpc.outgoing, []
        return found

    def _failed(self, action: str, reason: str, now: float) -> str:
        self._again_s = now + AGAIN_S
        return f"the CSMS has not taken {action}: {reason}"


def _report(limits_w: _Pair, most_w: float, *, is_21: bool) -> tuple[str, Message]:
    """The call that makes the CSMS know them."""
    charge_w, discharge_w = limits_w
    if limits_w == FREE:
        return "ClearedChargingLimit", v21.ClearedChargingLimitRequest(chargingLimitSource=SOURCE)
    period = v21.ChargingSchedulePeriodType(startPeriod=0)
    if isfinite(charge_w) or not is_21:  # 2.0.1 has no other limit, and needs this one
        period = v21.ChargingSchedulePeriodType(startPeriod=0, limit=round(min(charge_w, most_w), 1))
    if isfinite(discharge_w):
        period = replace(period, dischargeLimit=0.0 - round(discharge_w, 1))
    schedule = v21.ChargingScheduleType(id=1, chargingRateUnit="W", chargingSchedulePeriod=(period,))
    return "NotifyChargingLimit", v21.NotifyChargingLimitRequest(
        chargingLimit=v21.ChargingLimitType(chargingLimitSource=SOURCE), chargingSchedule=(schedule,)
    )


def _moved(now_w: _Pair, known_w: _Pair | None) -> bool:
    return known_w is None or any(
        one != other and not (isfinite(one) and isfinite(other) and abs(one - other) <= SIGNIFICANT_PU * other)
        for one, other in zip(now_w, known_w, strict=True)
    )


def _worded(limits_w: _Pair) -> str:
    found = [f"{way} {kw(each)}" for way, each in zip(("charge", "discharge"), limits_w, strict=True) if isfinite(each)]
    return f"the limit of the site: {', '.join(found)} at most" if found else "no limit of the site"
