"""`v2g restart`: end the daemon, for its supervisor (systemd) to start it again."""

import argparse
from pathlib import Path

from v2g.cli.arguments import add_socket


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--wait", action="store_true", help="once no car is in session, if one is now")
    how.add_argument(
        "--check", action="store_true", help="only say whether energy flows (exit code 1: a restart may not happen now)"
    )
    how.add_argument(
        "--force",
        action="store_true",
        help="also while energy flows, which is ended first; whatever the configuration is",
    )


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 if it was only asked and may not happen. Raises `ControlError` if the daemon does not answer, or
    refuses because energy is transferred; `V2GError` if its configuration has become one that it does not start with.
    """
    from v2g.io.control import request
    from v2g.station.command import Restart

    if not (args.check or args.force):
        _would_start(request(args.socket, Restart(ask=True)).get("file"))
    result = request(args.socket, Restart(force=args.force, wait=args.wait, ask=args.check))
    if args.check:
        print("the daemon may be restarted now" if result["may"] else result["reason"])
        return 0 if result["may"] else 1
    if not result["ends"]:
        print(f"{result['reason'] or 'a car is in session'}\nthe daemon restarts once no car is in session")
        return 0
    print("the daemon ends its sessions and makes the hardware safe; its supervisor starts it again")
    return 0


def _would_start(file: str | None) -> None:
    """By this version, which the daemon may not be yet. Raises `V2GError` if the file has become unfit. `file`: None if
    the daemon is of a version that does not name it."""
    from v2g.io.configuration import load
    from v2g.kernel.errors import V2GError

    if file is None:
        return
    try:
        load(Path(file))
    except V2GError as error:
        if isinstance(error.__cause__, PermissionError):  # who may restart the daemon need not see its configuration
            return
        text = f"{error}\nthe daemon runs on, and would not start with this; mend it, or `v2g restart --force`"
        raise V2GError(text) from error
