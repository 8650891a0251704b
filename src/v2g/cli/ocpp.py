"""`v2g ocpp`: what a running station and its back end have with each other."""

import argparse
import json

from v2g.cli.arguments import add_json, add_socket
from v2g.cli.status import table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    add_json(parser)
    parser.add_argument(
        "show",
        nargs="?",
        default="status",
        choices=("status", "queue", "variables", "profiles"),
        help="the link; messages that wait for it; the device model; charging profiles",
    )


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `ControlError` if the daemon does not answer, or has no back end."""
    from v2g.io.control import request
    from v2g.station.command import Ocpp

    found = request(args.socket, Ocpp(show=args.show))
    if args.json:
        print(json.dumps(found, indent=2))
    elif isinstance(found, list):
        print(table({"": found}) if found else f"no {args.show}")
    else:
        print(table(found))
    return 0
