"""`v2g fleet status|depots|request|withdraw`: ask a running fleet, or ask something of it."""

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from v2g.cli.arguments import add_json, number
from v2g.cli.parser import UsageError
from v2g.kernel.printable import printable

DEFAULT_SOCKET = Path("/run/v2g/fleet.sock")
ANSWERS_S = 30.0
WATTS = number(least=-1_000_000_000, most=1_000_000_000)
OPERATOR = "operator"


def add_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    status = actions.add_parser("status", help="what a running fleet does")
    depots = actions.add_parser("depots", help="a row for each depot: what it does, could do, and why")
    request = actions.add_parser("request", help="ask the fleet for a power")
    request.add_argument("power_w", nargs="?", type=WATTS, metavar="WATTS", help="drawn; negative is fed")
    request.add_argument("--for", dest="for_s", type=number(above=0, most=31_536_000), metavar="S",
                         help="how long it holds")  # fmt: skip
    request.add_argument("--default", type=WATTS, metavar="WATTS", help="what holds after that (default: nothing)")
    request.add_argument("--document", metavar="JSON", help="another request, as in docs/depot.md")
    withdraw = actions.add_parser("withdraw", help="end a request")
    for each in (request, withdraw):
        each.add_argument("--by", default=OPERATOR, metavar="NAME", help=f"whose it is (default: {OPERATOR})")
    for each in (status, depots, request, withdraw):
        each.add_argument(
            "--socket", type=Path, default=DEFAULT_SOCKET, metavar="PATH", help=f"default: {DEFAULT_SOCKET}"
        )
    for each in (status, depots):
        add_json(each)


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `ControlError` if the fleet does not answer, or refuses."""
    from v2g.io.control import request
    from v2g.run.fleet import Ask, Status, Withdraw

    command: Any = Status()
    if args.action == "request":
        command = Ask(args.by, _document(args))
    elif args.action == "withdraw":
        command = Withdraw(args.by)
    found = request(args.socket, command, timeout_s=ANSWERS_S, start="v2g fleet --config FILE")
    if args.action in ("request", "withdraw"):
        print(" ".join(f"{key} by {value}" for key, value in found.items()))
    elif args.json:
        rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
        numbers = {key: value for key, value in found.items() if key not in ("columns", "rows")}
        print(json.dumps(rows if args.action == "depots" else numbers, indent=2))
    else:
        print(depots(found) if args.action == "depots" else overview(found))
    return 0


def _document(args: argparse.Namespace) -> dict[str, Any]:
    if (args.power_w is None) == (args.document is None):
        raise UsageError("say a power in watts, or a request with --document")
    found: dict[str, Any] = {"type": "power", "power_w": args.power_w}
    if args.document is not None:
        try:
            found = msgspec.json.decode(args.document, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise UsageError(f"--document is no JSON object: {error}") from error
    if args.for_s is not None:
        found["for_s"] = args.for_s
    if args.default is not None:
        found["default_w"] = args.default
    return found


def overview(found: dict[str, Any]) -> str:
    """The fleet in few numbers, and what is wrong."""
    from v2g.cli.status import table

    aside = ("name", "unix_s", "columns", "rows", "notices")
    time = datetime.fromtimestamp(found["unix_s"]).strftime("%Y-%m-%d %H:%M:%S")
    numbers = {key: value for key, value in found.items() if key not in aside}
    lines = [table({"fleet": [{"name": found["name"], "time": time} | numbers]})]
    return "\n".join([*lines, *(printable(f"{each['code']} {each['text']}") for each in found["notices"])])


def depots(found: dict[str, Any]) -> str:
    """A row for each depot."""
    texts = [list(found["columns"]), *([_cell(value) for value in row] for row in found["rows"])]
    widths = [max(len(row[place]) for row in texts) for place in range(len(texts[0]))]
    rows = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in texts)
    return "\n".join(rows)


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else printable(str(value))
