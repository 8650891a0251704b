"""Customer information (N09, N10): what the station has of a token, reported or forgotten."""

from v2g.ocpp import v21
from v2g.ocpp.base import Message, encode, given
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end.authorization import Authorization
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation

CHARACTERS = 512
"""Of a part of the report."""


class Customer(Block):
    """Only the cache of tokens has something about customers; the local list is the back end's own."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self.handlers = {"CustomerInformation": self._information}

    def _information(self, station: ChargingStation, asked: v21.CustomerInformationRequest) -> Message:
        token = given(asked.idToken, None)
        others = [given(asked.customerIdentifier, None), given(asked.customerCertificate, None)]
        named = [each for each in (token, *others) if each is not None]
        if len(named) != 1 or not (asked.report or asked.clear):
            info = v21.StatusInfoType(reasonCode="InvalidValue", additionalInfo="name one customer, and what to do")
            return v21.CustomerInformationResponse(status="Invalid", statusInfo=info)
        tokens = station.block(Authorization).tokens
        held = None if token is None else tokens.cached(token)
        text = "" if held is None else encode(held).decode()
        if asked.clear and token is not None:
            tokens.forget(token)
        parts = [text[at : at + CHARACTERS] for at in range(0, len(text), CHARACTERS)] or [""]
        for number, part in enumerate(parts if asked.report or asked.clear else []):
            station.call(
                "NotifyCustomerInformation",
                v21.NotifyCustomerInformationRequest(
                    requestId=asked.requestId,
                    seqNo=number,
                    generatedAt=timestamp(station.unix_s),
                    data=part if asked.report else "",
                    tbc=number + 1 < len(parts) and asked.report,
                ),
            )
            if not asked.report:
                break
        return v21.CustomerInformationResponse(status="Accepted")
