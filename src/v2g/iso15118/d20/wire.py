"""How messages of ISO 15118-20 travel: message set by payload type, and the session id that stands for none."""

from collections.abc import Mapping

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.table import DC
from v2g.iso15118.session import Session
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import StationView
from v2g.messages.iso20.types import MessageHeader
from v2g.v2gtp.framing import PayloadType

PROTOCOLS: Mapping[int, str] = {
    PayloadType.MAIN: "iso20-common",
    PayloadType.AC: "iso20-ac",
    PayloadType.DC: "iso20-dc",
}
"""Payload type -> message set."""

NO_SESSION = bytes(8)
"""The session id of a request that asks for a new session."""


def header(session: Session | CarSession, at: StationView | VehicleState) -> MessageHeader:
    """The header of a message of either side."""
    return MessageHeader(SessionID=session.session_id, TimeStamp=at.unix_s)


def payload_type(request: str) -> PayloadType:
    """The payload type of a request, and of its response, by the request's name."""
    dc = DC.get(request)
    return PayloadType.MAIN if dc is None else PayloadType.DC if dc else PayloadType.AC
