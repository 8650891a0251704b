"""V2GTP streams without anything around them: what there is if nobody captured packets."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

from v2g.capture.datagrams import discovery, management
from v2g.capture.file import Packet
from v2g.capture.packet import ETHERNET, RAW_IP, Datagram, Management, Segment, dissect
from v2g.capture.payload import PayloadDecoder, fill_in, fitting
from v2g.capture.record import Record
from v2g.capture.scanner import Fault, RawFrame, Scanner
from v2g.v2gtp.framing import HEADER, STREAM_TYPES, VERSION

_BLOCK = 65536


def is_v2gtp(data: bytes) -> bool:
    """Whether the data begins as a V2GTP message does."""
    return data[: len(VERSION)] == VERSION and len(data) >= HEADER.size


def messages(file: BinaryIO) -> Iterator[Record]:
    """The messages of a stream, or of both directions of a connection one after the other, numbered from 1 on."""
    decoder = PayloadDecoder()
    scanner = Scanner(decoder.reads)
    number, gap = 0, False

    def record(found: RawFrame | Fault) -> Record:
        nonlocal gap
        made = Record(number, None, "", "", None, "v2gtp", gap=gap)
        gap = isinstance(found, Fault)
        if isinstance(found, Fault):
            made.find(found.rule, found.text)
        else:
            decoder.decode(made, found)
        return made

    while data := file.read(_BLOCK):
        for found in scanner.feed(data):
            number += isinstance(found, RawFrame)
            yield record(found)
    for found in scanner.flush():
        number += isinstance(found, RawFrame)
        yield record(found)


def pasted(octets: bytes, line: int, protocols: Iterable[str]) -> Iterator[Record]:
    """What is in the octets of one line: V2GTP messages, an Ethernet frame or IP packet with such, or the EXI of one
    message. The line's number stands for that of the packet. Nothing is known of what was between the lines."""
    for record in _read(octets, line, protocols):
        findings = [finding._replace(packet=line) for finding in record.findings]
        yield replace(record, packet=line, time=None, gap=True, findings=findings)


def _read(octets: bytes, line: int, protocols: Iterable[str]) -> Iterator[Record]:
    if is_v2gtp(octets):
        yield from messages(BytesIO(octets))
        return
    content = dissect(Packet(line, 0.0, ETHERNET, octets))
    if not isinstance(content, Datagram | Segment | Management):
        content = dissect(Packet(line, 0.0, RAW_IP, octets))
    if isinstance(content, Management):
        yield management(content)
    elif isinstance(content, Datagram) and is_v2gtp(content.data):
        yield discovery(content)
    elif isinstance(content, Segment) and is_v2gtp(content.data):
        for record in messages(BytesIO(content.data)):
            yield replace(record, source=str(content.source), destination=str(content.destination))
    elif (place := _header(octets)) is not None:
        yield from messages(BytesIO(octets[place:]))
    elif octets:
        yield single(octets, line, protocols)


def _header(octets: bytes) -> int | None:
    """Where a V2GTP header is in something else."""
    place = octets.find(VERSION)
    while 0 <= place <= len(octets) - HEADER.size:
        if int.from_bytes(octets[place + 2 : place + 4]) in STREAM_TYPES:
            return place
        place = octets.find(VERSION, place + 1)
    return None


def single(payload: bytes, number: int, protocols: Iterable[str]) -> Record:
    """The message in an EXI document by the first of the protocols that fits; a finding names others that fit too."""
    fits = fitting(payload, protocols)
    record = Record(number, None, "", "", None, "exi")
    if not fits:
        record.find("exi", f"no message of any protocol; EXI {payload.hex().upper()}")
        return record
    fill_in(record, fits[0], payload)
    if others := fits[1:]:
        names = ", ".join(each.protocol for each in others)
        record.find("ambiguous", f"the octets fit {names} as well; say which with --protocol")
    return record
