"""Blocks C, D and H: who may charge, by the back end's answer, the local list, the cache, or a reservation."""

from collections.abc import Callable
from dataclasses import replace

from msgspec import UNSET

from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.station.back_end.authorizer import Grant
from v2g.station.back_end.block import Block
from v2g.station.back_end.calls import Then
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.reservations import Place, Reservations
from v2g.station.back_end.tokens import Tokens
from v2g.station.back_end.variables import connector_of

_MODEL = "AuthCtrlr"
MOST_USED = 200
CHARGING: tuple[v21.EnergyTransferModeEnumType, ...] = ("AC_single_phase", "AC_two_phase", "AC_three_phase", "DC")
"""What a car may do that nobody knows: no order may discharge it."""


class Authorization(Block):
    """Answers the questions that the EVSEs have about their cars."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self.tokens = Tokens(station.store, station.model)
        self.reservations = Reservations(station.store, station.model, self._places)
        station.connectors.reserved = lambda evse: self.reservations.for_evse(evse) is not None
        self.handlers = {
            "SendLocalList": self._list,
            "GetLocalListVersion": self._version,
            "ClearCache": self._clear,
            "ReserveNow": self._reserve,
            "CancelReservation": self._cancel,
        }
        self.statuses: Callable[[str], tuple[v21.OCSPRequestDataType, ...]] = lambda emaid: ()
        """What the back end needs to know of the contract with this eMAID (C07)."""
        self._asking: set[int] = set()
        self._used: dict[str, v21.IdTokenType] = {}
        """The tokens of the latest transactions: an answer may come after the end."""

    def step(self) -> None:
        station = self.station
        for id, why in self.reservations.ended(station.unix_s):
            update = v21.ReservationStatusUpdateRequest(reservationId=id, reservationUpdateStatus=why)
            station.call("ReservationStatusUpdate", update)
        for running in (tracker.running for tracker in station.trackers.values()):
            if running is not None:
                self._used[running.id] = running.token
        while len(self._used) > MOST_USED:
            del self._used[next(iter(self._used))]
        for id, authorizer in station.authorizers.items():
            token, authorizer.wanted = authorizer.wanted, None
            if token is not None and authorizer.refused is None and not station.trackers[id].gives_way(token):
                self._decide(id, token)

    def disconnected(self) -> None:
        self._asking.clear()

    def responded(self, request: Message, response: Message) -> None:
        """The back end says in a response what it thinks of the token (C10, E05)."""
        if not isinstance(request, v21.TransactionEventRequest) or not isinstance(
            response, v21.TransactionEventResponse
        ):
            return
        info, station = given(response.idTokenInfo, None), self.station
        token = self._used.get(request.transactionInfo.transactionId)
        if info is None or token is None:
            return
        before = self.tokens.cached(token)
        transfers, tariff = (None, None) if before is None else (before.transfers, before.tariff)
        self.tokens.answered(token, info, station.unix_s, transfers, tariff)
        for tracker in station.trackers.values():
            running = tracker.running
            if running is None or running.id != request.transactionInfo.transactionId:
                continue
            if (why := self.tokens.why_not(info, running.evse)) is not None:
                tracker.stopped = "Deauthorized", "DeAuthorized"
                station.log.append(f"the back end answers: {why}")
                tracker.stop(station.now)

    def remote(self, id: int, grant: Grant) -> None:
        """A remote start whose token has to be authorised first (F02, AuthorizeRemoteStart)."""
        self.station.call("Authorize", v21.AuthorizeRequest(idToken=grant.token), self._then(id, grant), urgent=True)

    # Inside

    def _decide(self, id: int, token: v21.IdTokenType) -> None:
        station, flag = self.station, self.station.model.flag
        known = self.tokens.known(token, station.unix_s)
        grant = Grant(token)
        if known is None or not (
            flag(_MODEL, "LocalPreAuthorize") if station.online else flag(_MODEL, "LocalAuthorizeOffline")
        ):
            if station.online:
                if flag(_MODEL, "DisableRemoteAuthorization"):
                    station.authorizers[id].refuse(token, "this station does not know it, and does not ask")
                else:
                    self._ask(id, grant)
            elif known is None and flag(_MODEL, "OfflineTxForUnknownIdEnabled"):
                self._judge(id, grant, v21.IdTokenInfoType(status="Accepted"), CHARGING)
            return
        why = self.tokens.why_not(known.info, id)
        store = "LocalAuthListCtrlr" if known.listed else "AuthCacheCtrlr"
        if why is None or not station.online or flag(store, "DisablePostAuthorize"):
            self._judge(id, grant, known.info, known.transfers, known.tariff)
        elif flag(_MODEL, "DisableRemoteAuthorization"):
            station.authorizers[id].refuse(token, why)
        else:
            self._ask(id, grant)

    def _ask(self, id: int, grant: Grant) -> None:
        if id in self._asking:
            return
        self._asking.add(id)
        hashes = self.statuses(grant.token.idToken) if grant.token.type == "eMAID" else ()
        request = v21.AuthorizeRequest(idToken=grant.token, iso15118CertificateHashData=hashes or UNSET)
        self.station.call("Authorize", request, self._then(id, grant), urgent=True)

    def _then(self, id: int, grant: Grant) -> Then:
        def then(response: Message | None, now: float) -> None:
            if grant.remote_start is None:
                self._asking.discard(id)
            if not isinstance(response, v21.AuthorizeResponse):
                return  # it is asked again while the car waits
            allowed = given(response.allowedEnergyTransfer, None)
            contract = given(response.certificateStatus, "Accepted")
            if contract != "Accepted":  # both have to be good (C07.FR.13 to 17)
                if self.station.authorizers[id].awaits == grant.token:
                    self.station.authorizers[id].refuse(grant.token, f"the back end answers: {contract}")
                return
            tariff = given(response.tariff, None)
            self.tokens.answered(grant.token, response.idTokenInfo, self.station.unix_s, allowed, tariff)
            # The car that it was asked about may have left, and another one have come; or one that charges already.
            free = grant.remote_start is not None and self.station.trackers[id].running is None
            if free or self.station.authorizers[id].awaits == grant.token:
                self._judge(id, grant, response.idTokenInfo, allowed, tariff)

        return then

    def _judge(
        self,
        id: int,
        grant: Grant,
        info: v21.IdTokenInfoType,
        allowed: tuple[v21.EnergyTransferModeEnumType, ...] | None,
        tariff: v21.TariffType | None = None,
    ) -> None:
        authorizer, group = self.station.authorizers[id], given(info.groupIdToken, None)
        why = self.tokens.why_not(info, id)
        if why is not None:
            why = f"the back end answers: {why}"
        elif not self.reservations.may_use(id, grant.token, group):
            why = f"EVSE {id} is reserved for somebody else"
        else:
            why = self.station.tariff_for(id, grant.token.idToken, tariff)
        if why is not None and grant.remote_start is not None:  # a car that waits here has a token of its own
            self.station.log.append(f"remote start {grant.remote_start}: {why}")
        elif why is not None:
            authorizer.refuse(grant.token, why)
        else:
            used = self.reservations.use(id, grant.token, group)
            self.station.transfers[id] = allowed
            self.station.take(id, replace(grant, reservation=used))

    def _places(self) -> dict[int, Place]:
        return {
            id: Place(self.station.connectors.own_status(id, self.station.now), connector_of(evse.settings))
            for id, evse in self.station.evses.items()
        }

    def _list(self, station: ChargingStation, asked: v21.SendLocalListRequest) -> Message:
        return v21.SendLocalListResponse(status=self.tokens.listed(asked))

    def _version(self, station: ChargingStation, asked: v21.GetLocalListVersionRequest) -> Message:
        return v21.GetLocalListVersionResponse(versionNumber=self.tokens.reported_version)

    def _clear(self, station: ChargingStation, asked: v21.ClearCacheRequest) -> Message:
        return v21.ClearCacheResponse(status="Accepted" if self.tokens.clear() else "Rejected")

    def _reserve(self, station: ChargingStation, asked: v21.ReserveNowRequest) -> Message:
        return v21.ReserveNowResponse(status=self.reservations.reserve(asked, station.unix_s))

    def _cancel(self, station: ChargingStation, asked: v21.CancelReservationRequest) -> Message:
        return v21.CancelReservationResponse(
            status="Accepted" if self.reservations.cancel(asked.reservationId) else "Rejected"
        )
