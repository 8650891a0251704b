"""Recorded V2GTP streams without anything around them: what there is when nobody captured packets."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from v2g.capture.payload import PayloadDecoder, decode_into, fitting
from v2g.capture.record import Record
from v2g.capture.scanner import Fault, RawFrame, Scanner
from v2g.v2gtp.framing import HEADER, VERSION

_BLOCK = 65536


def is_v2gtp(data: bytes) -> bool:
    """Whether the data begins as a V2GTP message does."""
    return data[: len(VERSION)] == VERSION and len(data) >= HEADER.size


def messages(file: BinaryIO) -> Iterator[Record]:
    """The messages of a stream, or of both directions of a connection one after the other, numbered from 1 on."""
    scanner, decoder = Scanner(), PayloadDecoder()
    number = 0

    def record(found: RawFrame | Fault) -> Record:
        made = Record(number, None, "", "", None, "v2gtp")
        if isinstance(found, Fault):
            made.find(found.rule, found.text)
        else:
            made.payload_type = found.payload_type
            decoder.decode(made, found.payload)
        return made

    while data := file.read(_BLOCK):
        for found in scanner.feed(data):
            number += isinstance(found, RawFrame)
            yield record(found)
    for fault in scanner.flush():
        yield record(fault)


def single(payload: bytes, number: int, protocols: Iterable[str]) -> Record:
    """The message in an EXI document by the first of the protocols that fits; a finding names others that fit too."""
    fits = fitting(payload, protocols)
    record = Record(number, None, "", "", None, fits[0] if fits else "exi")
    if not fits:
        record.find("exi", f"no message of any protocol; EXI {payload.hex().upper()}")
        return record
    decode_into(record, payload)
    if others := fits[1:]:
        record.find("ambiguous", f"the octets fit {', '.join(others)} as well; say which with --protocol")
    return record
