"""What a V2GTP payload says: EXI of the protocol that payload type and handshake make likely, or of another one.

Earlier messages only rank the possible readings; they rule none out, as any of them may be missing or wrong.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from v2g.capture.record import Record
from v2g.capture.scanner import RawFrame
from v2g.exi import ExiError
from v2g.exi.facets import Type
from v2g.messages import decode
from v2g.messages.document import to_document
from v2g.v2gtp.framing import PayloadType

PROTOCOLS: dict[int, str] = {
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
_DUE = {"sap": PayloadType.EXI, "iso2": PayloadType.EXI, "din": PayloadType.EXI} | {
    protocol: min(each for each in PROTOCOLS if PROTOCOLS[each] == protocol) for protocol in PROTOCOLS.values()
}
"""The payload type of each protocol: that of its main stream."""

NAMESPACES = {"urn:iso:15118:2:2013:MsgDef": "iso2", "urn:din:70121:2012:MsgDef": "din"}
"""What the payload type 0x8001 carries after the handshake has chosen this namespace."""
ISO20 = "urn:iso:std:iso:15118:-20:"
"""The namespaces of ISO 15118-20, which has payload types of its own, begin so."""


MOST_FAILURES = 64
"""After this many unreadable payloads in a row, the unlikely protocols are not tried any more."""


class Reading(NamedTuple):
    """A payload as a message of one protocol."""

    protocol: str
    value: Type
    deviations: list[ExiError]
    is_whole: bool
    """Whether it ends in the last octet of the payload or the one before: some cars send a surplus octet."""


class PayloadDecoder:
    """Decodes the payloads of one connection."""

    def __init__(self) -> None:
        self._offered: dict[int, str] = {}
        self._chosen = ""
        """The namespace that the handshake has chosen."""
        self._failures = 0
        """Payloads in a row that could not be read."""
        self._latest = ""
        """The protocol of the latest message with the payload type 0x8001 after the handshake."""

    def reads(self, payload_type: int, payload: bytes) -> bool:
        """Whether the payload is a message without any fault."""
        reading = self._best(payload_type, payload)
        return reading is not None and not reading.deviations

    def decode(self, record: Record, frame: RawFrame) -> None:
        """Fill in the record's message, or a finding that says why there is none."""
        payload_type, payload, announced, actual, _ = frame
        record.payload_type = payload_type
        if announced != actual:
            record.find("length", f"the header announces {announced} bytes, and {actual} follow")
        reading = self._best(payload_type, payload)
        self._failures = 0 if reading is not None and reading.is_whole else self._failures + 1
        if reading is None:
            self._explain(record, payload)
            return
        fill_in(record, reading, payload)
        due = _DUE[reading.protocol]
        if payload_type != due and PROTOCOLS.get(payload_type) != reading.protocol:
            text = f"{record.message} has the payload type 0x{payload_type:04X} instead of 0x{due:04X}"
            record.find("payload type", f"{text}; the message is read all the same")
        if reading.protocol == "sap":
            self._negotiate(record)
        elif due == PayloadType.EXI:
            self._compare(record)

    def _best(self, payload_type: int, payload: bytes) -> Reading | None:
        """A likely reading, without deviations if possible; else an unlikely one without deviations."""
        best: Reading | None = None
        first = PROTOCOLS.get(payload_type) or (self._latest if payload_type == PayloadType.EXI else "")
        if first and (reading := _read(first, payload)) is not None and not reading.deviations:
            return reading  # as nearly all are
        likely = self._likely(payload_type)
        for protocol in likely:
            reading = _read(protocol, payload)
            if reading is not None:
                if not reading.deviations:
                    return reading
                best = min(best or reading, reading, key=lambda each: (not each.is_whole, len(each.deviations)))
        if best is not None and best.is_whole:
            return best
        for protocol in self._unlikely(payload_type, likely):
            reading = _read(protocol, payload)
            if reading is not None and not reading.deviations:
                return reading
        return best

    def _likely(self, payload_type: int) -> list[str]:
        """The protocols of this payload type, ranked by the earlier messages."""
        if payload_type != PayloadType.EXI:
            return [PROTOCOLS[payload_type]] if payload_type in PROTOCOLS else []
        if self._latest:
            first = [self._latest, "sap"]
        elif self._chosen.startswith(ISO20):
            return ["sap"]
        else:
            first = ["sap", *(NAMESPACES[each] for each in self._offered.values() if each in NAMESPACES)]
        return [*dict.fromkeys([*first, *NAMESPACES.values()])]

    def _unlikely(self, payload_type: int, likely: list[str]) -> Iterator[str]:
        if payload_type < PayloadType.SDP_REQUEST and self._failures < MOST_FAILURES:
            # Payload types above carry no messages, or are the manufacturers'.
            yield from (protocol for protocol in _DUE if protocol not in likely)

    def _explain(self, record: Record, payload: bytes) -> None:
        """Report why the payload cannot be read."""
        payload_type = record.payload_type or 0
        likely = self._likely(payload_type)
        octets = f"EXI {payload.hex().upper()}"
        if not likely:
            text = f"payload type 0x{payload_type:04X} is not known"
            record.find("payload type", f"{text}; {len(payload)} bytes are passed over")
        elif self._is_foreign:
            known = " or ".join(NAMESPACES.values())
            record.find("exi", f"no message of {known}, as {self._chosen} is not known; {octets}")
        else:
            record.protocol = likely[0]
            if payload_type != PayloadType.EXI or self._latest:
                text = f"no {likely[0]} message: {_reason(likely[0], payload)}"
            else:
                text = f"no message of {' or '.join([*likely, 'iso20-common'] if likely == ['sap'] else likely)}"
            record.find("exi", f"{text}; {octets}")

    @property
    def _is_foreign(self) -> bool:
        """Whether the handshake has chosen a namespace whose schema is not known."""
        return bool(self._chosen) and self._chosen not in NAMESPACES and not self._chosen.startswith(ISO20)

    def _negotiate(self, record: Record) -> None:
        if record.message == "supportedAppProtocolReq":
            self._offered = {entry["SchemaID"]: entry["ProtocolNamespace"] for entry in record.content["AppProtocol"]}
            self._chosen = self._latest = ""
        elif record.message == "supportedAppProtocolRes":
            schema = record.content.get("SchemaID")
            if schema is None and len(self._offered) == 1:
                (schema,) = self._offered
            self._chosen = self._offered.get(schema or 0, "")
            self._latest = NAMESPACES.get(self._chosen, "")
            self._offered = {}
            if self._is_foreign:
                text = f"the station chooses {self._chosen}, whose schema is not known; messages are read by what fits"
                record.find("handshake", text)

    def _compare(self, record: Record) -> None:
        """Report, once, a message of another protocol than the handshake chose."""
        if self._latest and record.protocol != self._latest and self._chosen in NAMESPACES:
            text = f"{record.message} is of the protocol {record.protocol}, the handshake has chosen {self._chosen}"
            record.find("handshake", f"{text}; look for a second session on this connection")
        self._latest = record.protocol


