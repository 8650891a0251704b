"""`v2g pause`: ask the car of a running station to pause its session."""

import argparse

from v2g.cli.stop import add_arguments, ask

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if no car is in session. Raises `ControlError` if the daemon does not answer or refuses."""
    from v2g.station.command import Pause

    return ask(args, Pause(evse=args.evse), "pause")
