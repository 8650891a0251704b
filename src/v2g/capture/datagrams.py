"""What comes without a connection, as records: SECC discovery, and the management messages of the power line."""

from ipaddress import IPv6Address
from typing import Any

from v2g.capture.packet import Datagram, Endpoint, Management
from v2g.capture.record import Record
from v2g.v2gtp import sdp
from v2g.v2gtp.framing import PayloadType

_VENDORS = {"00B052": "Qualcomm", "0016E8": "Lumissil", "644D70": "dSPACE"}
_FIRST_OF_VENDORS, _LAST_OF_VENDORS = 0x8000, 0xBFFF
"""Types of management messages that belong to manufacturers and vendors (HomePlug AV 11.1.4)."""


def discovery(datagram: Datagram) -> Record:
    """A datagram of SECC discovery."""
    payload_type = int.from_bytes(datagram.data[2:4])
    source, destination = str(datagram.source), str(datagram.destination)
    record = Record(datagram.packet, datagram.time, source, destination, payload_type, "sdp")
    try:
        if payload_type == PayloadType.SDP_REQUEST:
            request = sdp.SdpRequest.unpack(datagram.data)
            record.message, content = "SECCDiscoveryReq", {}
            security, transport = request
        elif payload_type == PayloadType.SDP_RESPONSE:
            address, port, security, transport = sdp.SdpResponse.unpack(datagram.data)
            record.message, content = "SECCDiscoveryRes", {"SECCIPAddress": str(address), "SECCPort": port}
        else:
            record.find("payload type", f"payload type 0x{payload_type:04X} is not known in discovery")
            return record
    except sdp.SdpError as error:
        record.find("sdp", str(error))
        return record
    content |= {"Security": security.name, "TransportProtocol": transport.name}
    record.document = {record.message: content}
    return record


def announced(record: Record) -> Endpoint | None:
    """Where the station that sent this answer to a discovery listens."""
    if record.message != "SECCDiscoveryRes":
        return None
    return Endpoint(IPv6Address(record.content["SECCIPAddress"]).packed, record.content["SECCPort"])


def management(frame: Management) -> Record:
    """A HomePlug management message."""
    from v2g.slac.mme import CM_ATTEN_CHAR_IND, Frame, MmeError

    source, destination = frame.source.hex(":"), frame.destination.hex(":")
    record = Record(frame.packet, frame.time, source, destination, None, "slac")
    try:
        read = Frame.unpack(frame.frame)
    except MmeError as error:
        record.find("mme", str(error))
        return record
    message = read.message
    if isinstance(message, CM_ATTEN_CHAR_IND) and message.private:
        record.message = f"private MME 0x{read.mmtype:04X}"
        record.document = {record.message: {"octets": frame.data.hex().upper()}}
    elif message is not None:
        record.message = message.name
        record.document = {record.message: {name: _plain(message, name) for name, _, _ in message.LAYOUT}}
    else:
        content = {"octets": read.trailer.hex().upper()}
        if _FIRST_OF_VENDORS <= read.mmtype <= _LAST_OF_VENDORS:
            oui = content["octets"][:6]
            content = {"oui": oui, "vendor": _VENDORS.get(oui, "unknown")} | content
        record.message = f"{'vendor ' if 'oui' in content else ''}MME 0x{read.mmtype:04X}"
        record.document = {record.message: content}
    return record


def _plain(message: Any, name: str) -> Any:
    value = getattr(message, name)
    if not isinstance(value, bytes):
        return value
    return list(value) if name == "attenuations_db" else value.hex().upper()
