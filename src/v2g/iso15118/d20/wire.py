"""How messages of ISO 15118-20 travel: message set by payload type, and the session id that stands for none."""

from collections.abc import Mapping

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.table import DC
from v2g.iso15118.service import Service
from v2g.iso15118.session import Session
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import StationView
from v2g.messages.iso20.types import MessageHeader
from v2g.v2gtp.framing import PayloadType

PROTOCOLS: Mapping[int, str] = {
    PayloadType.MAIN: "iso20-common",
    PayloadType.AC: "iso20-ac",
    PayloadType.DC: "iso20-dc",
    PayloadType.AC_DER_IEC: "iso20-ac-der-iec",
    PayloadType.AC_DER_SAE: "iso20-ac-der-sae",
}
"""Payload type -> message set."""

NO_SESSION = bytes(8)
"""The session id of a request that asks for a new session."""


def header(session: Session | CarSession, at: StationView | VehicleState) -> MessageHeader:
    """The header of a message of either side."""
    return MessageHeader(SessionID=session.session_id, TimeStamp=at.unix_s)


_AC = {Service.AC_DER_IEC: PayloadType.AC_DER_IEC, Service.AC_DER_SAE: PayloadType.AC_DER_SAE}


def payload_type(request: str, service: Service) -> PayloadType:
    """The payload type of a request, and of its response, by the request's name and the session's service."""
    dc = DC.get(request)
    if dc is None:
        return PayloadType.MAIN
    return PayloadType.DC if dc else _AC.get(service, PayloadType.AC)
