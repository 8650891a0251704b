"""What a V2GTP payload says: EXI by the payload type, and by the protocol that the handshake has chosen."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from v2g.capture.record import Record
from v2g.exi import ExiError
from v2g.messages import decode
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
ISO20 = "urn:iso:std:iso:15118:-20:"
"""The namespaces of ISO 15118-20, which has payload types of its own, begin so."""


class PayloadDecoder:
    """Decodes the payloads of one connection, minding the handshake."""

    def __init__(self) -> None:
        self._offered: dict[int, str] = {}
        self._foreign = ""  # the namespace that the handshake has chosen, if its schema is not known
        self.chosen: str | None = None
        """The protocol of payload type 0x8001 after the handshake."""

    def decode(self, record: Record, payload: bytes) -> None:
        """Fill in the record's message, or a finding why there is none."""
        payload_type = record.payload_type
        if payload_type == PayloadType.EXI:
            protocol = self._protocol(payload)
            if protocol is None:
                known = " or ".join(NAMESPACES.values())
                record.find(
                    "exi", f"no message of {known}, as {self._foreign} is not known; EXI {payload.hex().upper()}"
                )
                return
            record.protocol = protocol
        elif payload_type in PROTOCOLS:
            record.protocol = PROTOCOLS[PayloadType(payload_type)]
        else:
            text = f"payload type 0x{payload_type or 0:04X} is not known; {len(payload)} bytes are passed over"
            record.find("payload type", text)
            return
        decode_into(record, payload)
        if record.protocol == "sap":
            self._negotiate(record)

    def _protocol(self, payload: bytes) -> str | None:
        """That of payload type 0x8001: what the handshake has chosen, else what fits."""
        if self.chosen or self._offered:
            return self.chosen or "sap"
        fits = fitting(payload, ("sap", *NAMESPACES.values()))
        if not fits:
            return None if self._foreign else "sap"
        if fits[0] != "sap":
            self.chosen = fits[0]
        return fits[0]

    def _negotiate(self, record: Record) -> None:
        if record.message == "supportedAppProtocolReq":
            self._offered = {entry["SchemaID"]: entry["ProtocolNamespace"] for entry in record.content["AppProtocol"]}
        elif record.message == "supportedAppProtocolRes":
            schema = record.content.get("SchemaID")
            if schema is None and len(self._offered) == 1:
                (schema,) = self._offered
            namespace = self._offered.get(schema or 0, "")
            self.chosen = NAMESPACES.get(namespace)
            self._offered = {}
            if namespace and not self.chosen and not namespace.startswith(ISO20):
                self._foreign = namespace
                text = f"the station chooses {namespace}, whose schema is not known; messages are read by what fits"
                record.find("handshake", text)


def fitting(payload: bytes, protocols: Iterable[str]) -> list[str]:
    """Those of the protocols by which the payload can be decoded with the fewest deviations from the schema. Beginnings
    look alike, so the message must end in the last octet; some cars send one too many."""
    counts: dict[str, int] = {}
    for protocol in protocols:
        deviations: list[ExiError] = []
        with suppress(ExiError):
            decode(protocol, payload, deviations=deviations)
            ends = [each.bit or 0 for each in deviations if not each.path]
            if all(8 * len(payload) - end < 16 for end in ends):
                counts[protocol] = len(deviations)
    return [protocol for protocol, count in counts.items() if count == min(counts.values())]


def decode_into(record: Record, payload: bytes) -> None:
    """Decode a payload by the record's protocol."""
    deviations: list[ExiError] = []
    try:
        value = decode(record.protocol, payload, deviations=deviations)
    except ExiError as error:
        record.find("exi", f"no {record.protocol} message: {error}; EXI {payload.hex().upper()}")
        return
    for deviation in deviations:
        record.find("deviation", f"the EXI deviates from the schema and is decoded all the same: {deviation}")
    record.value, record.document, record.payload = value, to_document(value), payload
    record.message = message_name(record.document)


def message_name(document: dict[str, Any]) -> str:
    """The name of the message in a document: in -2 and DIN that of the element in the body."""
    ((root, content),) = document.items()
    body = content.get("Body")
    return next(iter(body), root) if body is not None else root
