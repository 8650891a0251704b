"""`v2g depot`: run a depot's controller, or ask a running one."""

import argparse
import json
import re
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from v2g.cli import depot_codes, depot_doctor, depot_prequalify, depot_simulate, depot_site
from v2g.cli.arguments import add_json, calendar_day, number, whole
from v2g.cli.parser import UsageError
from v2g.cli.terminal import announce
from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.kernel.printable import printable
from v2g.kernel.units import kwh

DEMO = Path("v2g-depot")
DEMO_S = 120.0
LEAST_PASSWORD = 10
DEFAULT_USERS = Path("/etc/v2g/depot-users")
ANSWERS_S = 30.0
DEFAULT_SITE = Path("/etc/v2g/site.yaml")
DEFAULT_CONFIG, DEFAULT_SOCKET = Path("/etc/v2g/depot.yaml"), Path("/run/v2g/depot.sock")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mode",
        choices=("local", "relay"),
        default="local",
        help="local: be the CSMS of the site's stations; relay: stand between them and their CSMS (upstream)",
    )
    parser.add_argument(
        "--site",
        action="store_true",
        help=f"a home or a small business behind one meter; its configuration is {DEFAULT_SITE}",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"default: {DEFAULT_CONFIG}, with --site {DEFAULT_SITE}"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    status = actions.add_parser("status", help="what a running depot does")
    explain = actions.add_parser("explain", help="why a vehicle has the power that it has")
    explain.add_argument("of", nargs="?", default="", metavar="VEHICLE", help="or a charger; default: all of them")
    audit = actions.add_parser("audit", help="a day's energies, and why each vehicle had its power")
    audit.add_argument("of", nargs="?", default="", metavar="VEHICLE", help="or a charger; default: all of them")
    audit.add_argument("--day", type=calendar_day, metavar="YYYY-MM-DD", help="default: today")
    for each in (status, explain, audit):
        each.add_argument(
            "--socket", type=Path, default=DEFAULT_SOCKET, metavar="PATH", help=f"default: {DEFAULT_SOCKET}"
        )
        add_json(each)
    user = actions.add_parser("user", help="let a person sign in to the page, or give another password")
    user.add_argument("name", metavar="NAME")
    user.add_argument("--role", choices=("viewer", "operator"), default="viewer", help="default: viewer")
    user.add_argument("--file", type=Path, default=DEFAULT_USERS, metavar="FILE", help=f"default: {DEFAULT_USERS}")
    user.add_argument("--remove", action="store_true", help="let this person in no more")
    depot_codes.add_arguments(actions)
    depot_doctor.add_arguments(actions)
    depot_simulate.add_arguments(actions)
    depot_prequalify.add_arguments(actions, DEFAULT_SOCKET)
    check = actions.add_parser("check", help="check the configuration file and end")
    check.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=argparse.SUPPRESS)
    demo = actions.add_parser(
        "demo", help="a depot to try: 60 stations, two minutes; with --site a house's day; a report"
    )
    demo.add_argument(
        "--output", type=Path, default=DEMO, metavar="DIR", help="for the report and the ledger (default: ./v2g-depot)"
    )
    demo.add_argument("--seconds", type=number(least=1, most=7200), metavar="S", help="default: 120, of a house 60")
    demo.add_argument("--stations", type=whole(least=12, most=1000), default=60, metavar="N", help="default: 60")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `V2GError`."""
    match args.action:
        case "status" | "explain" | "audit":
            return _ask(args)
        case "user":
            return _user(args)
        case "demo":
            return depot_site.demonstrate(args) if args.site else _demonstrate(args)
        case "simulate":
            return depot_simulate.run(args)
        case "prequalify":
            return depot_prequalify.run(args)
    site, configuration, file = _loaded(args)
    args.config = file
    if args.action == "check":
        print(f"{file}: good")
        return 0
    if args.action == "codes":
        return depot_codes.run(args, configuration)
    if args.action == "doctor":
        return depot_doctor.run(args, configuration)
    if (args.mode == "relay") != (configuration.upstream is not None):
        need = "needs upstream in" if args.mode == "relay" else "has no use for upstream in"
        raise V2GError(f"--mode {args.mode} {need} {file}; set it, or choose the other mode")
    return _serve(configuration, site)


def _loaded(args: argparse.Namespace) -> tuple[Any, Any, Path]:
    """The configuration of a site, if it is one; as that of a depot; its file."""
    if not args.site:
        from v2g.io.depot_configuration import load

        file = args.config or DEFAULT_CONFIG
        return None, load(file), file
    from v2g.depot.site.configuration import depot_of
    from v2g.io import site_configuration

    file = args.config or DEFAULT_SITE
    site, warnings = site_configuration.load(file)
    for line in warnings:
        announce(line, warning=True)
    return site, depot_of(site), file


def _serve(configuration: Any, site: Any) -> int:
    import asyncio

    from v2g.run.depot import DepotProcess, open_ledger

    async def serve() -> None:
        ledger = await open_ledger(configuration.ledger)
        if site is None:
            depot = DepotProcess(configuration, ledger, announce)
        else:
            from v2g.run.site import SiteProcess

            depot = SiteProcess(site, ledger, announce)
        await depot.run()

    try:
        import uvloop
    except ImportError:
        asyncio.run(serve())
    else:
        uvloop.run(serve())
    return 0


def _demonstrate(args: argparse.Namespace) -> int:
    """Returns 0 if all went as it should, otherwise 1."""
    import asyncio
    import shutil

    from v2g.bench.depot.demo import perform
    from v2g.bench.depot.report import good, table, write
    from v2g.bench.depot.scene import recorded_hz

    folder = args.output / "depot"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    done = asyncio.run(
        perform(
            folder.resolve(), lambda text: print(text, flush=True), recorded_hz(), args.seconds or DEMO_S, args.stations
        )
    )
    report = write(args.output / "report.html", done)
    print(f"\n{table(done)}\n\n  report  {report.resolve()}\n  ledger  {(folder / 'ledger.db').resolve()}")
    return 0 if good(done) else 1


def _user(args: argparse.Namespace) -> int:
    """Write or remove a person's line. The password is asked for at a terminal, else read from the standard input."""
    from v2g.console.access import Role, hashed

    name: str = args.name
    if not re.fullmatch(r"[A-Za-z0-9._@-]{1,64}", name):
        raise UsageError(f"{name!r}: a name has 1 to 64 letters, digits, and . _ @ -")
    lines = regular_file.read_text(args.file).splitlines() if args.file.exists() else []
    others = [line for line in lines if line.partition(":")[0] != name]
    if args.remove:
        if len(others) == len(lines):
            raise UsageError(f"{args.file} has no {name}")
    else:
        others.append(hashed(name, Role(args.role), _password()))
    if not args.file.parent.is_dir():
        raise UsageError(f"{args.file}: there is no directory {args.file.parent}; make it, or name another with --file")
    with regular_file.written(args.file, 0o640) as file:
        file.writelines(f"{line}\n" for line in others)
    print(
        f"{args.file}: {name} is {'removed' if args.remove else args.role}; restart the depot or fleet for it to count"
    )
    return 0


