"""Contracts for cars through the back end (OCPP block M, Get15118EVCertificate): the car's request goes out as it came,
and the answer of the provisioning service comes back as the car gets it.
"""

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from typing import TYPE_CHECKING, Literal

from v2g.iso15118.contract import Unprovisioned
from v2g.ocpp import v21
from v2g.ocpp.base import Message

if TYPE_CHECKING:
    from v2g.station.back_end.charging_station import ChargingStation

MOST_KEPT = 16
"""Requests whose answer is remembered; a car asks again for as long as it waits."""
SCHEMAS = {
    "iso2": "urn:iso:15118:2:2013:MsgDef",
    "iso20-common": "urn:iso:std:iso:15118:-20:CommonMessages",
}
"""Message set -> how OCPP names it."""


class BackEndProvisioning:
    """`v2g.iso15118.contract.Provisioning` over the station's connection to its back end."""

    def __init__(self) -> None:
        self.station: ChargingStation | None = None
        """Who speaks to the back end; None while the process starts."""
        self._asked: dict[bytes, bytes | Unprovisioned | None] = {}
        """By request: the answer, why there is none, or None while it is under way."""

    def fetch(self, request: bytes, action: Literal["Install", "Update"], message_set: str) -> bytes | None:
        """The answer to a car's request; None while the back end is asked. Raises `Unprovisioned`."""
        if request not in self._asked:
            self._ask(request, action, message_set)
        answer = self._asked[request]
        if isinstance(answer, Unprovisioned):
            raise answer.with_traceback(None)
        return answer

    def _ask(self, request: bytes, action: Literal["Install", "Update"], message_set: str) -> None:
        station = self.station
        if station is None or not station.online:
            raise Unprovisioned("the back end is not connected, and only it can bring a contract")
        while len(self._asked) >= MOST_KEPT:
            del self._asked[next(iter(self._asked))]
        self._asked[request] = None

        def answered(response: Message | None, now: float) -> None:
            self._asked[request] = _read(response)

        asked = v21.Get15118EVCertificateRequest(
            iso15118SchemaVersion=SCHEMAS[message_set], action=action, exiRequest=b64encode(request).decode()
        )
        station.call("Get15118EVCertificate", asked, answered, urgent=True)


def _read(response: Message | None) -> bytes | Unprovisioned:
    if not isinstance(response, v21.Get15118EVCertificateResponse):
        return Unprovisioned("the back end did not answer Get15118EVCertificate")
    if response.status != "Accepted":
        return Unprovisioned("the back end has no contract for this car")
    try:
        return b64decode(response.exiResponse, validate=True)
    except BadBase64:
        return Unprovisioned("the back end's answer is not base64")
