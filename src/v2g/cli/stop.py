"""`v2g stop`: ask the car of a running station to end its session."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from v2g.cli.arguments import add_evse, add_socket

if TYPE_CHECKING:
    from v2g.station.command import Pause, Stop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    add_evse(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if no car is in session. Raises `ControlError` if the daemon does not answer or refuses."""
    from v2g.station.command import Stop

    return ask(args, Stop(evse=args.evse), "stop")


def ask(args: argparse.Namespace, command: "Stop | Pause", verb: str) -> int:
    """Ask cars to end or to pause, and print at which EVSEs; as `run`."""
    from v2g.io.control import request

    asked: Sequence[int] = request(args.socket, command)["asked"]
    print(f"asked the car to {verb}: EVSE {', '.join(map(str, asked))}" if asked else "no car is in session")
    return 0 if asked else 1
