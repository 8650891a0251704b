"""The CSMS of a site: all its stations, what they report, and how they are steered. No sockets, no clock.

Two clocks are arguments: `now` is Unix time that does not jump, for the controller and for time limits; `unix_s` is the
wall clock, which stations are set by. What a station reports in a transaction is answered once the ledger has it on the
disk: a controller that is killed loses nothing that a station believes to be delivered.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from math import inf
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from v2g.csms.evse import PROMPT_S, READY, ManagedEvse, Transaction
from v2g.csms.meter import latest
from v2g.csms.state_rows import STATION, TRANSACTION, StateRows
from v2g.csms.station import MOST_ENDED, ManagedStation
from v2g.csms.vehicles import Fleet
from v2g.depot.configuration import Configuration
from v2g.depot.ledger import Entry, Ledger
from v2g.depot.needs import UtcOffset, utc
from v2g.depot.view import Charger, Needs
from v2g.kernel.distribution import Distribution
from v2g.kernel.errors import V2GError
from v2g.kernel.within import NEVER, Within
from v2g.ocpp import v21
from v2g.ocpp.base import Message, encode, given
from v2g.ocpp.rpc import Answered, Discarded, Failed, Requested, Rpc
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.version import version

HEARTBEAT_S = 300
LOOK_AGAIN_S = 30.0
"""Within this time each charger is looked at again, also if nothing is heard of it."""
MOST_LINES, LINES_S = 20, 60.0
"""Lines of the log that one station may cause in this time."""
LISTED = 200
"""Lines for a person that wait at most."""
STOPS: tuple[v21.TriggerReasonEnumType, ...] = ("StopAuthorized", "Deauthorized")
"""An event for such a reason names who ends a transaction, not which vehicle it is."""
_NONE: Mapping[str, str] = {}
_FREE: Mapping[str, Within] = {}
_ACCEPTS = ("NotifyEVChargingNeeds", "NotifyEVChargingSchedule")


class RefusedError(V2GError):
    """An operator has asked for something that cannot be done; says why."""


@dataclass(frozen=True, slots=True)
class _Withheld:
    """An answer that waits for the ledger."""

    number: int
    station: ManagedStation
    rpc: Rpc
    id: str
    response: Message


class Gateway:
    """All stations of a site."""

    def __init__(
        self, configuration: Configuration, ledger: Ledger, *, utc_offset_s: UtcOffset = utc, relayed: bool = False
    ) -> None:
        """`utc_offset_s`: of local time, in which departures are configured. `relayed`: the stations have a CSMS
        beside this one (`v2g.csms.relay`)."""
        self.fleet, self.ledger, self.utc_offset_s = Fleet(configuration), ledger, utc_offset_s
        self.lines: deque[str] = deque(maxlen=LISTED)
        """What a person should know; whoever writes the log takes it."""
        self.latencies = Distribution()
        """From each call to a station to its answer."""
        self.urgent = False
        """Whether something has happened that the controller should look at now; reset by whoever does."""
        self.stations = {
            place.id: ManagedStation(
                place,
                configuration,
                self.fleet,
                self.lines.append,
                self._took,
                ledger,
                relayed=relayed,
                latencies=self.latencies,
            )
            for place in configuration.stations
        }
        self.evses = {evse.id: evse for station in self.stations.values() for evse in station.evses.values()}
        self.expelled: list[str] = []
        """Stations whose connections have to be closed; taken by whoever does."""
        self._certificates = configuration.connect.security_profile == 3
        self._withheld: deque[_Withheld] = deque()
        self._promised: deque[tuple[int, set[str]]] = deque()
        """Stations with set-points that wait until the ledger has a row."""
        self._chargers: dict[str, Charger] = {}
        self.unacknowledged = set[str]()
        """Chargers whose stations have not accepted yet what was decided."""
        self.acknowledged = 0, 0.0
        """The latest set-points that all have accepted: how many, and how long it took from the decision."""
        self._round = 0, -inf
        self._moved = set[str]()
        """Stations of which something has been heard since the controller looked."""
        self._looked_s, self._to_look, self._in_turn = -inf, 0.0, cycle(self.stations)
        """Stations are looked at in turn, also if nothing is heard of them; how many of them are due."""
        self._state = StateRows(ledger)
        self._state.recall(self.stations, self.evses, self.lines.append)

    # The link

    def connected(self, station: str, subprotocol: str, now: float) -> None:
        """A station has a new connection. Raises `KeyError` for one that is not configured."""
        managed = self.stations[station]
        self._moved.add(station)
        if managed.online:  # the link before may be half-open, or another station's
            for evse in managed.evses.values():
                evse.displaced(self.ledger, now)
            self.line(station, f"{station} connects while it is connected; if that repeats, two stations use this "
                      "identity: give each its own", now)  # fmt: skip
        managed.connected(version(subprotocol), now)
        managed.kept = replace(managed.kept, subprotocol=subprotocol)
        self.line(station, f"{station} is connected ({subprotocol})", now)
        self._keep_station(managed)
        self.urgent = True

    def disconnected(self, station: str) -> None:
        """It is gone. What is not answered counts as not sent."""
        managed = self.stations[station]
        self._moved.add(station)
        managed.disconnected()
        self.line(station, f"{station} is gone", managed.heard_s)
        self.unacknowledged.difference_update(each.id for each in managed.evses.values())
        self.urgent = True

    def receive(self, station: str, frame: str | bytes, now: float, unix_s: float) -> None:
        """A frame of a station."""
        managed = self.stations[station]
        rpc = managed.rpc
        if rpc is None:
            return
        managed.heard_s = now
        self._moved.add(station)
        match rpc.receive(frame):
            case Requested(id, action, request):
                self._requested(managed, rpc, id, action, request, now, unix_s)
            case Answered() as answered:
                known = managed.kept
                managed.answered(answered, now)
                if managed.kept is not known:
                    self._keep_station(managed)
                    self.urgent = True
            case Failed() as failed:
                managed.failed(failed, now)
            case Discarded(reason):
                self._line(managed, f"{station}: {reason}", now)
        managed.speak(now, unix_s)
        self.ledger.commit()

    def step(self, now: float, unix_s: float) -> None:
        """Time has passed, or the ledger has written: answer what may be answered, send what is due."""
        self.committed()
        for managed in self.stations.values():
            managed.speak(now, unix_s)
        self.ledger.commit()

    def speak(self, station: str, now: float, unix_s: float) -> None:
        """Send one station what is due. At a whole site's return `step` for each would be a step for all of them."""
        self.stations[station].speak(now, unix_s)
        self.ledger.commit()

    def committed(self) -> list[str]:
        """The ledger has written: answer what may be answered. Returns the stations that get an answer, or whose
        set-points have waited for it: speak to them."""
        answered = list[str]()
        while self._promised and self._promised[0][0] <= self.ledger.committed:
            answered += self._promised.popleft()[1]
        while self._withheld and self._withheld[0].number <= self.ledger.committed:
            each = self._withheld.popleft()
            if each.station.rpc is each.rpc:
                each.rpc.answer(each.id, each.response)
                answered.append(each.station.id)
        return answered

    def frames(self) -> Iterator[tuple[str, list[str]]]:
        """What has to be sent, by station; taken."""
        for id in self.stations:
            if found := self.taken(id):
                yield id, found

    def taken(self, station: str) -> list[str]:
        """What has to be sent to one station; taken."""
        rpc = self.stations[station].rpc
        if rpc is None or not rpc.outgoing:
            return []
        found, rpc.outgoing = rpc.outgoing, []
        return found

    # What the controller sees and wants

    def chargers(self, now: float) -> Mapping[str, Charger]:
        """All chargers; one that is as before is the same object as before. Only what has moved is looked at again."""
        passed, self._looked_s = (now - self._looked_s) / LOOK_AGAIN_S, now
        self._to_look += min(passed, 1.0) * len(self.stations)
        self._moved.update(islice(self._in_turn, int(self._to_look)))
        self._to_look %= 1.0
        for id in self.stations if len(self._moved) == len(self.stations) else self._moved:
            for charger in self.stations[id].chargers(now, self.utc_offset_s):
                self._chargers[charger.id] = charger
        self._moved.clear()
        return self._chargers

    def steer(
        self, powers_w: Mapping[str, float], now: float, unix_s: float, bindings: Mapping[str, str] = _NONE
    ) -> None:
        """As `want`, and send it."""
        self.want(powers_w, now, bindings)
        self.step(now, unix_s)

    def want(
        self,
        powers_w: Mapping[str, float],
        now: float,
        bindings: Mapping[str, str] = _NONE,
        within: Mapping[str, Within] = _FREE,
    ) -> None:
        """The power of each charger, positive charges the vehicle. What is not named keeps its set-point until that
        lapses. `bindings`: what binds it, if its station should know. `within`: the times in which cars must have
        followed, or their stations open the contactor. Sent when its station is spoken to."""
        number, waiting = 0, set[str]()
        for id, power_w in powers_w.items():
            evse = self.evses[id]
            steered, wanted_w = evse.steered, float(round(power_w)) + 0.0  # no -0
            changed, steered.wanted_w = steered.wanted_w != wanted_w, wanted_w
            steered.binding = bindings.get(id, "")
            steered.hurry(within.get(id, NEVER))
            if evse.transaction is not None and evse.transaction.begun and wanted_w != steered.accepted_w:
                station = evse.station
                self._moved.add(station)  # until it has accepted it, something else may flow
                if promised := evse.promise(wanted_w, self.ledger, now):
                    number = promised
                    waiting.add(station)
                if changed:
                    steered.decided_s = now
                    count, since_s = self._round if self.unacknowledged else (0, now)
                    self._round = count + 1, since_s
                    self.unacknowledged.add(id)
        if number > self.ledger.committed:
            self._promised.append((number, waiting))

    def _took(self, evse: ManagedEvse, now: float) -> None:
        """What is wanted of an EVSE has been accepted."""
        if evse.id in self.unacknowledged:
            self.unacknowledged.discard(evse.id)
            if not self.unacknowledged:
                self.acknowledged = self._round[0], now - self._round[1]

    def vehicle_of(self, evse: ManagedEvse) -> str:
        """The vehicle there, as a person knows it; empty without one."""
        token = None if evse.transaction is None else evse.transaction.token
        return "" if token is None else self.fleet.name(token)

    def visit(self, charger: str) -> str | None:
        """The transaction there; None if no vehicle is there."""
        evse = self.evses.get(charger)
        return None if evse is None or evse.transaction is None else evse.transaction.id

    def stated(self, charger: str, now: float) -> list[Needs]:
        """What each source has stated of the vehicle there."""
        evse = self.evses.get(charger)
        return [] if evse is None else evse.stated(self.fleet, now, self.utc_offset_s)

    # What an operator or a driver may do

    def pause(self, charger: str, paused: bool) -> None:
        """Let no energy flow, or let it flow again. Raises `RefusedError`."""
        evse, transaction = self._running(charger)
        self._follow(evse, replace(transaction, paused=paused))

    def need(self, charger: str, needs: Needs | None) -> None:
        """What the driver needs. Raises `RefusedError`."""
        evse, transaction = self._running(charger)
        self._follow(evse, replace(transaction, driver=needs))

    def stop(self, charger: str) -> None:
        """End the transaction. Raises `RefusedError`."""
        evse, transaction = self._running(charger)
        managed = self.stations[charger.rpartition("/")[0]]
        if not managed.online:
            raise RefusedError(f"{charger}: its station is not connected; try again")
        managed.stop(transaction.id)
        evse.steered.wanted_w = 0.0

    def _running(self, charger: str) -> tuple[ManagedEvse, Transaction]:
        evse = self.evses.get(charger)
        if evse is None:
            raise RefusedError(f"there is no charger {charger}; the chargers are {', '.join(list(self.evses)[:10])}")
        if evse.transaction is None:
            raise RefusedError(f"{charger}: no vehicle is charging here")
        self._moved.add(charger.rpartition("/")[0])
        return evse, evse.transaction

    # What stations report

    def _requested(
        self, managed: ManagedStation, rpc: Rpc, id: str, action: str, request: Message, now: float, unix_s: float
    ) -> None:
        match request:
            case v21.BootNotificationRequest():
                self._booted(managed, request, now)
                managed.shows_clock(unix_s, now)
                response: Message | None = v21.BootNotificationResponse(
                    currentTime=timestamp(unix_s), interval=HEARTBEAT_S, status="Accepted"
                )
            case v21.HeartbeatRequest():
                managed.shows_clock(unix_s, now)
                response = v21.HeartbeatResponse(currentTime=timestamp(unix_s))
            case v21.AuthorizeRequest():
                response = self.fleet.authorized(request.idToken)
            case v21.TransactionEventRequest():
                self._transaction(managed, rpc, id, request, now, unix_s)
                return
            case v21.NotifyEVChargingNeedsRequest():
                self._needs(managed, request, now)
                response = v21.NotifyEVChargingNeedsResponse(status="Accepted")
            case v21.StatusNotificationRequest():
                self._status(managed, request.evseId, request.connectorStatus)
                response = v21.StatusNotificationResponse()
            case v21.NotifyEventRequest():
                self._events(managed, request)
                response = v21.NotifyEventResponse()
            case v21.MeterValuesRequest():
                self._metered(managed.evses.get(request.evseId), request.meterValue, now, unix_s)
                response = v21.MeterValuesResponse()
            case v21.ReportChargingProfilesRequest():
                before = managed.kept
                if line := managed.reported(request):
                    self._line(managed, line, now)
                if managed.kept is not before:
                    self._keep_station(managed)
                response = v21.ReportChargingProfilesResponse()
            case _:
                if isinstance(request, v21.SecurityEventNotificationRequest):
                    self._line(managed, f"{managed.id}: {request.type} {given(request.techInfo, '')}".rstrip(), now)
                response = _usual(action)
        if response is None:
            rpc.refuse(id, "NotSupported", f"this depot has no {action}")
        else:
            rpc.answer(id, response)

    def line(self, station: str, text: str, now: float) -> None:
        """A line for a person, of what a station has caused."""
        self._line(self.stations[station], text, now)

    def _line(self, managed: ManagedStation, text: str, now: float) -> None:
        """A line of what a station has sent. One that floods the depot must not fill the disk with the log."""
        if now - managed.lines_since_s >= LINES_S:
            if managed.lines > MOST_LINES:
                self.lines.append(f"{managed.id}: {managed.lines - MOST_LINES} more lines are left out")
            managed.lines, managed.lines_since_s = 0, now
        managed.lines += 1
        if managed.lines <= MOST_LINES:
            self.lines.append(text)

    def _booted(self, managed: ManagedStation, request: v21.BootNotificationRequest, now: float) -> None:
        card = request.chargingStation
        managed.kept = replace(
            managed.kept,
            vendor=card.vendorName,
            model=card.model,
            serial=given(card.serialNumber, ""),
            firmware=given(card.firmwareVersion, ""),
        )
        self._line(managed, f"{managed.id} booted ({request.reason}): {card.vendorName} {card.model}", now)
        self._keep_station(managed)
        expected = managed.place.serial
        if self._certificates and expected and managed.kept.serial != expected:  # B01.FR.11 and 12
            self.lines.append(f"{managed.id} states the serial number {managed.kept.serial or '-'}, its certificate "
                              f"{expected}; its connection is closed")  # fmt: skip
            self.expelled.append(managed.id)

    def _status(self, managed: ManagedStation, evse: int, status: v21.ConnectorStatusEnumType) -> None:
        found = managed.evses.get(evse)
        if found is not None and found.status != status:
            found.status, self.urgent = status, True
            managed.kept = replace(managed.kept, status={**managed.kept.status, evse: status})
            self._keep_station(managed)

    def _events(self, managed: ManagedStation, request: v21.NotifyEventRequest) -> None:
        """AvailabilityState of connectors, which 2.1 reports in this way."""
        for each in request.eventData:
            place = each.component.evse
            if each.variable.name.lower() == "availabilitystate" and isinstance(place, v21.EVSEType):
                try:
                    status = msgspec.convert(each.actualValue, v21.ConnectorStatusEnumType)
                except msgspec.ValidationError:
                    continue
                self._status(managed, place.id, status)

    def _needs(self, managed: ManagedStation, request: v21.NotifyEVChargingNeedsRequest, now: float) -> None:
        evse = managed.evses.get(request.evseId)
        if evse is None or evse.transaction is None:
            self._line(managed, f"{managed.id}/{request.evseId}: needs without a transaction are left out", now)
            return
        needs = request.chargingNeeds
        dc = needs.dcChargingParameters
        if isinstance(dc, v21.DCChargingParametersType) and not isinstance(dc.stateOfCharge, msgspec.UnsetType):
            evse.soc_pu, evse.soc_s = dc.stateOfCharge / 100, now
        self._follow(evse, replace(evse.transaction, needs=needs, needs_s=now, needs_soc_pu=evse.soc_pu))

    def _metered(
        self, evse: ManagedEvse | None, meters: tuple[v21.MeterValueType, ...], now: float, unix_s: float
    ) -> None:
        reading = latest(meters)
        if evse is None or reading is None:
            return
        transaction = evse.transaction
        if transaction is not None and now - (unix_s - reading.at_s) < transaction.since_s - PROMPT_S:
            reading = replace(reading, soc_pu=None)  # of the vehicle before
        evse.measured(reading, now, unix_s)

    def _transaction(
        self,
        managed: ManagedStation,
        rpc: Rpc,
        id: str,
        request: v21.TransactionEventRequest,
        now: float,
        unix_s: float,
    ) -> None:
        transaction = request.transactionInfo.transactionId
        evse = self._place(managed, request)
        if not given(request.offline, False):
            managed.shows_clock(request.timestamp.timestamp(), now)
        number = self._enter(managed, evse, request)
        response = v21.TransactionEventResponse()
        if isinstance(request.idToken, v21.IdTokenType):
            response = v21.TransactionEventResponse(idTokenInfo=self.fleet.info(request.idToken))
        if evse is not None and transaction not in managed.kept.ended:
            running = self._running_after(managed, evse, request, now)
            # The end holds whatever its number: otherwise a vehicle that has left would be steered for ever.
            if running is not None and (request.seqNo > running.seq or request.eventType == "Ended"):
                self._proceed(managed, evse, running, request, now, unix_s)
        self.ledger.commit()
        if number <= self.ledger.committed:  # in memory it is there at once
            rpc.answer(id, response)
        else:
            self._withheld.append(_Withheld(number, managed, rpc, id, response))

    def _running_after(
        self, managed: ManagedStation, evse: ManagedEvse, request: v21.TransactionEventRequest, now: float
    ) -> Transaction | None:
        """The transaction that an event is about, if it runs; what is history changes nothing that runs now."""
        transaction, running = request.transactionInfo.transactionId, evse.transaction
        if running is not None and running.id == transaction:
            return running
        if request.eventType == "Ended":
            self._keep_ended(managed, transaction)
            return None
        if running is not None:
            if given(request.offline, False):
                return None
            before = evse.steered  # it has not ended: this may be another station of the same identity
            evse.displaced(self.ledger, now)
            self._over(managed, evse, running.id)
            evse.steered.holds(before)
        else:
            evse.began()
        self.urgent = True
        return Transaction(transaction, now, -1)

    def _proceed(
        self,
        managed: ManagedStation,
        evse: ManagedEvse,
        running: Transaction,
        request: v21.TransactionEventRequest,
        now: float,
        unix_s: float,
    ) -> None:
        """An event that is newer than those before it."""
        evse.shows(running.id, self.ledger)
        if not isinstance(request.meterValue, msgspec.UnsetType):
            reading = latest(request.meterValue)
            if reading is not None:
                evse.measured(reading, now, unix_s)
        if request.eventType == "Ended":
            self._over(managed, evse, running.id)
            return
        state = given(request.transactionInfo.chargingState, running.state)
        token = running.token
        if isinstance(request.idToken, v21.IdTokenType) and request.triggerReason not in STOPS:
            token = request.idToken
        changed = replace(running, seq=request.seqNo, state=state, token=token, begun=running.begun or state in READY)
        if state != running.state:
            self.urgent = True
        self._follow(evse, changed)

    def _place(self, managed: ManagedStation, request: v21.TransactionEventRequest) -> ManagedEvse | None:
        """The EVSE of a transaction: only its first event names it."""
        if isinstance(request.evse, v21.EVSEType):
            return managed.evses.get(request.evse.id)
        id = request.transactionInfo.transactionId
        for evse in managed.evses.values():
            if evse.transaction is not None and evse.transaction.id == id:
                return evse
        return next(iter(managed.evses.values())) if len(managed.evses) == 1 else None

    def _enter(self, managed: ManagedStation, evse: ManagedEvse | None, request: v21.TransactionEventRequest) -> int:
        reading = None if isinstance(request.meterValue, msgspec.UnsetType) else latest(request.meterValue)
        token = request.idToken if isinstance(request.idToken, v21.IdTokenType) else None
        vehicle = "" if evse is None else self.vehicle_of(evse)
        if token is not None:
            vehicle = self.fleet.name(token)
        return self.ledger.enter(
            Entry(
                station=managed.id,
                transaction=request.transactionInfo.transactionId,
                seq=request.seqNo,
                kind=request.eventType,
                evse=0 if evse is None else evse.place.id,
                vehicle=vehicle,
                at_s=request.timestamp.timestamp(),
                import_wh=None if reading is None else reading.import_wh,
                export_wh=None if reading is None else reading.export_wh,
                document=encode(replace(request, offline=UNSET)),  # a retry may state that it is late
            )
        )

    def _over(self, managed: ManagedStation, evse: ManagedEvse, transaction: str) -> None:
        evse.over(self.ledger)
        self.urgent = True
        self.unacknowledged.discard(evse.id)
        self._state.put(TRANSACTION, evse.id, None)
        self._keep_ended(managed, transaction)

    # What survives a restart

    def _follow(self, evse: ManagedEvse, transaction: Transaction) -> None:
        before, evse.transaction = evse.transaction, transaction
        self._state.put(TRANSACTION, evse.id, encode(evse.followed))
        if before is None or (before.needs, before.driver, before.paused) != (
            transaction.needs, transaction.driver, transaction.paused
        ):  # fmt: skip
            self.urgent = True

    def _keep_ended(self, managed: ManagedStation, transaction: str) -> None:
        managed.kept = replace(managed.kept, ended=(*managed.kept.ended, transaction)[-MOST_ENDED:])
        self._keep_station(managed)

    def _keep_station(self, managed: ManagedStation) -> None:
        self._state.put(STATION, managed.id, encode(managed.kept))


def _usual(action: str) -> Message | None:
    """The response to what a depot only takes note of; None for what it has no answer to."""
    kind: type[Message] = v21.CALLS[action][1]
    make: Callable[..., Any] = kind
    if action in _ACCEPTS:
        return make(status="Accepted")  # type: ignore[no-any-return]
    if action == "DataTransfer":
        return v21.DataTransferResponse(status="UnknownVendorId")
    try:
        return make()  # type: ignore[no-any-return]
    except TypeError:  # it has required fields
        return None
