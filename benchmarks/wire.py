"""How long a station takes to answer, as the kernel sees it on the loopback interface: whoever watches, or drives the
cars, may be slow. Needs root."""

import ctypes
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

SO_ATTACH_FILTER, SO_TIMESTAMPNS, PACKET_OUTGOING, ETH_P_IPV6 = 26, 35, 4, 0x86DD
HEADERS = 14 + 40
"""Ethernet and IPv6: TCP begins here."""
_LOAD_BYTE, _LOAD_HALF, _EQUAL, _RETURN = 0x30, 0x28, 0x15, 0x06


class Answers:
    """The answers to requests that came after `watching` began."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = frozenset(ports)
        self._asked_ns: dict[tuple[int, int], int] = {}
        self.took: list[tuple[int, float]] = []
        """Of each answer: when it was sent (Unix time, ns), and how long after the last octet of its request (s)."""

    def see(self, frame: bytes, at_ns: int) -> None:
        """A frame with TCP over IPv6 to or from one of the ports."""
        source, target = struct.unpack_from(">HH", frame, HEADERS)
        length = int.from_bytes(frame[18:20], "big") - (frame[HEADERS + 12] >> 4) * 4
        if length <= 0:
            return
        if target in self._ports:
            self._asked_ns[target, source] = at_ns
        elif (asked_ns := self._asked_ns.pop((source, target), None)) is not None:
            self.took.append((at_ns, (at_ns - asked_ns) / 1e9))


@contextmanager
def watching(ports: Sequence[int]) -> Iterator[Answers]:
    """Watches stations that listen at these ports of the loopback interface, until the block is left.

    Raises `PermissionError`.
    """
    answers, done = Answers(ports), threading.Event()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IPV6)) as sniffer:
        _filter(sniffer, ports)
        sniffer.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        sniffer.bind(("lo", ETH_P_IPV6))
        sniffer.settimeout(0.2)

        def watch() -> None:
            while not done.is_set():
                try:
                    frame, extra, _, address = sniffer.recvmsg(128, 64)
                except TimeoutError:
                    continue
                if address[2] != PACKET_OUTGOING:  # on this interface every frame is seen both ways
                    seconds, nanoseconds = struct.unpack("qq", extra[0][2])
                    answers.see(frame, seconds * 10**9 + nanoseconds)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield answers
        finally:
            done.set()
            thread.join()


def _filter(sniffer: socket.socket, ports: Sequence[int]) -> None:
    """Only TCP to or from the ports, for the kernel: the devices' traffic on the same interface is much more."""
    tests = [(_LOAD_BYTE, 20, [socket.IPPROTO_TCP]), (_LOAD_HALF, HEADERS, ports), (_LOAD_HALF, HEADERS + 2, ports)]
    program: list[tuple[int, int, int, int]] = [(_LOAD_BYTE, 0, 0, 20), (_EQUAL, 0, 2 * len(ports) + 2, tests[0][2][0])]
    for number, (_, offset, wanted) in enumerate(tests[1:]):
        program.append((_LOAD_HALF, 0, 0, offset))
        for index, port in enumerate(wanted):
            left = len(wanted) - index - 1
            rest = left + (1 - number) * (len(ports) + 1) + 1
            program.append((_EQUAL, rest, 0, port))
    program += [(_RETURN, 0, 0, 0), (_RETURN, 0, 0, 0xFFFF)]
    packed = b"".join(struct.pack("HBBI", *each) for each in program)
    instructions = ctypes.create_string_buffer(packed)
    sniffer.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(instructions))
    )
