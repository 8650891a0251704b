"""`v2g depot`: run a depot's controller, or ask a running one."""

import argparse
import json
from pathlib import Path
from typing import Any

from v2g.cli.arguments import add_json, number, whole
from v2g.kernel.printable import printable

DEMO = Path("v2g-depot")
DEFAULT_CONFIG, DEFAULT_SOCKET = Path("/etc/v2g/depot.yaml"), Path("/run/v2g/depot.sock")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mode", choices=("local",), default="local", help="local: be the CSMS of the site's stations")
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"default: {DEFAULT_CONFIG}"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    status = actions.add_parser("status", help="what a running depot does")
    explain = actions.add_parser("explain", help="why a vehicle has the power that it has")
    explain.add_argument("of", nargs="?", default="", metavar="VEHICLE", help="or a charger; default: all of them")
    for each in (status, explain):
        each.add_argument(
            "--socket", type=Path, default=DEFAULT_SOCKET, metavar="PATH", help=f"default: {DEFAULT_SOCKET}"
        )
        add_json(each)
    actions.add_parser("check", help="check the configuration file and end")
    demo = actions.add_parser("demo", help="a depot to try: 60 stations, two minutes, a report")
    demo.add_argument(
        "--output", type=Path, default=DEMO, metavar="DIR", help="for the report and the ledger (default: ./v2g-depot)"
    )
    demo.add_argument("--seconds", type=number(least=30, most=7200), default=120.0, metavar="S", help="default: 120")
    demo.add_argument("--stations", type=whole(least=12, most=1000), default=60, metavar="N", help="default: 60")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `V2GError`."""
    match args.action:
        case "status" | "explain":
            return _ask(args)
        case "demo":
            return _demonstrate(args)
    from v2g.io.depot_configuration import load

    configuration = load(args.config)
    if args.action == "check":
        print(f"{args.config}: good")
        return 0
    return _serve(configuration)


def _serve(configuration: Any) -> int:
    import asyncio

    from v2g.run.depot import DepotProcess

    async def serve() -> None:
        depot = DepotProcess(configuration, lambda text: print(printable(text), flush=True))
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
        perform(folder.resolve(), lambda text: print(text, flush=True), recorded_hz(), args.seconds, args.stations)
    )
    report = write(args.output / "report.html", done)
    print(f"\n{table(done)}\n\n  report  {report.resolve()}\n  ledger  {(folder / 'ledger.db').resolve()}")
    return 0 if good(done) else 1


def _ask(args: argparse.Namespace) -> int:
    from v2g.io.control import request
    from v2g.run.depot import Explain, Status

    found = request(args.socket, Status() if args.action == "status" else Explain(args.of))
    if args.json:
        print(json.dumps(found, indent=2))
    elif args.action == "explain":
        blocks = ["\n  ".join(map(printable, lines)) for lines in found.values()]
        print("\n".join(blocks) or "no vehicle is here")
    else:
        _show(found)
    return 0


def _show(found: dict[str, Any]) -> None:
    from v2g.cli.status import table

    columns, rows = found.pop("columns"), found.pop("rows")
    print(table(found))
    texts = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(columns))]
    print()
    for row in texts:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else printable(str(value))
