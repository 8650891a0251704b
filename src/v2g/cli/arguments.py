"""Types of command line arguments that several commands share."""

import argparse
from collections.abc import Callable


def endpoint(text: str) -> tuple[str, int]:
    """`HOST:PORT`, with an IPv6 address in brackets. Raises `ArgumentTypeError`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def number(
    *, least: float = float("-inf"), most: float = float("inf"), above: float = float("-inf")
) -> Callable[[str], float]:
    """A finite number within bounds. What it returns raises `ArgumentTypeError`, and `ValueError` for no number."""

    def convert(text: str) -> float:
        value = float(text)
        if not (least <= value <= most and above < value < float("inf")):
            raise argparse.ArgumentTypeError(f"{text} is out of range")
        return value

    return convert
