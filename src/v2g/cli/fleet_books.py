"""`v2g fleet settle|audit`: what was asked, delivered and why not, from the fleet's ledger; also while it runs."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from v2g.cli.arguments import add_json
from v2g.cli.terminal import warn
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.kernel.printable import printable
from v2g.kernel.units import signed_kwh

if TYPE_CHECKING:
    from v2g.fleet.configuration import FleetConfiguration
    from v2g.fleet.view import Entry


def add_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    settle = actions.add_parser("settle", help="energies asked and delivered: by depot, request, contract and vehicle")
    settle.add_argument("--csv", type=Path, metavar="FILE", help="default: the standard output")
    settle.add_argument("--html", type=Path, metavar="FILE", help="the same as a page")
    audit = actions.add_parser("audit", help="who asked for what, and each entry that belongs to a vehicle")
    audit.add_argument("of", nargs="?", default="", metavar="VEHICLE",
                       help="or a contract, charger, request, depot; default: requests and notices only")  # fmt: skip
    add_json(audit)
    for each in (settle, audit):
        each.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=argparse.SUPPRESS)
        each.add_argument("--from", dest="begin", type=_time, metavar="DAY", help="YYYY-MM-DD or with THH:MM; today")
        each.add_argument("--until", type=_time, metavar="DAY", help="not included; default: a day later")
        each.add_argument("--depot", default="", metavar="NAME", help="this one only")


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write 2026-11-28 or 2026-11-28T07:30") from error


def run(args: argparse.Namespace, configuration: "FleetConfiguration") -> int:
    """Returns 0. Raises `V2GError`."""
    import asyncio

    begin = args.begin or datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        until = args.until or begin + timedelta(days=1)
        span_s = begin.timestamp(), until.timestamp()
    except (OverflowError, ValueError) as error:
        raise V2GError(f"--from, --until: {error}; give days of this century") from error
    if span_s[0] >= span_s[1]:
        raise V2GError(f"--until {until} is not after --from {begin}; give the earlier one as --from")
    if args.action == "settle":
        asyncio.run(_settle(args, configuration, span_s))
    else:
        asyncio.run(_audit(args, configuration, span_s))
    return 0


def _stamp(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s).astimezone().isoformat(timespec="seconds")


async def _settle(args: argparse.Namespace, configuration: "FleetConfiguration", span_s: tuple[float, float]) -> None:
    from v2g.fleet.settlement import Settlement, as_csv
    from v2g.run.fleet import open_reader

    ledger = await open_reader(configuration.ledger)
    found = Settlement()
    try:
        with _lines(args.csv) as output:
            output.write(as_csv((), _stamp))
            for depot in [args.depot] if args.depot else await ledger.depots():
                totals = await ledger.totals(depot, *span_s)
                found.add(depot, totals, await ledger.gaps(depot, *span_s), await ledger.sources(depot, *span_s))
                output.write(as_csv(totals, _stamp, head=False))
    finally:
        await ledger.close()
    for note in found.notes():
        warn(note)
    if args.html is not None:
        title = f"Fleet {configuration.fleet}, {_stamp(span_s[0])} to {_stamp(span_s[1])}"
        regular_file.write_text(args.html, found.as_html(title))


@contextmanager
def _lines(file: Path | None) -> Iterator[TextIO]:
    """The file, or the standard output."""
    if file is None:
        yield sys.stdout
        return
    with regular_file.named(file), file.open("w", encoding="utf-8") as output:
        yield output


async def _audit(args: argparse.Namespace, configuration: "FleetConfiguration", span_s: tuple[float, float]) -> None:
    from msgspec import to_builtins

    from v2g.run.fleet import open_reader

    ledger = await open_reader(configuration.ledger)
    try:
        acts, entries = await ledger.acts(*span_s), list["Entry"]()
        if args.of or args.depot:
            for depot in [args.depot] if args.depot else await ledger.depots():
                entries += [each for each in await ledger.entries(depot, *span_s) if _is_of(each, args.of)]
    finally:
        await ledger.close()
    if args.json:
        print(json.dumps(to_builtins({"acts": acts, "entries": entries}), indent=2))
        return
    lines: list[tuple[float, str]] = [(each.at_s, f"{each.by}: {each.what}") for each in acts]
    lines += [(each.until_unix_s, _line(each)) for each in entries]
    _print(lines)


def _is_of(entry: "Entry", of: str) -> bool:
    return not of or of in (entry.vehicle, entry.contract, entry.charger, entry.request, entry.depot)


def _line(entry: "Entry") -> str:
    who = entry.vehicle or (f"an unknown vehicle at {entry.charger}" if entry.charger else "the depot as a whole")
    span_s = entry.until_unix_s - entry.from_unix_s
    asked = "" if entry.asked_wh is None else f", asked {signed_kwh(entry.asked_wh)} by {entry.request}"
    why = f"; {entry.why}" if entry.why else ""
    return f"{entry.depot}: {who}: {signed_kwh(entry.delivered_wh)} in {span_s:.0f} s{asked}{why}"


def _print(lines: Iterable[tuple[float, str]]) -> None:
    rows: list[Any] = sorted(lines)
    for at_s, text in rows:
        print(f"{_stamp(at_s)}  {printable(text)}")
    if not rows:
        print("nothing was asked or noticed in this time")
