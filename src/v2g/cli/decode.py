"""`v2g decode`: what is in a capture, in plain words, and what is wrong in it."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from v2g.cli.terminal import Progress, complain
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    from v2g.capture.file import Packet, Secrets
    from v2g.capture.record import Record


class InputError(V2GError):
    """The input cannot be used; the text says what to give instead."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from v2g.messages import PROTOCOLS

    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("file", nargs="?", type=Path, metavar="FILE", help="pcap, pcapng or V2GTP stream; - is stdin")
    source.add_argument("--hex", metavar="HEX", help="V2GTP messages, frames or EXI in hexadecimal; - reads stdin")
    source.add_argument("--interface", metavar="NAME", help="capture from this network interface until Ctrl-C")
    protocol_help = f"--hex is EXI of this protocol; gives JSON lines: {', '.join(PROTOCOLS)}"
    parser.add_argument("--protocol", choices=[*PROTOCOLS], metavar="NAME", help=protocol_help)
    parser.add_argument("--fragment", action="store_true", help="with --protocol: EXI fragments (what is signed)")
    parser.add_argument("--keylog", type=Path, metavar="FILE", help="TLS secrets (SSLKEYLOGFILE)")
    parser.add_argument("--message", action="append", metavar="NAME", help="only messages of this name; repeatable")
    parser.add_argument("--all", action="store_true", help="also the messages between modems and their hosts")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a JSON line for each message")
    form.add_argument("--xml", action="store_true", help="each message as XML")
    parser.add_argument("--stats", action="store_true", help="counts, response times and sessions instead of messages")


@dataclass
class _Tally:
    """What came of the input."""

    packets: int = 0
    end: float | None = None
    """The time of the last packet."""
    messages: int = 0
    shown: int = 0
    failure: V2GError | None = None
    """What made the rest of the input unreadable."""


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if there is no message to show. Raises V2GError after all that can be decoded was printed."""
    if args.protocol is not None:
        return _lines(args)
    if args.fragment:
        raise InputError("--fragment needs --protocol")
    tally = _Tally()
    records = _judged(args, tally)
    if args.stats:
        _print_statistics(records, tally, as_json=args.json)
    else:
        _print_messages(records, args, tally)
    if tally.failure is not None:
        raise tally.failure
    if not tally.shown:
        complain(_why_nothing(args, tally))
    return 0 if tally.shown else 1


def _why_nothing(args: argparse.Namespace, tally: _Tally) -> str:
    if args.message and tally.messages:
        return f"none of the {tally.messages} messages has that name; without --message all are shown"
    if tally.messages:
        count = f"{tally.messages} message{'s' if tally.messages > 1 else ''}"
        return f"only {count} between modems and their hosts; --all shows them"
    text = "there is no message of a charging session in it"
    if not tally.packets:
        return text
    remedy = "look whether this is the interface of the power-line modem, and whether a car was plugged in meanwhile"
    return f"{text}, in {tally.packets} packets; {remedy}"


def _lines(args: argparse.Namespace) -> int:
    """EXI of one protocol, line by line."""
    from v2g.capture.lines import decoded

    if args.hex is None:
        raise InputError("--protocol goes with --hex; in captures the protocol is found")
    good = 0
    for result in decoded(args.protocol, _hex_lines(args.hex), fragment=args.fragment):
        good += "error" not in result
        print(json(result))
    return 0 if good else 1


def _hex_lines(argument: str) -> Iterable[str]:
    return text_lines() if argument == "-" else [argument]


def text_lines() -> Iterator[str]:
    """The lines of standard input. Octets that are no text do not end them."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace")


def _judged(args: argparse.Namespace, tally: _Tally) -> "Iterator[Record]":
    """All records with their findings."""
    from v2g.capture.judge import Judge

    judge = Judge()
    for record in _records(args, tally):
        judge.judge(record)
        tally.messages += record.message is not None
        if record.message is not None or record.findings:
            yield record
    if args.hex is None:
        yield from judge.flush(tally.end)


def _records(args: argparse.Namespace, tally: _Tally) -> "Iterator[Record]":
    from v2g.capture import file, live, stream

    if args.hex is not None:
        yield from _hex_records(args.hex)
        return
    if args.interface is not None:
        yield from _dissected(args, live.packets(args.interface), tally)
        return
    with _open(args.file) as opened:
        start = opened.peek(8)[:8]
        if stream.is_v2gtp(start):
            yield from stream.messages(opened)
        else:
            yield from _dissected(args, file.read(opened, str(args.file)), tally)


