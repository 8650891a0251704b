"""`v2g daemon`: serve cars at one or more EVSEs."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.cli.arguments import whole
from v2g.cli.terminal import announce

if TYPE_CHECKING:
    from v2g.station.config.settings import Settings

DEFAULT_CONFIG = Path("/etc/v2g/config.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_start(parser)
    parser.add_argument("--once", action="store_true", help="end after the first session")


def add_start(parser: argparse.ArgumentParser) -> None:
    """How the daemon is started, for whatever must know it; `started` reads it."""
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"default: {DEFAULT_CONFIG}"
    )
    parser.add_argument("--interface", metavar="IF", help="network interface of the first EVSE")
    port = whole(least=0, most=65_535)
    parser.add_argument("--port", type=port, metavar="N", help="TCP port of the first EVSE; 0 takes a free one")
    parser.add_argument(
        "--host", metavar="ADDR", default="::1", help="where EVSEs without an interface listen (default: ::1)"
    )
    parser.add_argument("--no-tls", action="store_true", help="plain TCP: for a bench only, ISO 15118-20 demands TLS")


def started(settings: "Settings", args: argparse.Namespace) -> "Settings":
    """The configuration with what the command line says instead."""
    from msgspec.structs import replace

    given = {name: value for name in ("interface", "port") if (value := getattr(args, name)) is not None}
    first, *others = settings.evses
    return replace(settings, evses=(replace(first, **given), *others))


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM. Returns 0; configuration errors raise `V2GError`, for which the caller exits with 2."""
    import asyncio

    from v2g.io.configuration import load
    from v2g.run.station import StationProcess

    settings, warnings = load(args.config)
    for line in warnings:
        announce(line, warning=True)
    settings = started(settings, args)

    async def serve() -> None:
        station = StationProcess(
            settings, tls=not args.no_tls, host=args.host, once=args.once, file=args.config.absolute()
        )
        await station.run(announce)

    asyncio.run(serve())
    return 0


def main() -> int:
    """The command `v2g_daemon`: the same, without the word `daemon`."""
    from v2g.cli import main as v2g

    return v2g(["daemon", *sys.argv[1:]])
