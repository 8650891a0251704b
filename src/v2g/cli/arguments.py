"""Arguments of the command line that several commands share: their options, and the types of their values."""

import argparse
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from v2g.kernel.durations import YEARS

if TYPE_CHECKING:
    from v2g.power.address import Address

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,20}|0[xX][0-9a-fA-F]{1,16}", re.ASCII)
"""Python would also take 1_0 for ten, and digits of every script."""


def add_socket(parser: argparse.ArgumentParser) -> None:
    """`--socket`: of the running station."""
    from v2g.station.config.settings import Control

    socket = Control().socket
    parser.add_argument("--socket", type=Path, default=socket, metavar="PATH", help=f"default: {socket}")


def add_evse(parser: argparse.ArgumentParser, otherwise: str = "default: all") -> None:
    """`--evse`, and its former name `--connector`."""
    parser.add_argument("--evse", type=whole(least=1), metavar="N", help=f"this EVSE only ({otherwise})")
    parser.add_argument(
        "--connector", dest="evse", type=whole(least=1), default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )


def add_json(parser: argparse.ArgumentParser, purpose: str = "for programs") -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help=purpose)


def endpoint(text: str) -> tuple[str, int]:
    """`HOST:PORT`, with an IPv6 address in brackets. Raises `ArgumentTypeError`."""
    host, _, port = text.rpartition(":")
    if not host or not re.fullmatch(r"\d{1,5}", port, re.ASCII) or int(port) > 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def listening(text: str) -> "tuple[str, int] | Address":
    """The address of a simulated device: `HOST:PORT`, or that of a line. Raises `ArgumentTypeError`."""
    from v2g.power.address import CAN, MODBUS_RTU, AddressError, parse

    if "://" not in text:
        return endpoint(text)
    try:
        address = parse(text)
    except AddressError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if address.scheme not in (MODBUS_RTU, CAN) or address.host:
        raise argparse.ArgumentTypeError(f"{text!r} is neither HOST:PORT nor {MODBUS_RTU}:///PATH nor {CAN}:///PATH")
    return address


def number(
    *, least: float = float("-inf"), most: float = float("inf"), above: float = float("-inf")
) -> Callable[[str], float]:
    """A converter of a finite number within bounds. It raises `ArgumentTypeError`."""

    def convert(text: str) -> float:
        value = float(text) if _NUMBER.fullmatch(text) else float("nan")
        if not (least <= value <= most and above < value < float("inf")):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number{_range(least, most, above)}")
        return value

    return convert


def whole(*, least: int, most: int = 1_000_000_000) -> Callable[[str], int]:
    """A converter of a whole number within bounds, decimal or `0x...`. It raises `ArgumentTypeError`."""

    def convert(text: str) -> int:
        # Not base 0, to which 010 is no number.
        value = int(text, 16 if text[:2] in ("0x", "0X") else 10) if _WHOLE.fullmatch(text) else least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number{_range(least, most)}")
        return value

    return convert


def calendar_day(text: str) -> date:
    """A day as `date.fromisoformat` reads it. It raises `ArgumentTypeError`."""
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write 2026-11-28") from error
    if found.year not in YEARS:
        raise argparse.ArgumentTypeError(f"{text} is not in {YEARS[0]} to {YEARS[-1]}")
    return found


def _range(least: float, most: float, above: float = float("-inf")) -> str:
    lower = f" above {above:.9g}" if above > float("-inf") else f" from {least:.9g}" if least > float("-inf") else ""
    upper = "" if most == float("inf") else f" to {most:.9g}" if lower else f" up to {most:.9g}"
    return lower + upper
