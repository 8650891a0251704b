"""`v2g replay`: the station's code over a recording of the daemon, and every difference."""

import argparse
import dataclasses
import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.cli.arguments import add_json
from v2g.cli.parser import UsageError
from v2g.cli.terminal import complain
from v2g.kernel.printable import printable

if TYPE_CHECKING:  # loaded if there is something to replay
    from v2g.station.replay import Difference

MOST_SHOWN = 10
"""Differences of one segment; the first one usually explains the others."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recordings",
        type=Path,
        nargs="+",
        metavar="RECORDING",
        help="a segment (*.v2grec), or a directory of them such as /var/log/v2g/session_trace.recording",
    )
    parser.add_argument("--evse", type=int, metavar="N", help="segments of this EVSE only")
    parser.add_argument("--events", action="store_true", help="print what happened, as the trace has it")
    add_json(parser, "for programs: a line for each segment")


def run(args: argparse.Namespace) -> int:
    """Returns 0 if nothing differs, otherwise 1. Raises `RecordingError` for what cannot be read."""
    from v2g.io.recording import segments
    from v2g.station.replay import RecordingError

    reports, unread = [], 0
    for path in (path for each in args.recordings for path in segments(each)):
        try:
            report = _replay(path, args)
        except RecordingError as error:
            if path in args.recordings:
                raise
            complain(f"{path.name} is passed over: {error}")  # a power cut leaves such files
            unread += 1
            continue
        if report is not None:
            reports.append(report)
    if not reports:
        raise UsageError(f"there is nothing to replay: no {'readable segment' if unread else 'segment of that EVSE'}")
    differing = sum(bool(each["differences"]) for each in reports)
    if not args.json:
        turns, lasted_s = sum(each["turns"] for each in reports), sum(each["lasted_s"] for each in reports)
        result = f"{differing} differ" if differing else "no difference"
        passed_over = f"; {unread} could not be read" if unread else ""
        print(f"{len(reports)} segments, {turns} turns, {lasted_s / 60:.1f} min: {result}{passed_over}")
    return 1 if differing else 0


def _replay(path: Path, args: argparse.Namespace) -> dict[str, Any] | None:
    """One segment, also printed; None if it is another EVSE's."""
    from msgspec.structs import asdict

    from v2g.io.recording import read
    from v2g.station.replay import Segment

    header, snapshot, turns = read(path)
    if args.evse is not None and header.evse != args.evse:
        return None
    since_unix_s, since_s = header.unix_s, header.s
    report: dict[str, Any] = {"recording": str(path), **asdict(header), "turns": 0, "sessions": 0, "lasted_s": 0.0}
    differences: list[Difference] = []
    for turn, result, found in Segment(snapshot).replay(turns):
        report["turns"] += 1
        at_s = getattr(turn.call, "now", None)
        report["lasted_s"] = report["lasted_s"] if at_s is None else round(at_s - since_s, 3)
        report["sessions"] += type(turn.call).__name__ == "Connected"
        differences += found
        if args.events and not args.json:
            _print_events(result.events, since_unix_s + report["lasted_s"])
    report["differences"] = list(map(dataclasses.asdict, differences))
    if args.json:
        print(json.dumps(report))
    else:
        _print(report, differences)
    return report


def _print_events(events: tuple[str, ...], unix_s: float) -> None:
    moment = datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")
    for text in events:
        print(printable(f"{moment} {text}"))


def _print(report: dict[str, Any], differences: "list[Difference]") -> None:
    since = datetime.fromtimestamp(report["unix_s"], UTC).isoformat(timespec="seconds")
    other = "" if report["version"] == version("v2g") else f", recorded by v2g {report['version']}"
    print(
        f"{report['recording']}: EVSE {report['evse']} from {since}, {report['lasted_s']:.0f} s, "
        f"{report['turns']} turns, {report['sessions']} connections{other}"
    )
    lacking = next((each for each in differences if _lacks(each)), None)
    if lacking is not None:
        what = f"the code that made this recording keeps another state ({lacking.replayed})"
        print(printable(f"  {len(differences)} differences: {what}; replay it with that code"))
        return
    for each in differences[:MOST_SHOWN]:
        at = "" if each.now is None else f" at {each.now - report['s']:.3f} s"
        print(printable(f"  turn {each.turn}{at}, {each.call}: {each.what}"))
        print(printable(f"    recorded: {each.recorded}"))
        print(printable(f"    now:      {each.replayed}"))
    if len(differences) > MOST_SHOWN:
        print(f"  and {len(differences) - MOST_SHOWN} more")


def _lacks(difference: "Difference") -> bool:
    """Whether this code misses something in what the snapshot holds."""
    return difference.what == "error" and not difference.recorded and difference.replayed.startswith("AttributeError(")
