"""Packets of a network interface, as they pass (Linux, AF_PACKET)."""

import socket
import time
from collections.abc import Iterator

from v2g.capture.file import CaptureError, Packet
from v2g.capture.packet import ETHERNET

_EVERYTHING = 3
"""ETH_P_ALL"""
_LARGEST = 262144


def packets(interface: str) -> Iterator[Packet]:
    """The interface's packets from now on, without end. Raises CaptureError."""
    try:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING))
    except PermissionError as error:
        raise CaptureError(f"{interface}: no permission to capture; run as root or with CAP_NET_RAW") from error
    with opened as listener:
        try:
            listener.bind((interface, _EVERYTHING))
        except OSError as error:
            raise CaptureError(f"{interface}: {error.strerror}; `ip link` lists the interfaces") from error
        number = 0
        while True:
            try:
                data = listener.recv(_LARGEST)
            except OSError as error:
                raise CaptureError(f"{interface}: {error.strerror}") from error
            number += 1
            yield Packet(number, time.time(), ETHERNET, data)
