"""`v2g restart`: end the daemon, for its supervisor (systemd) to start it again."""

import argparse

from v2g.cli.arguments import add_socket


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--wait", action="store_true", help="once no car is in session, if one is now")
    how.add_argument(
        "--check", action="store_true", help="only say whether it may happen now (exit code 1: it may not)"
    )
    how.add_argument("--force", action="store_true", help="also while energy flows: end the transfer first")


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if it was only asked and may not happen. Raises `ControlError` if the daemon does not answer, or
    refuses because energy is transferred."""
    from v2g.io.control import request
    from v2g.station.command import Restart

    result = request(args.socket, Restart(force=args.force, wait=args.wait, ask=args.check))
    if args.check:
        print("the daemon may be restarted now" if result["may"] else result["reason"])
        return 0 if result["may"] else 1
    if not result["ends"]:
        print(f"{result['reason'] or 'a car is in session'}\nthe daemon restarts once no car is in session")
        return 0
    print("the daemon ends its sessions and makes the hardware safe; its supervisor starts it again")
    return 0
