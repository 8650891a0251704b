"""`v2g demo`: station, car and hardware on this machine, and a report of what they did."""

import argparse
from pathlib import Path

from v2g.cli.parser import UsageError
from v2g.kernel import regular_file

DIRECTORY = Path("v2g-demo")
CARS = ("iso20-dc", "iso20-pnc", "iso2-dc", "iso2-ac", "iso2-pnc", "iso2-v2g", "din", "din-v2g")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--car", choices=CARS, default="iso20-dc", help="what car it is (default: iso20-dc)")
    parser.add_argument("--ocpp", action="store_true", help="with a back end (OCPP), whose orders the station follows")
    parser.add_argument(
        "--output",
        type=Path,
        default=DIRECTORY,
        metavar="DIR",
        help="for the report and the trace (default: ./v2g-demo)",
    )


def run(args: argparse.Namespace) -> int:
    """Returns 0 if the session was completed, otherwise 1. Raises `V2GError` if it cannot begin."""
    import asyncio

    from v2g.bench.demo.report import write
    from v2g.bench.demo.show import perform, table

    try:
        args.output.mkdir(parents=True, exist_ok=True)
        for name in ("session_trace.log", "report.html"):
            regular_file.check(args.output / name)
        (args.output / "session_trace.log").open("a").close()
    except OSError as error:
        remedy = "name a directory that you may write to with --output DIR"
        raise UsageError(f"{args.output}: {error.strerror}; {remedy}") from error
    directory = args.output.resolve()
    performance = asyncio.run(perform(directory, args.car, lambda text: print(text, flush=True), ocpp=args.ocpp))
    print()
    print(table(performance))
    report = write(directory / "report.html", performance)
    print(f"\n  report  {report}\n  trace   {directory / 'session_trace.log'}")
    return 0 if performance.completed else 1