def _read(protocol: str, payload: bytes) -> Reading | None:
    deviations: list[ExiError] = []
    try:
        value = decode(protocol, payload, deviations=deviations)
    except ExiError:
        return None
    is_whole = all(8 * len(payload) - (each.bit or 0) < 16 for each in deviations if not each.path)
    return Reading(protocol, value, deviations, is_whole)


def _reason(protocol: str, payload: bytes) -> str:
    try:
        decode(protocol, payload)
    except ExiError as error:
        return str(error)
    return "it has faults"


def fill_in(record: Record, reading: Reading, payload: bytes) -> None:
    """Make the reading the message of the record, with a finding for each deviation."""
    record.protocol = reading.protocol
    for deviation in reading.deviations:
        record.find("deviation", f"the EXI deviates from the schema and is decoded all the same: {deviation}")
    record.value, record.document, record.payload = reading.value, to_document(reading.value), payload
    record.message = message_name(record.document)


def fitting(payload: bytes, protocols: Iterable[str]) -> list[Reading]:
    """The readings of the payload with the fewest deviations from the schema.

    Messages of different protocols begin alike, so a reading must use the whole payload.
    """
    readings = (_read(protocol, payload) for protocol in protocols)
    found = [each for each in readings if each is not None and each.is_whole]
    least = min((len(each.deviations) for each in found), default=0)
    return [each for each in found if len(each.deviations) == least]


def message_name(document: dict[str, Any]) -> str:
    """The name of the message in a document: in -2 and DIN that of the element in the body."""
    ((root, content),) = document.items()
    body = content.get("Body")
    return next(iter(body), root) if body is not None else root
