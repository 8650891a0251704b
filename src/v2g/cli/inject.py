"""`v2g inject`, also as `grid_inject_cmd`: let a running station charge, discharge or rest.

The daemon checks the command, and refuses it with the reason or carries it out. A user who may not write to the control
socket may not command the station.
"""

import argparse
import sys

from v2g.cli.arguments import add_evse, add_socket, number
from v2g.cli.parser import UsageError
from v2g.kernel.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    add_evse(parser, "needed if there are several")
    parser.add_argument(
        "--mode", required=True, choices=("charge", "discharge", "idle", "auto"), help="auto: back to the plan"
    )
    parser.add_argument(
        "--p_val", type=number(least=0, most=10_000), default=0.0, metavar="KW", help="active power, a magnitude"
    )
    parser.add_argument(
        "--q_val", type=number(least=-10_000, most=10_000), default=0.0, metavar="KVAR",
        help="reactive power, positive is fed into the grid; 0 leaves it to the grid code",
    )  # fmt: skip
    parser.add_argument(
        "--for", type=number(above=0, most=31_536_000), dest="for_s", metavar="S", help="then back to the plan"
    )


def run(args: argparse.Namespace) -> int:
    """Returns 0 once the station follows. Raises `UsageError`, or `ControlError` if it refuses or does not answer."""
    from v2g.io.control import request
    from v2g.station.command import Inject

    power_w, fed_var = args.p_val * 1000, args.q_val * 1000
    asked = Inject(mode=args.mode, power_w=power_w, fed_var=fed_var, for_s=args.for_s, evse=args.evse)
    if args.mode in ("charge", "discharge") and not args.p_val:
        raise UsageError(f"--mode {args.mode} needs --p_val KW above 0; for no power choose --mode idle")
    for each in request(args.socket, asked):
        print(printable(f"EVSE {each['evse']}: {each['why']}"))
    return 0


def main() -> int:
    """The command `grid_inject_cmd`."""
    from v2g.cli import main as v2g

    return v2g(["inject", *sys.argv[1:]])
