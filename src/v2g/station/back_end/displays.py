"""Block O: messages on the station's display. The station has the texts; who shows them reads `shown`."""

from v2g.ocpp import v21
from v2g.ocpp.base import Message, decoder, encode, given
from v2g.ocpp.device_model import Variable
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation

KIND = "display message"
MOST = 50
FORMATS = ("ASCII", "UTF8", "URI")
PRIORITIES = ("AlwaysFront", "InFront", "NormalCycle")
STATES = ("Charging", "Faulted", "Idle", "Unavailable", "Suspended", "Discharging")


class Displays(Block):
    """The messages of the back end. They survive a restart, those of a transaction end with it."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self._messages: dict[int, v21.MessageInfoType] = {}
        self.handlers = {
            "SetDisplayMessage": self._set,
            "GetDisplayMessages": self._get,
            "ClearDisplayMessage": self._clear,
        }
        for (kind, key), value in sorted(station.store.found.items()):
            if kind == KIND:
                try:
                    self._messages[int(key)] = decoder(v21.MessageInfoType).decode(value)
                except ValueError:  # of another release of this software
                    station.store.put(KIND, key, None)
        station.model.add(
            (
                Variable("DisplayMessageCtrlr", "Available", "true", "boolean"),
                Variable("DisplayMessageCtrlr", "Enabled", "true", "boolean"),
                Variable("DisplayMessageCtrlr", "SupportedFormats", ",".join(FORMATS), "MemberList"),
                Variable("DisplayMessageCtrlr", "SupportedPriorities", ",".join(PRIORITIES), "MemberList"),
                Variable("DisplayMessageCtrlr", "SupportedStates", ",".join(STATES), "MemberList"),
                Variable("DisplayMessageCtrlr", "DisplayMessages", data_type="integer", high=MOST,
                         read=lambda: str(len(self._messages))),
            )
        )  # fmt: skip

    def step(self) -> None:
        running = {each.id for each in self.station.running.values()}
        for id, message in list(self._messages.items()):
            transaction, end = given(message.transactionId, None), given(message.endDateTime, None)
            over = end is not None and self.station.unix_s >= end.timestamp()
            if over or (transaction is not None and transaction not in running):
                self._put(id, None)

    def shown(self) -> list[v21.MessageInfoType]:
        """What is to be shown now: only AlwaysFront if there is one, then InFront, otherwise all in turn."""
        states = self._states()
        due = [
            each
            for each in self._messages.values()
            if (start := given(each.startDateTime, None)) is None or start.timestamp() <= self.station.unix_s
            if (state := given(each.state, None)) is None or state in states
        ]
        for priority in PRIORITIES:
            found = [each for each in due if each.priority == priority]
            if found:
                return found
        return []

    def _states(self) -> set[str]:
        found = set()
        for id, tracker in self.station.trackers.items():
            evse = self.station.evses[id]
            if tracker.running is not None and evse.decision.power_w < 0:
                found.add("Discharging")
            elif tracker.running is not None:
                found.add("Charging" if evse.decision.power_w else "Suspended")
            else:
                status = self.station.status(id)
                found.add({"Faulted": "Faulted", "Unavailable": "Unavailable"}.get(status, "Idle"))
        return found

    def _put(self, id: int, message: v21.MessageInfoType | None) -> None:
        if message is None:
            self._messages.pop(id, None)
        else:
            self._messages[id] = message
        self.station.store.put(KIND, str(id), None if message is None else encode(message))

    def _set(self, station: ChargingStation, asked: v21.SetDisplayMessageRequest) -> Message:
        message = asked.message
        transaction = given(message.transactionId, None)
        status: v21.DisplayMessageStatusEnumType = "Accepted"
        if message.message.format not in FORMATS:
            status = "NotSupportedMessageFormat"
        elif transaction is not None and transaction not in {each.id for each in station.running.values()}:
            status = "UnknownTransaction"
        elif message.id not in self._messages and len(self._messages) >= MOST:
            status = "Rejected"
        else:
            if message.priority == "AlwaysFront":  # only one of them (O01.FR.10)
                for id, other in list(self._messages.items()):
                    if other.priority == "AlwaysFront":
                        self._put(id, None)
            self._put(message.id, message)
        return v21.SetDisplayMessageResponse(status=status)

    def _get(self, station: ChargingStation, asked: v21.GetDisplayMessagesRequest) -> Message:
        ids, priority, state = given(asked.id, None), given(asked.priority, None), given(asked.state, None)
        found = [
            each
            for id, each in self._messages.items()
            if ids is None or id in ids
            if priority in (None, each.priority)
            if state is None or given(each.state, None) == state
        ]
        for number, each in enumerate(found):
            station.call(
                "NotifyDisplayMessages",
                v21.NotifyDisplayMessagesRequest(
                    requestId=asked.requestId, messageInfo=(each,), tbc=number + 1 < len(found)
                ),
            )
        return v21.GetDisplayMessagesResponse(status="Accepted" if found else "Unknown")

    def _clear(self, station: ChargingStation, asked: v21.ClearDisplayMessageRequest) -> Message:
        found = asked.id in self._messages
        self._put(asked.id, None)
        return v21.ClearDisplayMessageResponse(status="Accepted" if found else "Unknown")
