"""`v2g trace show|follow|stats|export`: what the session trace and the recordings say."""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_evse, add_json
from v2g.cli.parser import UsageError
from v2g.cli.terminal import complain
from v2g.kernel import regular_file
from v2g.kernel.printable import escaped

if TYPE_CHECKING:  # loaded by the action that needs it
    from v2g.capture.pcapng import Commented, Said
    from v2g.io.recording import Header
    from v2g.io.trace_reader import Line
    from v2g.station.recorded import Turn

HEAD_BLOCKS = 2
"""Of a capture: section and interface."""
POLL_S = 0.25
_PAYLOAD = re.compile(r" payload=[0-9A-F]*(?= document=)", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from v2g.station.config.settings import Trace

    default = Trace().file
    actions = parser.add_subparsers(dest="action", required=True)
    show = actions.add_parser("show", help="the events of a session or an EVSE, with the time since it began")
    follow = actions.add_parser("follow", help="the latest events, and each new one; also when the file is rotated")
    stats = actions.add_parser("stats", help="how sessions ended, their slowest responses, the faults")
    for action in (show, stats):
        action.add_argument(
            "files", type=Path, nargs="*", default=[default], metavar="FILE", help=f"*.gz too (default: {default})"
        )
    follow.add_argument("file", type=Path, nargs="?", default=default, metavar="FILE", help=f"default: {default}")
    follow.add_argument("-n", "--lines", type=int, default=10, metavar="N", help="of those there are (default: 10)")
    export = actions.add_parser("export", help="recordings as a capture (pcapng) with the decoded messages as comments")
    export.add_argument(
        "recordings", type=Path, nargs="+", metavar="RECORDING",
        help="a segment (*.v2grec), or a directory of them such as /var/log/v2g/session_trace.recording",
    )  # fmt: skip
    export.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the capture to write")
    for action in (show, follow, stats, export):
        action.add_argument("--session", metavar="ID", help="this session only (default: all)")
        add_evse(action)
    for action in (show, stats):
        add_json(action)


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if there is nothing of that session or EVSE. Raises `TraceReadError` and `RecordingError`."""
    if args.session is not None:
        args.session = args.session if args.session in ("-", "stranger") else args.session.upper()
    match args.action:
        case "show":
            return _show(args)
        case "follow":
            return _follow(args)
        case "stats":
            return _statistics(args)
        case _:
            return _export(args)


def _is_wanted(line: "Line", args: argparse.Namespace) -> bool:
    return args.session in (None, line.session) and args.evse in (None, line.evse)


def _lines(args: argparse.Namespace) -> "Iterator[Line]":
    from v2g.io.trace_reader import read

    for path in args.files:
        for line in read(path):
            if _is_wanted(line, args):
                yield line


def _show(args: argparse.Namespace) -> int:
    before: tuple[int | None, str] | None = None
    since_s: dict[tuple[int | None, str], float] = {}
    for line in _lines(args):
        if args.json:
            print(json.dumps(line._asdict()))
        about = line.evse, line.session
        began_s = since_s.setdefault(about, line.unix_s)
        if not args.json:
            if about != before:
                print(("\n" if before else "") + _heading(line))
            print(_row(line, line.unix_s - began_s))
        before = about
    return _found(args, any_line=before is not None)


def _heading(line: "Line") -> str:
    evse = "the station" if line.evse is None else f"EVSE {line.evse}"
    whose = {"-": "outside a session", "stranger": "strangers"}.get(line.session, f"session {line.session}")
    return escaped(f"{evse}, {whose}, {line.moment}")


def _row(line: "Line", at_s: float) -> str:
    """The level is shown if it is worth a look; of messages the document, not the octets."""
    level = line.level if line.level in ("WARNING", "ERROR") else ""
    return escaped(f"{at_s:+12.3f} s  {level:8}{_PAYLOAD.sub('', line.text)}")


def _follow(args: argparse.Namespace) -> int:
    import time

    from v2g.io.trace_reader import follow

    if args.lines < 0:
        raise UsageError("--lines must be 0 or more")
    for line in follow(args.file, args.lines, lambda: time.sleep(POLL_S)):
        if _is_wanted(line, args):
            evse = "-" if line.evse is None else line.evse
            text = _PAYLOAD.sub("", line.text)
            print(escaped(f"{line.moment} evse={evse} session={line.session} {line.level} {text}"))
            sys.stdout.flush()
    return 0


def _statistics(args: argparse.Namespace) -> int:
    from v2g.cli.trace_statistics import Statistics

    statistics, count = Statistics(), 0
    for line in _lines(args):
        statistics.add(line)
        count += 1
    print(json.dumps(statistics.document()) if args.json else "\n".join(map(escaped, statistics.text())))
    return _found(args, any_line=count > 0)


def _found(args: argparse.Namespace, *, any_line: bool) -> int:
    if not any_line:
        session = f" of session {args.session}" if args.session else ""
        evse = f" of EVSE {args.evse}" if args.evse else ""
        complain(f"there is no line{session}{evse} in {', '.join(map(str, args.files))}")
    return 0 if any_line else 1


def _export(args: argparse.Namespace) -> int:
    from v2g.capture.pcapng import pcapng
    from v2g.io.recording import segments

    paths = [path for each in args.recordings for path in segments(each)]
    if any(args.output.exists() and path.exists() and args.output.samefile(path) for path in paths):
        raise UsageError(f"{args.output} is a recording; name another file for the capture")
    packets = _packets(paths, args)
    first = next(packets, None)
    if first is None:
        complain("there is no such connection in the recordings")
        return 1
    count = 0
    with regular_file.named(args.output), args.output.open("wb") as file:
        for block in pcapng(chain([first], packets)):
            file.write(block)
            count += 1
    print(f"{args.output}: {count - HEAD_BLOCKS} packets; `v2g decode {args.output}` reads it")
    return 0


def _packets(paths: list[Path], args: argparse.Namespace) -> "Iterator[Commented]":
    from v2g.capture.pcapng import Capture
    from v2g.io.recording import read
    from v2g.station.replay import RecordingError

    capture = Capture()
    for path in paths:
        try:
            header, _, turns = read(path)
            if args.evse not in (None, header.evse):
                continue
            for said in _connections(header, turns):
                packets = capture.connection(header.evse, said)
                if args.session is not None:
                    held = list(packets)
                    packets = iter(held if any(args.session in each.sessions for each in held) else [])
                yield from packets
        except RecordingError as error:
            if path in args.recordings:
                raise
            complain(f"{path.name} is passed over: {error}")


def _connections(header: "Header", turns: Iterator[bytes]) -> "Iterator[list[Said]]":
    """What was said on each connection, in order; a segment may begin within one. What happens while no car is
    connected is left out."""
    from v2g.station.recorded import Connected, Disconnected, Receive
    from v2g.station.replay import decoded

    said: list[Said] = []
    now, connected = header.s, False
    for turn in decoded(turns):
        now = getattr(turn.call, "now", now)
        if isinstance(turn.call, Connected):
            if said:
                yield said
            said = []
        connected = connected or isinstance(turn.call, Connected | Receive)
        if connected:
            said += _said(turn, header.unix_s + now - header.s)
        if isinstance(turn.call, Disconnected):
            connected = False
    if said:
        yield said


def _said(turn: "Turn", unix_s: float) -> "Iterator[Said]":
    """The frames of a turn, and what happened with them. Request and response have one time: that of the turn."""
    from v2g.capture.pcapng import Said
    from v2g.station.recorded import Receive

    happened = "\n".join(text for text in turn.result.events if text not in ("Received", "Sent"))
    if isinstance(turn.call, Receive):
        yield Said(unix_s, by_station=False, payload_type=turn.call.payload_type, payload=turn.call.payload)
    for payload_type, payload in turn.result.send:
        yield Said(unix_s, by_station=True, payload_type=payload_type, payload=payload, remark=happened)
        happened = ""
    if happened:
        yield Said(unix_s, by_station=True, payload_type=None, remark=happened)
