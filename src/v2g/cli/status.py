"""`v2g status`: what a running station does, and what limits its power."""

import argparse
import json
import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from v2g.cli.arguments import add_json, add_socket
from v2g.kernel.printable import printable

_FOR_PROGRAMS = ("sequence", "unix_s", "clock_steps")
"""How old the answer is, which a person has just asked for; whether somebody set the clock (`v2g doctor`)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    add_json(parser)
    parser.add_argument(
        "--serving", action="store_true",
        help="only say whether cars are served: discovery answers, the devices are read, the back end has accepted",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if it was asked whether cars are served, and they are not. Raises `ControlError` if the daemon
    does not answer or refuses."""
    from v2g.io.control import request
    from v2g.station.command import Serving, Status

    if args.serving:
        reasons = request(args.socket, Serving())["reasons"]
        print("\n".join(reasons) or "cars are served")
        return 1 if reasons else 0

    status = request(args.socket, Status())
    if args.json:
        print(json.dumps(status, indent=2))
    else:
        print(table({key: value for key, value in status.items() if key not in _FOR_PROGRAMS}))
    return 0


def table(status: Mapping[str, Any]) -> str:
    """Keys and values in 80 columns, a block for each item of a list; what is empty or not known is left out."""
    blocks = []
    for key, value in status.items():
        for item in value if isinstance(value, list) else [{key: value}]:
            rows = {name: text for name, each in item.items() if (text := _text(each, name))}
            width = max(map(len, rows), default=0) + 2
            blocks.append("\n".join(_row(name, text, width) for name, text in rows.items()))
    return "\n\n".join(blocks)


def _row(name: str, text: str, width: int) -> str:
    pieces = [piece for line in text.split("\n") for piece in textwrap.wrap(line, 80 - width)]
    return f"\n{'':{width}}".join([f"{name:{width}}{pieces[0]}", *pieces[1:]])


def _text(value: object, name: str = "") -> str:
    match value:
        case float() if name.endswith("unix_s"):
            return datetime.fromtimestamp(value).astimezone().isoformat(" ", "seconds")
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{round(value, 3):.9g}"
        case dict():
            return "\n".join(f"{key}: {text}" for key, each in value.items() if (text := _text(each, key)))
        case list():
            return ", ".join(map(_text, value))
    return printable(str(value))
