"""`v2g ems`: what an energy management system asks of a running station, beside its back end."""

import argparse

from v2g.cli.arguments import add_socket, number

WATTS = number(least=-10_000_000, most=10_000_000)
MAGNITUDE = number(least=0, most=10_000_000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    parser.add_argument("--evse", type=int, default=0, metavar="ID", help="default: the whole station")
    parser.add_argument("--limit", type=MAGNITUDE, metavar="W", help="charge at most this")
    parser.add_argument("--discharge-limit", type=MAGNITUDE, metavar="W", help="feed at most this")
    parser.add_argument("--setpoint", type=WATTS, metavar="W", help="positive charges the vehicles, negative feeds")
    parser.add_argument("--reactive", type=WATTS, metavar="VAR", help="reactive power, positive as drawn")
    parser.add_argument(
        "--load",
        type=WATTS,
        metavar="W",
        help="what the meter of the connection shows; positive takes from the grid",
    )
    parser.add_argument("--for", dest="for_s", type=int, metavar="S", help="how long it holds without a new call")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `ControlError` if the station does not answer, or refuses. Without values it releases."""
    from v2g.io.control import request
    from v2g.station.command import Ems

    asked = Ems(
        evse=args.evse or None,
        limit_w=args.limit,
        discharge_w=args.discharge_limit,
        setpoint_w=args.setpoint,
        drawn_var=args.reactive,
        load_w=args.load,
        for_s=args.for_s,
    )
    print(request(args.socket, asked))
    return 0
