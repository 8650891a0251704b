"""`v2g modbus-write`, also as `modbus_write`: set a limit in the inverter of a running station.

The daemon checks the command, and refuses it with the reason or carries it out. A user who may not write to the control
socket may not command the station.
"""

import argparse
import sys

from v2g.cli.arguments import add_evse, add_socket, whole
from v2g.cli.terminal import warn
from v2g.kernel.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_socket(parser)
    add_evse(parser, "needed if there are several")
    register = whole(least=0, most=0xFFFF)
    parser.add_argument("--address", type=register, required=True, help="of the register, such as 0x4001")
    parser.add_argument("--value", type=register, required=True, help="of the register; 0x4001: watts")


def run(args: argparse.Namespace) -> int:
    """Returns 0 if the inverter holds the limit, 1 if it does not answer. Raises `ControlError` if it is refused."""
    from v2g.io.control import request
    from v2g.station.command import WriteRegister

    written = request(args.socket, WriteRegister(address=args.address, value=args.value, evse=args.evse))
    name, held_w = written["register"], written["held_w"]
    if (why := written.get("not_kept")) is not None:
        warn(f"{name} will not survive a restart: {why}")
    if held_w is None:
        print(printable(f"{name} {written['asked_w']:g} W is set, but the inverter does not answer: no power flows"))
        return 1
    print(printable(f"{name} at 0x{args.address:04X}: the inverter holds {held_w:g} W"))
    return 0


def main() -> int:
    """The command `modbus_write`."""
    from v2g.cli import main as v2g

    return v2g(["modbus-write", *sys.argv[1:]])
