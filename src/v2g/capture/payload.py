"""What a V2GTP payload says: EXI by the payload type, and by the protocol that the handshake has chosen."""

from collections.abc import Iterable
from typing import Any

from v2g.capture.record import Record
from v2g.exi import ExiError
from v2g.messages import decode, encode
from v2g.messages.document import to_document
from v2g.v2gtp.framing import PayloadType

PROTOCOLS = {
    PayloadType.MAIN: "iso20-common",
    PayloadType.AC: "iso20-ac",
    PayloadType.DC: "iso20-dc",
    PayloadType.ACDP: "iso20-acdp",
    PayloadType.WPT: "iso20-wpt",
    PayloadType.AC_DER_IEC: "iso20-ac-der-iec",
    PayloadType.AC_DER_SAE: "iso20-ac-der-sae",
    PayloadType.SCHEDULE_RENEGOTIATION: "iso20-common",
    PayloadType.METERING_CONFIRMATION: "iso20-common",
    PayloadType.ACDP_SYSTEM_STATUS: "iso20-acdp",
    PayloadType.PARKING_STATUS: "iso20-common",
}
"""The message sets of ISO 15118-20 by payload type."""

NAMESPACES = {"urn:iso:15118:2:2013:MsgDef": "iso2", "urn:din:70121:2012:MsgDef": "din"}
"""What the payload type 0x8001 carries after the handshake has chosen this namespace."""


class PayloadDecoder:
    """Decodes the payloads of one connection, minding the handshake."""

    def __init__(self) -> None:
        self._offered: dict[int, str] = {}
        self.chosen: str | None = None
        """The protocol of payload type 0x8001 after the handshake."""

    def decode(self, record: Record, payload: bytes) -> None:
        """Fill in the record's message, or a finding why there is none."""
        payload_type = record.payload_type
        if payload_type == PayloadType.EXI:
            record.protocol = self._protocol(payload)
        elif payload_type in PROTOCOLS:
            record.protocol = PROTOCOLS[PayloadType(payload_type)]
        else:
            text = f"payload type 0x{payload_type or 0:04X} is not known; {len(payload)} bytes are passed over"
            record.find("payload type", text)
            return
        decode_into(record, payload)
        if record.protocol == "sap":
            self._negotiate(record)

    def _protocol(self, payload: bytes) -> str:
        if self.chosen is None and not self._offered:
            self.chosen = guess(payload, ("sap", "iso2", "din"))
            if self.chosen == "sap":
                self.chosen = None
        return self.chosen or "sap"

    def _negotiate(self, record: Record) -> None:
        if record.message == "supportedAppProtocolReq":
            self._offered = {entry["SchemaID"]: entry["ProtocolNamespace"] for entry in record.content["AppProtocol"]}
        elif record.message == "supportedAppProtocolRes":
            schema = record.content.get("SchemaID")
            if schema is None and len(self._offered) == 1:
                (schema,) = self._offered
            self.chosen = NAMESPACES.get(self._offered.get(schema or 0, ""))
            self._offered = {}


def guess(payload: bytes, protocols: Iterable[str]) -> str | None:
    """The first of the protocols by which the payload can be decoded and is encoded the same again."""
    for protocol in protocols:
        try:
            if encode(protocol, decode(protocol, payload)).rstrip(b"\0") == payload.rstrip(b"\0"):
                return protocol
        except ExiError:
            pass
    return None


def decode_into(record: Record, payload: bytes) -> None:
    """Decode a payload by the record's protocol."""
    try:
        try:
            value = decode(record.protocol, payload, strict=True)
        except ExiError as error:
            value = decode(record.protocol, payload)
            record.find("deviation", f"the EXI deviates from the schema and is decoded all the same: {error}")
    except ExiError as error:
        record.find("exi", f"no {record.protocol} message: {error}; EXI {payload.hex().upper()}")
        return
    record.value, record.document, record.payload = value, to_document(value), payload
    record.message = message_name(record.document)


def message_name(document: dict[str, Any]) -> str:
    """The name of the message in a document: in -2 and DIN that of the element in the body."""
    ((root, content),) = document.items()
    body = content.get("Body")
    return next(iter(body), root) if body is not None else root
