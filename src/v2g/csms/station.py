"""One station as its CSMS sees it: the connection, what it reports, what it is steered by. Used by the gateway only."""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from v2g.csms import abilities as ability
from v2g.csms import profiles
from v2g.csms.abilities import Abilities
from v2g.csms.evse import TIMEOUT_S, ManagedEvse
from v2g.csms.profiles import Manner
from v2g.csms.vehicles import Fleet
from v2g.depot.configuration import Configuration, Silence, StationPlace
from v2g.depot.ledger import Ledger
from v2g.depot.needs import UtcOffset
from v2g.depot.view import Charger
from v2g.kernel.distribution import Distribution
from v2g.kernel.within import NEVER, Within
from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.ocpp.rpc import Answered, Failed, Rpc
from v2g.ocpp.version import Invalid, Version

RETRY_S = 10.0
"""Before a set-point that was refused is sent again."""
BOTTOM_RETRY_S = 30.0
RENEWALS = 3
"""How often a set-point is renewed within the time after which it lapses."""
DISCHARGE_CODES = ("InvalidSchedule", "InvalidOperationMode", "InvalidProfile")
MOST_ENDED = 32
MOST_OTHERS = 100
"""Profiles of another back end that are cleared at a time."""
MOST_QUIET_S = 300.0
CLOCK_S = 5.0
"""What a station reports may be this old: its clock is right all the same."""
RATE_LIMIT = "ratelimitexceeded"

Then = Callable[[Message | None, float], None]
"""What is done with a response and the time; None if there is none."""


class Kept(Struct, frozen=True):
    """What is kept of a station."""

    subprotocol: str = ""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    abilities: Abilities = Abilities()
    status: dict[int, v21.ConnectorStatusEnumType] = {}
    """Of its EVSEs: a station that merely reconnects does not report it again."""
    ended: tuple[str, ...] = ()
    """Its latest transactions that are over: an event that comes late revives none."""
    cleared: bool = False
    """Whether it has no profiles but those of the depot, and such that only lower what it does."""
    silence: Silence | None = None
    """What it goes by when it is on its own, at most; None if no profile has reached it."""


