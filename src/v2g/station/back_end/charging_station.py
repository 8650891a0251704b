"""The station as its back end sees it: boot, status, authorisation, transactions, profiles. No clock, no sockets.

`step` looks at the EVSEs, gives each its order, and fills `outgoing`; `receive` takes a frame. An order lapses unless
`step` renews it: a station whose back-end side hangs stops the power instead of going on with what it heard last.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import msgspec

from v2g.iso15118.view import Stage, Stop
from v2g.ocpp import v21
from v2g.ocpp.base import Message, encode, given
from v2g.ocpp.device_model import DeviceModel
from v2g.ocpp.network import Networks, Slot
from v2g.ocpp.outbox import Entry, Outbox
from v2g.ocpp.profile_rules import Running
from v2g.ocpp.profiles import Profiles
from v2g.ocpp.rpc import TIMEOUT_S, Answered, Discarded, Failed, Requested, Rpc
from v2g.ocpp.schedule import Instant, Order
from v2g.ocpp.store import Store
from v2g.ocpp.version import Invalid, Version
from v2g.station.back_end.authorizer import BackEndAuthorizer, Grant
from v2g.station.back_end.block import Block
from v2g.station.back_end.calls import MOST_CROSSED, Call, Calls, Then, nothing
from v2g.station.back_end.card import Card
from v2g.station.back_end.connectors import Connectors
from v2g.station.back_end.contact import Clock, Contact
from v2g.station.back_end.orders import for_evse, traits_of
from v2g.station.back_end.quota import Quota
from v2g.station.back_end.remembered import TRANSACTION, boot_reason, keep_profiles, kept_profiles, left_over
from v2g.station.back_end.reset import PendingReset
from v2g.station.back_end.transactions import Tracker, Transaction
from v2g.station.back_end.variables import variables
from v2g.station.evse import Evse

RENEWED_S = 5.0
"""How long an order holds without being renewed."""
LONGEST_BOOT_S = 86_400.0
"""Between BootNotifications, whatever the back end names: the next one there may mean it otherwise."""
RETRY_BOOT_S = 30.0
"""Between BootNotifications if the back end names no interval (B02, B03)."""
MOST_IN_A_ROW = 10
"""Calls that need not arrive, after which one of the queue has its turn."""
READ_S = 3.0
"""How long a process may take until it has read its devices; before that a connector is not reported as faulted."""
MOST_DEFECTS = 50
"""That are reported."""
LAST_WORDS_S = 5.0
"""How long a process that ends waits for its last messages to be answered."""
_INOPERATIVE = "inoperative"

B = TypeVar("B", bound=Block)


class ChargingStation:
    """The back-end side of a station."""

    def __init__(
        self,
        card: Card,
        evses: dict[int, Evse],
        authorizers: dict[int, BackEndAuthorizer],
        store: Store,
        handlers: "Mapping[str, Handler]",
        networks: Networks | None = None,
        blocks: "Iterable[Callable[[ChargingStation], Block]]" = (),
    ) -> None:
        """`handlers`: what answers the back end's calls, by action (`requests.HANDLERS`); `blocks` bring more."""
        self.evses, self.authorizers = evses, authorizers
        self.store = store = Quota(store)
        self.outbox = Outbox(store)
        left = left_over(store)
        self.trackers = {id: Tracker(evse, authorizers[id], left.get(id)) for id, evse in evses.items()}
        self.profiles = Profiles({id: traits_of(evse) for id, evse in evses.items()}, kept_profiles(store))
        self.networks = networks or Networks(
            {1: Slot("", 1, "", configured=True)}, store, roots=False, certificate=False
        )
        self.connectors = Connectors(evses, authorizers, self.trackers)
        self.model = DeviceModel(variables(evses.values(), self.status, self.networks), store)
        self.registered: v21.RegistrationStatusEnumType | None = None
        """The back end's latest answer to BootNotification; it lasts over reconnections."""
        self.log: list[str] = []
        """What a person should know; whoever writes the trace takes it."""
        self.reset: str | None = None
        """The process has to end: why."""
        self._began = float("inf")
        """When this process looked first."""
        self._ends: tuple[str, float] | None = None
        """Why the process is about to end, and when at the latest."""
        self.contact, self._clock = Contact(store), Clock()
        self.resolve: Callable[[int, Order], Order] = lambda id, order: order
        """Finds the set-point of a mode that has none in its profile."""
        self.carried_bytes = 0
        """Of frames in both directions, since the process began."""
        self.spares = False
        """Whether what need not arrive is left out, for the sake of the bytes."""
        self.tariff_for: Callable[[int, str, v21.TariffType | None], str | None] = lambda id, token, tariff: None
        """Takes the tariff of a driver who is admitted to an EVSE; why the driver is not, or None (I08)."""
        self.priced: Callable[[v21.TransactionEventRequest], v21.TransactionEventRequest] = lambda event: event
        """Adds to a transaction event what it says of tariff and cost."""
        self.installing = False
        """Whether a firmware is being installed: the process must not end before that has."""
        self.pending_reset = PendingReset()
        self.transfers: dict[int, tuple[v21.EnergyTransferModeEnumType, ...] | None] = {}
        """What the back end allows the car at an EVSE, if it says so (Q01)."""
        self._card, self._handlers = card, dict(handlers)
        self._rpc: Rpc | None = None
        self._latest: Rpc | None = None  # of this connection, or of the one before
        self._unanswered: Entry | None = None
        """Without a response: whether the back end is there at all is found out first."""
        self._calls, self._in_a_row = Calls(), 0
        self._pending: dict[str, Call | Entry] = {}
        self._pulled_s: dict[int, float] = {}
        """When the values of a Dynamic profile were asked for."""
        self._defects: set[str] = set()
        """Those that are reported."""
        self._boot_at = self._beat_at = float("-inf")
        self.boot_reason = boot_reason(store)
        self._kept_profiles = self.profiles.installed
        self._kept_running: dict[int, Transaction | None] = dict.fromkeys(evses) | dict(left)
        self.now, self.unix_s = 0.0, 0
        self._blocks: dict[type[Block], Block] = {}
        self._add(blocks)

    def _add(self, blocks: "Iterable[Callable[[ChargingStation], Block]]") -> None:
        """The blocks, and what was set before this process."""
        for make in blocks:
            block = make(self)
            self._blocks[type(block)] = block
            self._handlers |= block.handlers
        self.profiles.negative_limits = self.model.flag("SmartChargingCtrlr", "DischargeByNegativeLimit")
        for id, authorizer in self.authorizers.items():
            authorizer.operative = (_INOPERATIVE, str(id)) not in self.store.found

    # The link

    @property
    def online(self) -> bool:
        """Whether the back end is connected and has accepted the station."""
        return self._rpc is not None and self.registered == "Accepted"

    @property
    def outgoing(self) -> list[str]:
        """Frames to send; taken by whoever asks."""
        if self._rpc is None:
            return []
        frames, self._rpc.outgoing = self._rpc.outgoing, []
        self.carried_bytes += sum(map(len, frames))
        return frames

    def connected(
        self, version: Version, now: float, timeout_s: float = TIMEOUT_S, *, redelivers: bool = False
    ) -> None:
        """A new connection. Boot once for a process; a mere reconnection needs none (part 4, 5.4).

        `timeout_s`: for the back end's responses. `redelivers`: the carrier may bring what it brought over the
        connection before.
        """
        self._rpc = self._latest = Rpc(version, timeout_s, self._latest if redelivers else None)
        self.profiles.replaces_rivals = version.replaces_rivals
        self.contact.opened()
        if self.contact.away_s(now) > self.model.number("OCPPCommCtrlr", "OfflineThreshold"):  # B04
            self.connectors.report_again()

    def disconnected(self, now: float) -> None:
        """The connection is gone. What was under way counts as not sent."""
        under_way, self._rpc, self._pending, self._unanswered = self._pending, None, {}, None
        self.contact.gone(now)
        self.outbox.went_offline()
        for authorizer in self.authorizers.values():
            authorizer.wanted = None
        for each in under_way.values():
            if isinstance(each, Call):
                each.then(None, now)
        self._calls.abandon(now)
        self._pulled_s.clear()
        for block in self._blocks.values():
            block.disconnected()

    def receive(self, frame: str | bytes, now: float, unix_s: int) -> None:
        """A frame of the back end."""
        rpc = self._rpc
        if rpc is None:
            return
        self._time(now, unix_s)
        self.carried_bytes += len(frame)
        event = rpc.receive(frame)
        if not isinstance(event, Discarded) or event.late:
            self.contact.heard(now)
        match event:
            case Requested(id, action, request):
                self._shown()
                self._requested(rpc, id, action, request, len(frame))
            case Answered(id, _, response):
                self._shown()
                self._answered(id, response)
            case Failed() as failed:
                self._failed(failed)
            case Discarded(reason):
                self.log.append(f"the back end sent {reason}")
        self.step(now, unix_s)

    def step(self, now: float, unix_s: int) -> None:
        """Look at the EVSEs, give the orders, say what is due."""
        self._time(now, unix_s)
        self._look(first=True)
        interval_s = 0.0 if self.spares else self.model.number("SampledDataCtrlr", "TxUpdatedInterval")
        for id, tracker in self.trackers.items():
            try:
                self._follow(id, tracker, interval_s)
            except Exception as error:  # this EVSE's order lapses; the others go on
                self._defect(f"EVSE {id}", error)
        if self.profiles.installed is not self._kept_profiles:
            keep_profiles(self.store, self.profiles.installed, self._kept_profiles)
            self._kept_profiles = self.profiles.installed
        self._look(first=False)
        self._reset_if_idle()
        rpc = self._rpc
        if rpc is not None:
            if (failed := rpc.expire(now)) is not None:
                self.contact.missed()
                self._failed(failed)
            if rpc.ready:
                self._say(rpc)
        self.store.commit()

    # What others ask for

    def call(self, action: str, request: Message, then: Then = nothing, *, urgent: bool = False) -> None:
        """Send a message that need not survive the connection; `urgent`: before the others."""
        self._calls.add(Call(action, request, then, urgent), self.now)

    def send(self, message: Message) -> None:
        """Send a message that has no response; lost without a connection."""
        if self._rpc is not None:
            self._rpc.send(message)

    @property
    def ends(self) -> bool:
        """Whether the process is about to end."""
        return self._ends is not None

    @property
    def speaks_21(self) -> bool:
        """Whether the connection is one of OCPP 2.1."""
        return self._rpc is not None and self._rpc.version.is_21

    def event(self, event: v21.TransactionEventRequest) -> None:
        """Send a transaction event, now or once the back end is there."""
        try:
            event = self.priced(event)
        except Exception as error:  # the event matters more than what it says of the costs
            self._defect("the tariff", error)
        self.outbox.add("TransactionEvent", event, online=self.online)
        if event.eventType == "Started" and isinstance(event.evse, v21.EVSEType):
            self._begin(event.evse.id, event.transactionInfo.transactionId)
        if event.eventType == "Ended":
            self.profiles.ended(event.transactionInfo.transactionId)

    def restart(self, reason: v21.BootReasonEnumType, why: str) -> None:
        """End the process once all has been said that waits to be; the next one boots with this reason."""
        self.store.put("boot", "reason", reason.encode())
        self._ends = why, self.now + LAST_WORDS_S

    def stop_all(self, trigger: v21.TriggerReasonEnumType, reason: v21.ReasonEnumType) -> None:
        """End all transactions in order."""
        for tracker in self.trackers.values():
            if tracker.running is not None:
                tracker.stopped = trigger, reason
                tracker.stop(self.now)

    def boot(self, reason: v21.BootReasonEnumType) -> None:
        """Boot again with this reason."""
        self.boot_reason, self.registered, self._boot_at = reason, None, float("-inf")

    @property
    def running(self) -> dict[int, Running]:
        """The transactions by EVSE."""
        found = {id: tracker.schedule for id, tracker in self.trackers.items()}
        return {id: running for id, running in found.items() if running is not None}

    @property
    def instant(self) -> Instant:
        """Now, as the profiles need it."""
        away_s = self.contact.away_s(self.now)
        return Instant(self.unix_s, away_s, self.model.text("SmartChargingCtrlr", "SetpointPriority") == "CSMS")

    def status(self, id: int) -> v21.ConnectorStatusEnumType:
        """Of an EVSE's connector."""
        return self.connectors.status(id, self.now)

    def set_operative(self, id: int, operative: bool) -> None:
        """Whether new cars may charge at an EVSE; kept over a restart. A car that has been granted and has not begun is
        a new one."""
        self.authorizers[id].operative = operative
        if not operative and self.trackers[id].running is None:
            self.authorizers[id].grant = None
        self.store.put(_INOPERATIVE, str(id), None if operative else b"1")

    def take(self, id: int, grant: Grant) -> None:
        """A car may charge at an EVSE. One that is here has all its time to begin; a remote start lets one that does
        not talk begin again after a stop."""
        here = self.trackers[id].connected
        self.authorizers[id].grant = replace(grant, until_s=float("inf")) if here else grant
        if grant.remote_start is not None:
            self.authorizers[id].awaits = None  # what is answered about the car's own token decides no more
            self.evses[id].stop(Stop.NONE, self.now)

    @property
    def has_read(self) -> bool:
        """Whether this process has had the time to read its devices."""
        return self.now >= self._began + READ_S

    @property
    def serial(self) -> str:
        """The station's serial number."""
        return self._card.serial

    def block(self, kind: type[B]) -> B:
        """One of the functional blocks."""
        found = self._blocks[kind]
        assert isinstance(found, kind)
        return found

    def order(self, id: int) -> Order:
        """What the profiles ask of an EVSE now; nothing is discharged that the back end does not allow the car, nor by
        a profile of another back end that the one which is connected, or was last, cannot see."""
        order = self.profiles.order(id, self.trackers[id].schedule, self.instant, partial(self.resolve, id))
        allowed = self.transfers.get(id)
        sees = self._latest is None or self._latest.version.sees_discharge(extension=order.period is None)
        allows = sees and (allowed is None or any("BPT" in each for each in allowed))
        if allows or order.discharge_w == 0.0:
            return order
        setpoint_w = None if order.setpoint_w is None else max(0.0, order.setpoint_w)
        return msgspec.structs.replace(order, discharge_w=0.0, setpoint_w=setpoint_w)

    # Inside

    def _time(self, now: float, unix_s: int) -> None:
        """Time has passed; if somebody has set the clock back, no profile is younger for it."""
        if self._began == float("inf"):
            self._began = now
            self.contact.began(now, unix_s)
            self.profiles.set_back(0.0, unix_s)
        if back_s := self._clock.set_back_s(now, unix_s):
            self.log.append(f"the clock was set back by {back_s:.0f} s")
            self.profiles.set_back(back_s, unix_s)
            for tracker in self.trackers.values():
                tracker.set_back(back_s)
        self.now, self.unix_s = now, unix_s
        if any(each.profile.maxOfflineDuration for each in self.profiles.installed):
            self.contact.keep(unix_s)

    @property
    def _discharging(self) -> bool:
        """Whether an order discharges a car."""
        orders = (evse.back_end for evse in self.evses.values())
        return any(order is not None and order.discharge_w > 0.0 for order in orders)

    def _shown(self) -> None:
        """The back end has called or answered: it is there, if it accepts the station."""
        self.contact.spoken = True
        if self.registered != "Accepted":
            self.contact.gone(self.now)
        elif (away_s := self.contact.there(self.now)) is not None:
            self.profiles.outlived(away_s)

    def _begin(self, id: int, transaction: str) -> None:
        """A transaction begins: the profile that its remote start has brought becomes its own (F01.FR.09)."""
        grant = self.authorizers[id].grant
        if grant is not None and grant.profile is not None:
            profile = msgspec.structs.replace(grant.profile, transactionId=transaction)
            refusal = self.profiles.set(id, profile, self.running, self.unix_s)
            if refusal is not None:  # it could be installed when the start was asked for
                self.log.append(f"the profile of the remote start is refused: {refusal.code} {refusal.text}")
                self.trackers[id].stopped = "AbnormalCondition", "Other"
                self.trackers[id].stop(self.now)

    def _reset_if_idle(self) -> None:
        idle = (
            not self.running
            and not self.installing
            and all(evse.demand.stage is Stage.OFF for evse in self.evses.values())
        )
        if self._ends is None:
            due, news = self.pending_reset.step(self.now, idle=idle, queued=self.outbox.waiting_for(None))
            self.log += news
            if due:
                self.restart("RemoteReset", self.pending_reset.why)
        if self._ends is not None and (self.now >= self._ends[1] or not (self._calls or self._pending)):
            self.reset = self._ends[0]

    def _look(self, *, first: bool) -> None:
        """The blocks look at things. One that fails before the orders takes them with it: they lapse."""
        for block in self._blocks.values():
            if block.first is not first:
                continue
            try:
                block.step()
            except Exception as error:
                if first:
                    raise
                self._defect(type(block).__name__, error)

    def _defect(self, place: str, error: Exception) -> None:
        """A defect of ours must not take the station from its cars; it is reported once."""
        text = f"{place} failed: {type(error).__name__}: {error}"
        if text not in self._defects and len(self._defects) < MOST_DEFECTS:
            self._defects.add(text)
            self.log.append(text)

    def _follow(self, id: int, tracker: Tracker, interval_s: float) -> None:
        for event in tracker.step(self.now, self.unix_s, interval_s):
            self.event(event)
        self._keep_running(id, tracker)
        if tracker.running is None and not tracker.connected:
            self.transfers.pop(id, None)
        self._order(id, tracker)

    def _order(self, id: int, tracker: Tracker) -> None:
        order = self.order(id)
        tracker.mode = order.mode if order.by else None
        self.evses[id].back_end = for_evse(order, self.now + RENEWED_S)

    def _say(self, rpc: Rpc) -> None:
        """The next call, the most urgent one first."""
        if self.registered != "Accepted":
            if self.now >= self._boot_at:
                self._call(rpc, Call("BootNotification", self._card.boots(self.boot_reason), self._booted))
            elif self.registered == "Pending" and (call := self._calls.take(self.now)):  # asked for (B02.FR.02)
                self._call(rpc, call)
            return
        if self.contact.doubtful:
            self._call(rpc, Call("Heartbeat", v21.HeartbeatRequest(), self._alive))
            return
        for status in self.connectors.news(self.now, self.unix_s, faults=self.has_read):
            self.call("StatusNotification", status)
        for id, every_s in self.profiles.due(self.unix_s):
            self._pull(id, every_s)
        entry = self.outbox.due(self.now)
        turn = entry is not None and self._in_a_row >= MOST_IN_A_ROW
        call = None if turn else self._calls.take(self.now)
        self._in_a_row = 0 if call is None else self._in_a_row + 1
        if call is not None:
            self._call(rpc, call)
        elif entry is not None:
            self._deliver(rpc, entry)
        elif self.now >= self._beat_at or self.contact.asks(self.now, discharges=self._discharging):
            self._call(rpc, Call("Heartbeat", v21.HeartbeatRequest()))
            self._beat_at = self.now + self.model.number("OCPPCommCtrlr", "HeartbeatInterval")

    def _call(self, rpc: Rpc, call: Call) -> None:
        try:
            self._pending[rpc.call(call.action, call.request, self.now)] = call
        except Invalid as error:
            self.log.append(f"{call.action} was not sent: {error}")
            call.then(None, self.now)

    def _deliver(self, rpc: Rpc, entry: Entry) -> None:
        try:
            self._pending[rpc.call(entry.action, entry.request, self.now, id=entry.id)] = entry
        except Invalid as error:  # this version cannot say it
            self.log.append(f"{entry.action} was not sent: {error}")
            self.outbox.arrived(entry)

    def _requested(self, rpc: Rpc, id: str, action: str, request: Message, size: int) -> None:
        if self.registered == "Rejected":  # B03.FR.08
            rpc.refuse(id, "SecurityError", "the station is not registered")
            return
        handler = self._handlers.get(action)
        if handler is None:
            rpc.refuse(id, "NotSupported", f"this station does not offer {action}")
            return
        try:
            self.store.admit(action, size)
            rpc.answer(id, handler(self, request))
        except Invalid as error:
            rpc.refuse(id, error.code, str(error))
        except Exception as error:  # a defect of ours must not take the station from its cars
            self.log.append(f"{action} failed: {type(error).__name__}: {error}")
            rpc.refuse(id, "InternalError", f"{type(error).__name__}")

    def _answered(self, id: str, response: Message) -> None:
        pending = self._pending.pop(id, None)
        if isinstance(pending, Entry):
            self.outbox.arrived(pending)
            for block in self._blocks.values():
                block.responded(pending.request, response)
        elif pending is not None:
            pending.then(response, self.now)

    def _failed(self, failed: Failed) -> None:
        pending = self._pending.pop(failed.id, None)
        if failed.code == "RpcFrameworkError" and self._crossed(pending):
            return
        self.log.append(f"{failed.action} has no response: {failed.code} {failed.description}")
        if isinstance(pending, Entry):
            if failed.silent:
                self._unanswered = pending
            else:
                self._attempted(pending, answered=True, unknown=failed.code in ("NotImplemented", "NotSupported"))
        elif pending is not None:
            pending.then(None, self.now)

    def _crossed(self, pending: "Call | Entry | None") -> bool:
        """Some back ends hear no call while they wait for an answer to theirs. Whether it is sent again."""
        if pending is None or pending.crossed >= MOST_CROSSED or not self.online:
            return False
        if isinstance(pending, Entry):
            self.outbox.crossed(pending, self.now + 2.0**pending.crossed)
        else:
            self._calls.crossed(pending, self.now)
        return True

    def _attempted(self, entry: Entry, *, answered: bool, unknown: bool = False) -> None:
        if self.outbox.failed(entry, self.now, answered=answered, unknown=unknown):
            counted = "1 attempt" if entry.attempts == 1 else f"{entry.attempts} attempts"
            self.log.append(f"{entry.action} is given up after {counted}")

    def _alive(self, response: Message | None, now: float) -> None:
        """After a call without a response. A back end that is not there at all has not refused a message."""
        entry, self._unanswered = self._unanswered, None
        if entry is not None and not self.contact.lost:
            self._attempted(entry, answered=False)

    def _booted(self, response: Message | None, now: float) -> None:
        if self._rpc is None:  # the next connection begins with it
            return
        interval_s = RETRY_BOOT_S
        if isinstance(response, v21.BootNotificationResponse):
            self.registered = response.status
            self.log.append(f"the back end answers: {response.status}")
            interval_s = response.interval if response.interval > 0 else RETRY_BOOT_S
            if response.status == "Accepted":
                self.model.assume("OCPPCommCtrlr", "HeartbeatInterval", f"{interval_s:.0f}")
                self._beat_at = now + interval_s
                self.connectors.report_again()
                for block in self._blocks.values():
                    block.accepted()
        self._boot_at = now + min(interval_s, LONGEST_BOOT_S)

    def _pull(self, profile: int, every_s: float) -> None:
        """Ask for the next values of a Dynamic profile (K28); a back end that has none is asked no more often."""
        request = v21.PullDynamicScheduleUpdateRequest(chargingProfileId=profile)
        asked = any(each.request == request for each in (*self._calls, *self._pending.values()))
        if asked or self.now < self._pulled_s.get(profile, float("-inf")) + every_s:
            return
        self._pulled_s[profile] = self.now

        def then(response: Message | None, now: float) -> None:
            if isinstance(response, v21.PullDynamicScheduleUpdateResponse) and response.status == "Accepted":
                update = given(response.scheduleUpdate, None)
                if update is not None:
                    self.profiles.update(profile, update, self.running, self.unix_s)

        self.call("PullDynamicScheduleUpdate", request, then)

    def _keep_running(self, id: int, tracker: Tracker) -> None:
        running = tracker.running
        if running is None and tracker.waits:
            return  # that of the process before this one is ended first
        if running is not self._kept_running[id]:
            self._kept_running[id] = running
            self.store.put(TRANSACTION, str(id), None if running is None else encode(running))


Handler = Callable[[ChargingStation, Any], Message]
"""Answers one call of the back end."""
