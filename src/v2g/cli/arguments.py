"""Types of command line arguments that several commands share."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from v2g.power.address import Address


def endpoint(text: str) -> tuple[str, int]:
    """`HOST:PORT`, with an IPv6 address in brackets. Raises `ArgumentTypeError`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 0xFFFF:
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
    """A finite number within bounds. The result raises `ArgumentTypeError`, and `ValueError` for what is not a
    number."""

    def convert(text: str) -> float:
        value = float(text)
        if not (least <= value <= most and above < value < float("inf")):
            raise argparse.ArgumentTypeError(f"{text} is out of range")
        return value

    return convert
