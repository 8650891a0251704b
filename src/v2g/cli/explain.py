"""`v2g explain`: why a running station delivers what it delivers."""

import argparse
import json

from v2g.cli.arguments import add_evse, add_json, add_socket
from v2g.kernel.printable import printable
from v2g.kernel.units import kw


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    add_evse(parser)
    add_json(parser, "for programs, with every figure")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `ControlError` if the daemon does not answer or refuses."""
    from v2g.io.control import request
    from v2g.station.command import Explain

    explained = request(args.socket, Explain(evse=args.evse))
    if args.json:
        print(json.dumps(explained, indent=2))
        return 0
    for each in explained:
        print(printable(f"EVSE {each['evse']}: {each['why']}"))
        for bound in each.get("bounds", []):
            detail = f" ({bound['detail']})" if bound["detail"] else ""
            print(printable(f"  {kw(bound['allows_w']):>11}  {bound['source']}{detail}"))
    return 0