def _dissected(args: argparse.Namespace, items: "Iterable[Packet | Secrets]", tally: _Tally) -> "Iterator[Record]":
    from v2g.capture.dissector import Dissector

    dissector = Dissector(_key_log(args.keylog))
    try:
        for item in items:
            yield from dissector.feed(item)
    except V2GError as error:
        tally.failure = error
    except KeyboardInterrupt:  # the end of a live capture
        pass
    yield from dissector.flush()
    tally.packets, tally.end = dissector.packets, dissector.end


def _hex_records(argument: str) -> "Iterator[Record]":
    from v2g.capture import hexadecimal, stream
    from v2g.capture.record import Record
    from v2g.messages import PROTOCOLS

    for number, text, octets in hexadecimal.pasted(_hex_lines(argument)):
        if octets is None:
            record = Record(number, None, "", "", None, "v2gtp")
            record.find("hexadecimal", f"line {number} is no hexadecimal: {text:.60}")
            yield record
        else:
            yield from stream.pasted(octets, number, PROTOCOLS)


def _key_log(path: Path | None) -> bytes:
    if path is None:
        return b""
    from v2g.capture.keylog import KeyLog

    try:
        lines = regular_file.read(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    if not KeyLog().add(lines):
        raise InputError(f"{path} holds no secrets; its lines begin with CLIENT_RANDOM or CLIENT_TRAFFIC_SECRET_0")
    return lines


def _open(path: Path) -> BufferedReader:
    if str(path) == "-":
        return cast(BufferedReader, sys.stdin.buffer)
    try:
        regular_file.check(path)
        return path.open("rb")
    except OSError as error:
        hint = f"; `v2g decode - < {path}` reads a stream" if path.is_fifo() else ""
        raise InputError(f"{path}: {error.strerror}{hint}") from error


def _print_messages(records: "Iterable[Record]", args: argparse.Namespace, tally: _Tally) -> None:
    from shutil import get_terminal_size

    from v2g.capture.table import MATCHING, heading, rows

    width = max(get_terminal_size((100, 24)).columns, 80)
    wanted = {name.lower() for name in args.message or ()}
    seen: set[str] = set()
    as_table = not args.json and not args.xml
    for record in records:
        name = record.message or ""
        if record.protocol == "slac" and not (args.all or name in MATCHING or record.findings):
            continue
        if wanted:
            seen.add(name.lower())
            if name.lower() not in wanted:
                continue
        tally.shown += bool(name)
        if args.json:
            print(json(as_document(record)))
        elif args.xml:
            _print_xml(record)
        else:
            if as_table:
                print(heading(width))
                as_table = False
            for row in rows(record, width):
                print(row)
        if args.interface:
            sys.stdout.flush()
    if tally.messages:
        for name in sorted(wanted - seen):
            complain(f"there is no message {name} in it")


def _print_xml(record: "Record") -> None:
    from v2g.capture.xml import to_xml

    if record.value is not None:
        print(f"<!-- packet {record.packet}, {record.source} to {record.destination} -->")
        print(to_xml(record.protocol, record.value))
    for finding in record.findings:
        print(f"<!-- ! packet {finding.packet}: {finding.text.replace('--', '- -')} -->")


def _print_statistics(records: "Iterable[Record]", tally: _Tally, *, as_json: bool) -> None:
    from v2g.capture.statistics import Statistics

    statistics, progress = Statistics(), Progress("messages")
    try:
        for record in records:
            progress.step()
            statistics.add(record)
            tally.shown += record.message is not None
    finally:
        progress.remove()
        if as_json:
            print(json(statistics.document()))
        else:
            print("\n".join(statistics.text()))


def as_document(record: "Record") -> dict[str, Any]:
    """A record as `--json` gives it."""
    return {
        "packet": record.packet,
        "time": None if record.time is None else round(record.time, 6),
        "source": record.source,
        "destination": record.destination,
        "payload_type": record.payload_type,
        "protocol": record.protocol,
        "message": record.message,
        "document": record.document,
        "findings": [finding._asdict() for finding in record.findings],
    }


def json(value: object) -> str:
    """One line of JSON."""
    import msgspec

    return msgspec.json.encode(value).decode()
