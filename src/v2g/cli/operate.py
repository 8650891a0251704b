"""`v2g inject` and `v2g modbus-write`, also as `grid_inject_cmd` and `modbus_write`: commands to the running station.

The daemon checks, refuses with the reason, or does it and says what came of it. Who may not write to its control socket
may not command it.
"""

import argparse
from math import isfinite
from pathlib import Path

from v2g.kernel.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from v2g.station.config.settings import Control

    socket = Control().socket
    parser.add_argument("--socket", type=Path, default=socket, metavar="PATH", help=f"default: {socket}")
    parser.add_argument("--evse", type=int, metavar="N", help="needed where there are several")
    if parser.get_default("command") == "inject":
        parser.add_argument(
            "--mode", required=True, choices=("charge", "discharge", "idle", "auto"), help="auto: back to the plan"
        )
        parser.add_argument("--p_val", type=_number, default=0.0, metavar="KW", help="active power, a magnitude")
        parser.add_argument(
            "--q_val", type=_number, default=0.0, metavar="KVAR",
            help="reactive power, positive is fed into the grid; 0 leaves it to the grid code",
        )  # fmt: skip
        parser.add_argument("--for", type=_number, dest="for_s", metavar="S", help="then the plan takes over again")
    else:
        parser.add_argument("--address", type=_register, required=True, help="of the register, such as 0x4001")
        parser.add_argument("--value", type=_register, required=True, help="of the register; 0x4001: watts")


def run(args: argparse.Namespace) -> int:
    """Returns 0 when the station does what it was asked for. Raises `ControlError` when it refuses."""
    from v2g.io.control import request
    from v2g.station import command

    if args.command == "inject":
        power_w, fed_var = args.p_val * 1000, args.q_val * 1000
        asked = command.Inject(mode=args.mode, power_w=power_w, fed_var=fed_var, for_s=args.for_s, evse=args.evse)
        explained = request(args.socket, asked)
        for each in explained:
            print(f"EVSE {each['evse']}: {printable(each['why'])}")
        return 0
    write = command.WriteRegister(address=args.address, value=args.value, evse=args.evse)
    written = request(args.socket, write)
    held_w = written["held_w"]
    if held_w is None:
        print(
            f"{written['register']} {written['asked_w']:g} W is set, but the inverter does not answer: no power flows"
        )
        return 1
    print(f"{written['register']} at 0x{args.address:04X}: the inverter holds {held_w:g} W")
    return 0


def inject() -> int:
    """The command `grid_inject_cmd`."""
    return _as("inject")


def modbus_write() -> int:
    """The command `modbus_write`."""
    return _as("modbus-write")


def _as(command: str) -> int:
    import sys

    from v2g.cli import main

    return main([command, *sys.argv[1:]])


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def _register(text: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value <= 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 65535 (0xFFFF)")
    return value
