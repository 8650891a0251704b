"""`v2g restart`: end the daemon, for its supervisor (systemd) to start it again."""

import argparse

from v2g.cli.arguments import add_socket


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    parser.add_argument("--force", action="store_true", help="also while energy flows: end the transfer first")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `ControlError` if the daemon does not answer, or refuses because energy is transferred."""
    from v2g.io.control import request
    from v2g.station.command import Restart

    request(args.socket, Restart(force=args.force))
    print("the daemon ends its sessions and makes the hardware safe; its supervisor starts it again")
    return 0
