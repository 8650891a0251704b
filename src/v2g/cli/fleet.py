"""`v2g fleet`: run a fleet of depots, or ask a running one."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.cli import fleet_ask, fleet_books, fleet_doctor
from v2g.cli.arguments import number, whole
from v2g.cli.terminal import announce
from v2g.kernel.errors import V2GError
from v2g.kernel.regular_file import written

if TYPE_CHECKING:
    from v2g.fleet.configuration import FleetConfiguration
    from v2g.io.fleet_nats import Access

DEFAULT_CONFIG = Path("/etc/v2g/fleet.yaml")
DEFAULT_STORE = Path("/var/lib/v2g/fleet-servers")
PORT = 4222
DEMO = Path("v2g-fleet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"default: {DEFAULT_CONFIG}"
    )
    parser.add_argument(
        "--embedded", action="store_true", help="run the servers too, on this machine and in clear: for a bench"
    )
    parser.add_argument(
        "--nodes", type=whole(least=1, most=5), default=1, metavar="N", help="servers of --embedded (default: 1)"
    )
    parser.add_argument(
        "--store", type=Path, default=DEFAULT_STORE, metavar="DIR",
        help=f"of the servers of --embedded (default: {DEFAULT_STORE})",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=whole(least=1, most=62_335), default=PORT, metavar="PORT",
        help=f"of the first server of --embedded (default: {PORT})",
    )  # fmt: skip
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    fleet_ask.add_arguments(actions)
    fleet_books.add_arguments(actions)
    check = actions.add_parser("check", help="check the configuration file and end")
    doctor = actions.add_parser("doctor", help="what may be wrong with the servers, the ledger or the fleet")
    servers = actions.add_parser("servers", help="write the files of servers on machines of their own")
    for each in (check, doctor, servers):
        add_config(each)
    fleet_doctor.add_arguments(doctor)
    demo = actions.add_parser("demo", help="a fleet to try: 20 depots, 1 000 chargers, two minutes; a report")
    demo.add_argument(
        "--output", type=Path, default=DEMO, metavar="DIR", help="for the report and the ledger (default: ./v2g-fleet)"
    )
    demo.add_argument("--seconds", type=number(least=20, most=7200), default=120.0, metavar="S", help="default: 120")
    demo.add_argument("--depots", type=whole(least=1, most=100), default=20, metavar="N", help="default: 20")
    demo.add_argument("--chargers", type=whole(least=1, most=500), default=50, metavar="N", help="default: 50")
    day = actions.add_parser("day", help="a recorded day of frequency answered by a fleet, in virtual time; a report")
    day.add_argument(
        "--output", type=Path, default=DEMO, metavar="DIR", help="for the report and the ledger (default: ./v2g-fleet)"
    )
    day.add_argument("--frequency", type=Path, metavar="FILE", help="another day: a value in Hz a second, each a line")
    day.add_argument("--hours", type=number(above=0, most=24), default=24.0, metavar="H", help="default: 24")
    day.add_argument("--depots", type=whole(least=1, most=100), default=6, metavar="N", help="default: 6")
    day.add_argument("--chargers", type=whole(least=1, most=500), default=20, metavar="N", help="default: 20")
    servers.add_argument("hosts", nargs="+", metavar="HOST", help="of each server, as the others reach it")
    servers.add_argument("--output", type=Path, required=True, metavar="DIR", help="for the files and the passwords")
    servers.add_argument("--store", type=Path, default=Path("/var/lib/nats"), metavar="DIR",
                         help="of each server (default: /var/lib/nats)")  # fmt: skip
    servers.add_argument("--certificate", type=Path, metavar="FILE", help="of each server, on its machine, PEM")
    servers.add_argument("--private-key", type=Path, metavar="FILE", help="of the certificate, PEM")
    servers.add_argument("--roots", type=Path, metavar="FILE", help="of the other servers' certificates, PEM")


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config`, also after the action."""
    parser.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if the doctor finds a fault. Raises `V2GError`."""
    match args.action:
        case "status" | "depots" | "request" | "withdraw":
            return fleet_ask.run(args)
        case "demo":
            return _demonstrate(args)
        case "day":
            return _pass_a_day(args)
    configuration = loaded(args.config, makes_passwords=args.action == "servers")
    match args.action:
        case "check":
            print(f"{args.config}: good, {len(configuration.depots)} depots")
            return 0
        case "settle" | "audit":
            return fleet_books.run(args, configuration)
        case "doctor":
            return fleet_doctor.run(args, configuration)
        case "servers":
            return _servers(args, configuration)
    return _serve(args, configuration)


def _demonstrate(args: argparse.Namespace) -> int:
    """Returns 0 if all went as it should, otherwise 1."""
    import asyncio
    import shutil

    from v2g.bench.fleet.demo import perform
    from v2g.bench.fleet.report import good, table, write

    folder = args.output / "fleet"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    done = asyncio.run(perform(folder.resolve(), announce, args.seconds, args.depots, args.chargers))
    report = write(args.output / "report.html", done)
    print(f"\n{table(done)}\n\n  report  {report.resolve()}\n  ledger  {(folder / 'fleet.db').resolve()}")
    return 0 if good(done) else 1


def _pass_a_day(args: argparse.Namespace) -> int:
    """Returns 0 if the fleet did what it had offered, otherwise 1."""
    import asyncio
    import shutil

    from v2g.bench.fleet.day import Scene, measured_hz, perform
    from v2g.bench.fleet.day_report import good, table, write

    frequencies_hz = None if args.frequency is None else measured_hz(args.frequency)
    folder = args.output / "day"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scene = Scene(depots=args.depots, chargers=args.chargers, hours=args.hours)
    day = asyncio.run(perform(folder.resolve(), scene, frequencies_hz, lambda hour: announce(f"{hour:5.1f} h")))
    report = write(args.output / "day.html", day)
    print(f"\n{table(day)}\n\n  report  {report.resolve()}\n  ledger  {(folder / 'day.db').resolve()}")
    return 0 if good(day) else 1


def loaded(file: Path, *, makes_passwords: bool = False) -> "FleetConfiguration":
    """The configuration; its warnings are printed. `makes_passwords`: those that are missing. Raises `V2GError`."""
    from v2g.io.fleet_configuration import load

    configuration, warnings = load(file, makes_passwords=makes_passwords)
    for line in warnings:
        announce(line, warning=True)
    return configuration


def _servers(args: argparse.Namespace, configuration: "FleetConfiguration") -> int:
    from v2g.io.nats_server import Tls
    from v2g.run.fleet_servers import Place, deployed

    tls = None
    if args.certificate is not None and args.private_key is not None:
        tls = Tls(certificate=args.certificate, private_key=args.private_key, roots=args.roots)
    elif args.certificate is not None or args.private_key is not None:
        raise V2GError("--certificate and --private-key belong together; give both or neither")
    elif any(each not in ("127.0.0.1", "localhost") for each in args.hosts):
        raise V2GError("servers beyond this machine need TLS; give --certificate and --private-key")
    texts = deployed(configuration, args.output, args.hosts, Place(args.store, PORT, tls))
    for (name, text), host in zip(texts.items(), args.hosts, strict=True):
        file = args.output / name
        with written(file, 0o600) as opened:
            opened.write(text)
        print(f"{file}: for {host}; there: nats-server -c {name}")
    return 0


def _serve(args: argparse.Namespace, configuration: "FleetConfiguration") -> int:
    import asyncio

    try:
        import uvloop
    except ImportError:
        asyncio.run(_run(args, configuration))
    else:
        uvloop.run(_run(args, configuration))
    return 0


async def _run(args: argparse.Namespace, configuration: "FleetConfiguration") -> None:
    from contextlib import AsyncExitStack

    from msgspec.structs import replace

    from v2g.run.fleet import FleetProcess, open_ledger
    from v2g.run.fleet_servers import access_of

    async with AsyncExitStack() as stack:
        if args.embedded:
            configuration = replace(configuration, servers=replace(configuration.servers, replicas=args.nodes))
            access = await _embedded(args, configuration, stack)
        else:
            access = access_of(configuration)
        ledger = await open_ledger(configuration.ledger)
        fleet = FleetProcess(configuration, ledger, access, announce, embedded=args.embedded)
        await fleet.run(lambda: announce("depots and requests are heard"))


async def _embedded(args: argparse.Namespace, configuration: "FleetConfiguration", stack: Any) -> "Access":
    import asyncio

    from v2g.run.fleet_servers import embedded, keep, ports_from

    found = embedded(configuration, args.store.resolve(), ports_from(args.port, args.nodes))
    for each in found.servers:
        stack.push_async_callback(each.stop)
    await asyncio.gather(*(each.start() for each in found.servers))
    for each in found.servers:
        stack.callback(asyncio.create_task(keep(each, announce)).cancel)
    announce(f"depots connect at {', '.join(found.leaves)}; passwords without a file of their own are in {args.store}")
    return found.access