def _password() -> str:
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\n")
    else:
        from getpass import getpass

        password = getpass("password: ")
        if getpass("once more: ") != password:
            raise UsageError("the two are not the same")
    if len(password) < LEAST_PASSWORD:
        raise UsageError(f"a password has at least {LEAST_PASSWORD} characters")
    return password


def _ask(args: argparse.Namespace) -> int:
    from v2g.io.control import request
    from v2g.run.depot import Audit, Explain, Status

    if args.action == "audit":
        begin = datetime.combine(args.day or date.today(), datetime.min.time())
        command: Any = Audit(begin.timestamp(), (begin + timedelta(days=1)).timestamp(), args.of)
    else:
        command = Status() if args.action == "status" else Explain(args.of)
    found = request(args.socket, command, timeout_s=ANSWERS_S, start="v2g depot --config FILE")
    if args.json:
        print(json.dumps(found, indent=2))
    elif args.action == "audit":
        print("\n\n".join(map(_audited, found)) or "no vehicle was here")
    elif args.action == "explain":
        blocks = ["\n  ".join(map(printable, lines)) for lines in found.values()]
        print("\n".join(blocks) or "no vehicle is here")
    else:
        print(overview(found))
    return 0


def _audited(row: dict[str, Any]) -> str:
    head = (
        f"{printable(row['vehicle'] or 'an unknown vehicle')} at {row['charger']}, {_clock(row['since_unix_s'])} to "
        f"{_clock(row['until_unix_s']) if row['ended'] else 'now'}: charged {kwh(row['charged_wh'])}, discharged "
        f"{kwh(row['discharged_wh'])}"
    )
    missing = [f"  {row['missing_events']} events have not come"] if row["missing_events"] else []
    return "\n".join([head, *missing, *(f"  {_clock(each['unix_s'])}  {printable(each['why'])}"
                                        for each in row["decisions"])])  # fmt: skip


def _clock(unix_s: float) -> str:
    """The local time of day; with its zone in the hour that happens twice when summer time ends."""
    local = datetime.fromtimestamp(unix_s)
    twice = local.replace(fold=0).timestamp() != local.replace(fold=1).timestamp()
    return local.astimezone().strftime("%H:%M:%S %Z" if twice else "%H:%M:%S")


_FOR_PROGRAMS = ("changed", "cycles", "acknowledged", "acknowledged_s", "unacknowledged")
"""How the controller itself does."""
_OF_HOME = ("sun_w", "battery_w", "battery_soc_pu")


def overview(found: dict[str, Any]) -> str:
    """What `v2g depot status` prints: the site in few numbers, what is wrong, and a row for each charger; of a house
    what each car does, and why."""
    from v2g.cli.status import table

    aside = ("name", "unix_s", "columns", "rows", "notices", "home", *_FOR_PROGRAMS)
    time = datetime.fromtimestamp(found["unix_s"]).strftime("%Y-%m-%d %H:%M:%S")
    numbers, home = {key: value for key, value in found.items() if key not in aside}, found.get("home", {})
    numbers |= {key: value for key, value in home.items() if key in _OF_HOME}
    lines = [table({"depot": [{"name": found["name"], "time": time} | numbers]}), ""]
    lines += [printable(f"{car['id']}: {car['why']}") for car in home.get("cars", ())]
    lines += [printable(f"{notice['code']} {notice['text']}") for notice in found.get("notices", ())]
    texts = [list(found["columns"]), *([_cell(value) for value in row] for row in found["rows"])]
    widths = [max(len(row[place]) for row in texts) for place in range(len(texts[0]))]
    lines += ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in texts]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else printable(str(value))
