"""`v2g decode`: what is in a capture, in plain words, and what is wrong in it."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

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
    source.add_argument("--hex", metavar="HEX", help="V2GTP messages or EXI in hexadecimal; - reads lines from stdin")
    source.add_argument("--interface", metavar="NAME", help="capture from this network interface until Ctrl-C")
    protocol_help = f"--hex is EXI of this protocol; gives JSON lines: {', '.join(PROTOCOLS)}"
    parser.add_argument("--protocol", choices=[*PROTOCOLS], metavar="NAME", help=protocol_help)
    parser.add_argument("--fragment", action="store_true", help="with --protocol: EXI fragments (what is signed)")
    parser.add_argument("--keylog", type=Path, metavar="FILE", help="TLS secrets (SSLKEYLOGFILE)")
    parser.add_argument("--message", action="append", metavar="NAME", help="only messages of this name; repeatable")
    parser.add_argument("--all", action="store_true", help="also what the modems and their hosts tell each other")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a JSON line for each message")
    form.add_argument("--xml", action="store_true", help="each message as XML")
    parser.add_argument("--stats", action="store_true", help="counts, response times and sessions instead of messages")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises V2GError after all that can be decoded has been printed."""
    if args.protocol is not None:
        return _lines(args)
    if args.fragment:
        raise InputError("--fragment needs --protocol")
    records = _judged(args)
    if args.stats:
        _print_statistics(records, as_json=args.json)
    else:
        _print_messages(records, args)
    return 0


def _lines(args: argparse.Namespace) -> int:
    """EXI of one protocol, line by line."""
    from v2g.capture.lines import decoded

    if args.hex is None:
        raise InputError("--protocol goes with --hex; captures tell the protocol themselves")
    for result in decoded(args.protocol, _hex_lines(args.hex), fragment=args.fragment):
        print(json(result))
    return 0


def _hex_lines(argument: str) -> Iterable[str]:
    return text_lines() if argument == "-" else [argument]


def text_lines() -> Iterator[str]:
    """The lines of standard input. Octets that are no text do not end them."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace")


def _judged(args: argparse.Namespace) -> "Iterator[Record]":
    """All records with their findings. What makes the input unreadable is raised after everything before it."""
    from v2g.capture.judge import Judge

    judge = Judge()
    failures: list[V2GError] = []
    for record in _records(args, failures):
        judge.judge(record)
        yield record
    yield from judge.flush()
    if failures:
        raise failures[0]


def _records(args: argparse.Namespace, failures: list[V2GError]) -> "Iterator[Record]":
    from v2g.capture import file, live, stream

    if args.hex is not None:
        yield from _hex_records(args.hex)
        return
    if args.interface is not None:
        yield from _dissected(args, live.packets(args.interface), failures)
        return
    with _open(args.file) as opened:
        start = opened.peek(8)[:8]
        if stream.is_v2gtp(start):
            yield from stream.messages(opened)
        else:
            yield from _dissected(args, file.read(opened, str(args.file)), failures)


def _dissected(
    args: argparse.Namespace, items: "Iterable[Packet | Secrets]", failures: list[V2GError]
) -> "Iterator[Record]":
    from v2g.capture.dissector import Dissector

    dissector = Dissector(_key_log(args.keylog))
    try:
        for item in items:
            yield from dissector.feed(item)
    except V2GError as error:
        failures.append(error)
    except KeyboardInterrupt:  # the end of a live capture
        pass
    yield from dissector.flush()


def _hex_records(argument: str) -> "Iterator[Record]":
    from v2g.capture import stream
    from v2g.messages import PROTOCOLS

    for number, line in enumerate(_hex_lines(argument), 1):
        try:
            data = bytes.fromhex(line)
        except ValueError as error:
            raise InputError(f"--hex, line {number}: {error}") from error
        if stream.is_v2gtp(data):
            yield from stream.messages(BytesIO(data))
        elif data:
            yield stream.single(data, number, PROTOCOLS)


def _key_log(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def _open(path: Path) -> BufferedReader:
    if str(path) == "-":
        return cast(BufferedReader, sys.stdin.buffer)
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def _print_messages(records: "Iterable[Record]", args: argparse.Namespace) -> None:
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
    for name in sorted(wanted - seen):
        print(f"v2g decode: there is no message {name} in it", file=sys.stderr)


def _print_xml(record: "Record") -> None:
    from v2g.capture.xml import to_xml

    if record.value is not None:
        print(f"<!-- packet {record.packet}, {record.source} to {record.destination} -->")
        print(to_xml(record.protocol, record.value))
    for finding in record.findings:
        print(f"<!-- ! packet {finding.packet}: {finding.text.replace('--', '- -')} -->")


def _print_statistics(records: "Iterable[Record]", *, as_json: bool) -> None:
    from v2g.capture.statistics import Statistics

    statistics = Statistics()
    try:
        for record in records:
            statistics.add(record)
    finally:
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