class ManagedStation:
    """One station."""

    def __init__(
        self,
        place: StationPlace,
        configuration: Configuration,
        fleet: Fleet,
        report: Callable[[str], None],
        took: Callable[[ManagedEvse, float], None],
        ledger: Ledger,
        *,
        relayed: bool = False,
        latencies: Distribution | None = None,
    ) -> None:
        """`report` gets a line for a person, `took` an EVSE whose station has accepted what is wanted of it, and when.
        `relayed`: the station has a CSMS of its own beside this one, whose settings and profiles are left alone."""
        self._took, self._ledger = took, ledger
        self._relayed = relayed
        self.place, self.fleet = place, fleet
        self.evses = {each.id: ManagedEvse(place.id, each, configuration) for each in place.evses}
        self.kept = Kept()
        self.rpc: Rpc | None = None
        self.bottom = ""
        """What became of the bottom profile: empty, `Accepted`, or the reason why the station has refused it."""
        self.heard_s = -inf
        self.lines, self.lines_since_s = 0, -inf
        """Lines of the log that it has caused since then."""
        self._silence, self._report = configuration.silence, report
        self.latencies = latencies or Distribution()
        """From each call of ours to its answer."""
        self._called_s = -inf
        self._ahead_s: float | None = None
        """By how much its clock is ahead of the depot's, which never jumps; None if it has not shown it."""
        self._calls: deque[tuple[str, Message, Then | None]] = deque()
        self._pending: tuple[str, Then | None] | None = None
        self._bottom_at = inf
        self._others = set[int]()
        """Profiles that it has of somebody else."""
        self._turn, self._in_turn = 0, list(self.evses.values())

    @property
    def id(self) -> str:
        return self.place.id

    @property
    def abilities(self) -> Abilities:
        """What it can do; until it answers again, what it could do before."""
        return self.kept.abilities

    @property
    def online(self) -> bool:
        """Whether it is connected."""
        return self.rpc is not None

    @property
    def is_21(self) -> bool:
        """By its connection, or by the last one."""
        return self.kept.subprotocol == "ocpp2.1" if self.rpc is None else self.rpc.version.is_21

    def recall(self, kept: Kept) -> None:
        """Go on with what an earlier process has kept."""
        self.kept = kept
        self._goes_by(_longest(self._silence, kept.silence))

    def _goes_by(self, silence: Silence) -> None:
        self.kept = replace(self.kept, silence=silence)
        for evse in self.evses.values():
            evse.silence = silence

    def connected(self, version: Version, now: float) -> None:
        """A new connection: what the station has of us is not known."""
        self.rpc = Rpc(version, TIMEOUT_S)
        self._goes_by(_longest(self._silence, self.kept.silence))
        self._calls.clear()
        self._pending, self._bottom_at, self.bottom, self.heard_s = None, now, "", now
        self._ahead_s = None
        self._others.clear()
        for evse in self.evses.values():
            evse.steered.forget()
            evse.steered.wanted_w = None  # what the controller wanted of it while it was away is not worth sending
        self.call("GetVariables", ability.questions(self.evses, is_21=version.is_21), self._able)
        if not self.kept.cleared:
            self.call("GetChargingProfiles", profiles.asked())
        if self._relayed:
            return
        self.call("SetVariables", ability.wishes(self._silence))
        if any(each.status is None for each in self.evses.values()):
            self.call("TriggerMessage", v21.TriggerMessageRequest(requestedMessage="StatusNotification"))

    def disconnected(self) -> None:
        """The connection is gone."""
        self.rpc = None
        self._calls.clear()

    def call(self, action: str, request: Message, then: Then | None = None) -> None:
        """Call the station once set-points leave room for it; lost with the connection."""
        if self.rpc is not None:
            self._calls.append((action, request, then))

    def chargers(self, now: float, utc_offset_s: UtcOffset) -> Iterator[Charger]:
        """As the controller sees them."""
        for evse in self.evses.values():
            yield evse.charger(
                self.abilities, self.fleet, now, online=self.online, is_21=self.is_21, utc_offset_s=utc_offset_s,
                unbounded=self.bottom not in ("", "Accepted") or bool(self._others),
            )  # fmt: skip

    def shows_clock(self, its_unix_s: float, now: float) -> None:
        """What its clock shows, or will show now that it has been set."""
        self._ahead_s = its_unix_s - now

    def _clock_s(self, now: float, unix_s: float) -> float:
        """The time for its schedules: the earlier one of its clock and this machine's. Either may have been set since
        the other one was, and a schedule must never begin later, when nobody speaks with the station any more."""
        own_s = unix_s if self._ahead_s is None else now + self._ahead_s
        return own_s if own_s < unix_s - CLOCK_S else unix_s

    # What goes out: the bottom profile first, then set-points, then the rest.

    def speak(self, now: float, unix_s: float) -> None:
        """Send what is due, if the station can be called."""
        rpc = self.rpc
        if rpc is None:
            return
        if (failed := rpc.expire(now)) is not None:
            self.failed(failed, now)
        if not rpc.ready:
            return
        if now >= self._bottom_at:
            self._bottom_at = now + BOTTOM_RETRY_S
            self._send("SetChargingProfile", profiles.bottom(self._silence), self._bottomed, now)
        elif (due := self._next(now)) is not None:
            self._steer(*due, now, unix_s)
        elif self._calls:
            action, request, then = self._calls.popleft()
            self._send(action, request, then, now)

    def answered(self, event: Answered, now: float) -> None:
        """The response to our call."""
        self.latencies.add(now - self._called_s)
        self._respond(event.id, event.response, now)

    def failed(self, event: Failed, now: float) -> None:
        """No response to our call that can be used."""
        self._report(f"{self.id} {event.action}: {event.code} {event.description}".rstrip())
        self._respond(event.id, None, now)

    def _respond(self, id: str, response: Message | None, now: float) -> None:
        if self._pending is not None and self._pending[0] == id:
            _, then = self._pending
            self._pending = None
            if then is not None:
                then(response, now)

    def _send(self, action: str, request: Message, then: Then | None, now: float) -> None:
        assert self.rpc is not None
        try:
            self._pending, self._called_s = (self.rpc.call(action, request, now), then), now
        except Invalid as error:
            self._report(f"{self.id} {action} cannot be sent: {error}")
            if then is not None:
                then(None, now)

    def _next(self, now: float) -> tuple[ManagedEvse, float] | None:
        """The EVSE whose set-point is due, each in its turn, and that set-point."""
        if not self.abilities.known:
            return None
        for place in range(self._turn, self._turn + len(self._in_turn)):
            evse = self._in_turn[place % len(self._in_turn)]
            power_w = evse.due_w(self._ledger.committed, now)
            if power_w is not None:
                self._turn = (place + 1) % len(self._in_turn)
                return evse, power_w
        return None

    def _steer(self, evse: ManagedEvse, asked_w: float, now: float, unix_s: float) -> None:
        steered, transaction, manner = evse.steered, evse.transaction, evse.manner(self.abilities)
        assert transaction is not None
        power_w = asked_w
        if manner is not Manner.SETPOINT and not self.abilities.negative_limits:
            power_w = max(0.0, power_w)
        within = steered.within if self.abilities.opens else NEVER
        then = partial(self._steered, evse, transaction.id, asked_w, within)
        steered.sending(power_w, now, now + TIMEOUT_S + self._silence.setpoint_s)
        if steered.profile_of != transaction.id or manner is Manner.LIMIT:
            request = profiles.for_transaction(
                evse.place.id, transaction.id, power_w, manner, self._silence, self._clock_s(now, unix_s),
                offline=self.is_21 and self.abilities.max_offline, binding=steered.binding,
                within=within,
            )  # fmt: skip
            self._send("SetChargingProfile", request, then, now)
        else:
            changed = profiles.update(evse.place.id, power_w, manner, steered.binding, within)
            self._send("UpdateDynamicSchedule", changed, then, now)

    def _steered(
        self,
        evse: ManagedEvse,
        transaction: str,
        asked_w: float,
        within: Within,
        response: Message | None,
        now: float,
    ) -> None:
        steered = evse.steered
        if evse.transaction is None or evse.transaction.id != transaction:
            return
        if getattr(response, "status", "") == "Accepted":
            steered.accepted_w, steered.profile_of, steered.refusal = asked_w, transaction, ""
            hurries = self.abilities.opens and steered.within.hastens(within)
            steered.renew_at = now if hurries else now + self._silence.setpoint_s / RENEWALS
            steered.accepted(asked_w, now + self._silence.setpoint_s)
            evse.accepted(asked_w, self._ledger, now)
            if steered.wanted_w == asked_w:
                steered.took(now)
                self._took(evse, now)
            return
        code = reason(response)
        known = steered.profile_of == transaction
        steered.profile_of, steered.accepted_w = "", None
        if known:  # the station has lost the profile: a new one at once
            return
        if code != steered.refusal:
            self._report(f"{evse.id} refuses {asked_w:g} W: {code}")
        steered.refusal, steered.refused_w, steered.retry_at = code, asked_w, now + RETRY_S
        if code.lower() == RATE_LIMIT:  # K01.FR.56: it says how long to wait, whatever is asked
            steered.quiet_until = now + _seconds(response)
        if asked_w < 0 and code in DISCHARGE_CODES:
            evse.refuses_discharge = code

    def _bottomed(self, response: Message | None, now: float) -> None:
        if getattr(response, "status", "") == "Accepted":
            self.bottom, self._bottom_at = "Accepted", inf
            self._goes_by(self._silence)
            return
        code = reason(response)
        if code != self.bottom:
            self._report(f"{self.id} refuses the profile that makes silence safe: {code}; look at its own profiles")
        self.bottom = code
        if code.lower() == "duplicateprofile" and not self._relayed:  # another one is in its place
            criteria = v21.ClearChargingProfileType(
                chargingProfilePurpose="TxDefaultProfile", stackLevel=profiles.BOTTOM
            )
            self._calls.appendleft(
                ("ClearChargingProfile", v21.ClearChargingProfileRequest(chargingProfileCriteria=criteria),
                 lambda _, at: self._again(at))
            )  # fmt: skip

    def reported(self, report: v21.ReportChargingProfilesRequest) -> str:
        """Profiles that it has. What another back end has left there could hold once the depot's have lapsed. Returns a
        line for a person, if there is something to say."""
        if report.requestId != profiles.REPORT:
            return ""
        line = ""
        for each in report.chargingProfile:
            harmless = profiles.is_own(each.id) or each.chargingProfilePurpose in profiles.LIMITING
            if not harmless and each.id not in self._others and len(self._others) < MOST_OTHERS:
                self._others.add(each.id)
                line = (
                    f"{self.id} has a {each.chargingProfilePurpose} of another back end ({each.id}), which is cleared"
                )
                clear = v21.ClearChargingProfileRequest(chargingProfileId=each.id)
                self.call("ClearChargingProfile", clear, partial(self._other_cleared, each.id))
        if not given(report.tbc, False) and not self._others:
            self.kept = replace(self.kept, cleared=True)
        return line

    def _other_cleared(self, id: int, response: Message | None, now: float) -> None:
        if getattr(response, "status", "") == "Accepted":
            self._others.discard(id)

    def stop(self, transaction: str) -> None:
        """End a transaction, if the station is connected."""
        self.call("RequestStopTransaction", v21.RequestStopTransactionRequest(transactionId=transaction))

    def lost_profiles(self, now: float) -> None:
        """Somebody may have cleared the depot's profiles: send them again."""
        self._bottom_at, self.bottom = now, ""
        for evse in self.evses.values():
            evse.steered.forget()

    def _again(self, now: float) -> None:
        self._bottom_at = now

    def _able(self, response: Message | None, now: float) -> None:
        if isinstance(response, v21.GetVariablesResponse):
            self.kept = replace(self.kept, abilities=ability.read(response))
        elif not self.abilities.known:  # it cannot say: the least is assumed
            self.kept = replace(self.kept, abilities=Abilities(known=True))


def _longest(silence: Silence, before: Silence | None) -> Silence:
    """What a station may go by that has the profiles of either."""
    if before is None:
        return silence
    longest = {
        name: max(getattr(silence, name), getattr(before, name)) for name in ("safe_w", "setpoint_s", "offline_s")
    }
    return replace(silence, **longest)


def _seconds(response: Message | None) -> float:
    """`<n> seconds before retry`; the usual time if it does not say."""
    info = getattr(response, "statusInfo", None)
    words = given(info.additionalInfo, "").split() if isinstance(info, v21.StatusInfoType) else []
    return min(float(words[0]), MOST_QUIET_S) if words and words[0].isdecimal() else RETRY_S


def reason(response: Message | None) -> str:
    """Why a station has refused something: its reason code, its status."""
    if response is None:
        return "no response"
    info = getattr(response, "statusInfo", None)
    return info.reasonCode if isinstance(info, v21.StatusInfoType) else str(getattr(response, "status", "Rejected"))
