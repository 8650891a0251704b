"""`v2g status`, `stop`, `pause` and `restart`: speak to the daemon on this machine, through its control socket."""

import argparse
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from v2g.kernel.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from v2g.station.config.settings import Control

    socket = Control().socket
    parser.add_argument("--socket", type=Path, default=socket, metavar="PATH", help=f"default: {socket}")
    if parser.get_default("command") == "status":
        parser.add_argument("--json", action="store_true", help="for programs")
    elif parser.get_default("command") == "restart":
        parser.add_argument("--force", action="store_true", help="also while energy flows: end the transfer first")
    else:
        parser.add_argument("--evse", type=int, metavar="N", help="this one only; all where left out")


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 when there was no session to stop or pause. Raises `ControlError`, also for a refusal."""
    from v2g.io.control import request
    from v2g.station import command

    if args.command == "status":
        status = request(args.socket, command.Status())
        print(json.dumps(status, indent=2) if args.json else _table(status))
        return 0
    if args.command == "restart":
        request(args.socket, command.Restart(force=args.force))
        print("the daemon ends its sessions and makes the hardware safe; its supervisor starts it again")
        return 0
    asked = request(args.socket, {"stop": command.Stop, "pause": command.Pause}[args.command](evse=args.evse))
    evses = ", ".join(map(str, asked["asked"]))
    print(f"asked the car to {args.command}: EVSE {evses}" if evses else "no car is in session")
    return 0 if evses else 1


def _table(status: Mapping[str, Any]) -> str:
    """Keys and values in 80 columns, a block for each item of a list; what is empty or not known is left out."""
    blocks = []
    for key, value in status.items():
        for item in value if isinstance(value, list) else [{key: value}]:
            rows = {name: text for name, each in item.items() if (text := _text(each))}
            width = max(map(len, rows), default=0) + 2
            blocks.append("\n".join(_row(name, text, width) for name, text in rows.items()))
    return "\n\n".join(blocks)


def _row(name: str, text: str, width: int) -> str:
    pieces = [piece for line in text.split("\n") for piece in textwrap.wrap(line, 80 - width)]
    return f"\n{'':{width}}".join([f"{name:{width}}{pieces[0]}", *pieces[1:]])


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{round(value, 3):.9g}"
        case dict():
            return "\n".join(f"{key}: {_text(each)}" for key, each in value.items())
        case list():
            return ", ".join(map(_text, value))
    return printable(str(value))
