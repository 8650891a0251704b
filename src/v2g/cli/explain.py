"""`v2g explain`: why a running station delivers what it delivers."""

import argparse
import json
from pathlib import Path

from v2g.kernel.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from v2g.station.config.settings import Control

    socket = Control().socket
    parser.add_argument("--socket", type=Path, default=socket, metavar="PATH", help=f"default: {socket}")
    parser.add_argument("--evse", type=int, metavar="N", help="this one only (default: all)")
    parser.add_argument("--json", action="store_true", help="for programs, with every figure")


def run(args: argparse.Namespace) -> int:
    """Returns 0. Raises `ControlError` if the daemon does not answer or refuses."""
    from v2g.io.control import request
    from v2g.station.command import Explain

    explained = request(args.socket, Explain(evse=args.evse))
    if args.json:
        print(json.dumps(explained, indent=2))
        return 0
    for each in explained:
        print(f"EVSE {each['evse']}: {printable(each['why'])}")
        for bound in each.get("bounds", []):
            detail = f" ({bound['detail']})" if bound["detail"] else ""
            print(f"  {bound['allows_w'] / 1000:8.1f} kW  {printable(bound['source'] + detail)}")
    return 0
