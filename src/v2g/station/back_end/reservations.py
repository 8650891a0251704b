"""Reservations (block H): one EVSE, or any one, is kept for a token until a time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from v2g.ocpp import v21
from v2g.ocpp.base import decoder, encode, given
from v2g.ocpp.device_model import DeviceModel, Variable
from v2g.ocpp.store import Store

KIND = "reservation"
VARIABLES = (
    Variable("ReservationCtrlr", "Enabled", "true", "boolean", "ReadWrite"),
    Variable("ReservationCtrlr", "Available", "true", "boolean"),
    Variable("ReservationCtrlr", "NonEvseSpecific", "true", "boolean"),
)
Status = v21.ReserveNowStatusEnumType


@dataclass(frozen=True, slots=True)
class Place:
    """An EVSE as a reservation sees it."""

    status: v21.ConnectorStatusEnumType
    connector: str


class Reservations:
    """All reservations of a station. They survive a restart."""

    def __init__(self, store: Store, model: DeviceModel, look: Callable[[], Mapping[int, Place]]) -> None:
        """`look`: the EVSEs now, without what is reserved."""
        self._store, self._model, self._look = store, model, look
        self._held: dict[int, v21.ReserveNowRequest] = {}
        model.add(VARIABLES)
        for (kind, key), value in sorted(store.found.items()):
            if kind == KIND:
                try:
                    self._held[int(key)] = decoder(v21.ReserveNowRequest).decode(value)
                except ValueError:  # of another release of this software
                    store.put(KIND, key, None)

    def reserve(self, asked: v21.ReserveNowRequest, unix_s: float) -> Status:
        """Reserve, or say why not (H01)."""
        if not self._model.flag("ReservationCtrlr", "Enabled") or asked.expiryDateTime.timestamp() <= unix_s:
            return "Rejected"
        places = self._look()
        evse, connector = given(asked.evseId, None), given(asked.connectorType, None)
        if evse is not None and evse not in places:
            return "Rejected"
        fitting = [id for id, place in places.items() if evse in (None, id) and connector in (None, place.connector)]
        if not fitting:
            return "Rejected"
        others = {id: each for id, each in self._held.items() if id != asked.id}
        free = [id for id in fitting if places[id].status == "Available" and not _kept(id, others)]
        unbound = sum(given(each.evseId, None) is None for each in others.values())
        if (evse is not None and free) or len(free) > unbound:
            self._put(asked.id, asked)
            return "Accepted"
        found = {places[id].status for id in fitting if not _kept(id, others)}
        if found and found <= {"Faulted", "Unavailable"}:
            return "Faulted" if found == {"Faulted"} else "Unavailable"
        return "Occupied"

    def cancel(self, id: int) -> bool:
        """Whether there was such a reservation (H02)."""
        found = id in self._held
        self._put(id, None)
        return found

    def for_evse(self, evse: int) -> v21.ReserveNowRequest | None:
        """The reservation that keeps this EVSE free for somebody."""
        kept = _kept(evse, self._held)
        if kept is not None:
            return kept
        places = self._look()
        free = [id for id, place in places.items() if place.status == "Available" and not _kept(id, self._held)]
        unbound = [each for each in self._held.values() if given(each.evseId, None) is None]
        return unbound[0] if evse in free and 0 < len(free) <= len(unbound) else None

    def may_use(self, evse: int, token: v21.IdTokenType, group: v21.IdTokenType | None) -> bool:
        """Whether a token may use this EVSE: nobody has reserved it, or this token or its group has (H03)."""
        held = self.for_evse(evse)
        return held is None or _matches(held, token, group)

    def use(self, evse: int, token: v21.IdTokenType, group: v21.IdTokenType | None) -> int | None:
        """A transaction begins: the reservation that it uses, which is over now."""
        for id, held in list(self._held.items()):
            if given(held.evseId, evse) == evse and _matches(held, token, group):
                self._put(id, None)
                return id
        return None

    def ended(self, unix_s: float) -> Iterator[tuple[int, v21.ReservationUpdateStatusEnumType]]:
        """Reservations that nobody has used in time, or whose EVSE is out of order (H04, H01.FR.17)."""
        places = self._look()
        for id, held in list(self._held.items()):
            evse = given(held.evseId, None)
            if unix_s >= held.expiryDateTime.timestamp():
                self._put(id, None)
                yield id, "Expired"
            elif evse is not None and evse in places and places[evse].status in ("Faulted", "Unavailable"):
                self._put(id, None)
                yield id, "Removed"

    def _put(self, id: int, held: v21.ReserveNowRequest | None) -> None:
        if held is None:
            if self._held.pop(id, None) is None:
                return
        else:
            self._held[id] = held
        self._store.put(KIND, str(id), None if held is None else encode(held))


def _kept(evse: int, held: Mapping[int, v21.ReserveNowRequest]) -> v21.ReserveNowRequest | None:
    return next((each for each in held.values() if given(each.evseId, None) == evse), None)


def _matches(held: v21.ReserveNowRequest, token: v21.IdTokenType, group: v21.IdTokenType | None) -> bool:
    mine = given(held.groupIdToken, None)
    return _same(held.idToken, token) or (mine is not None and group is not None and _same(mine, group))


def _same(one: v21.IdTokenType, other: v21.IdTokenType) -> bool:
    return one.idToken.lower() == other.idToken.lower() and one.type == other.type
