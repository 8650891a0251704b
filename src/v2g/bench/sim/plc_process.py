"""A simulated power line on network interfaces: a modem sits at one end of a veth pair, its host at the other one.

Needs CAP_NET_RAW. The modems' ends should have no addresses of their own: `sysctl net.ipv6.conf.NAME.disable_ipv6=1`.
"""

import asyncio
import socket
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Self

from v2g.bench.sim.plc_modem import Line, Modem

_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_VNET_HDR = 263, 15
_NO_OFFLOAD = bytes(10)
_FRAME_SIZE = 70_000
"""Of a frame that the host leaves to its network card to cut up."""


class _Data(bytes):
    """A frame with what its host left to the network card: checksum and segmentation (virtio_net_hdr)."""

    offload = _NO_OFFLOAD


class PlcProcess:
    """A line whose modems' hosts are behind interfaces, in real time, until `close`. Needs a running loop."""

    def __init__(self, line: Line, modems: Mapping[Modem, str]) -> None:
        """`modems`: the interface to each one's host. Raises `OSError`."""
        self._loop = asyncio.get_running_loop()
        self._line = line
        self._timer: asyncio.TimerHandle | None = None
        self._ports: dict[Modem, socket.socket] = {}
        for modem, interface in modems.items():
            port = self._ports[modem] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            port.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
            port.bind((interface, _ETH_P_ALL))
            port.setblocking(False)
            self._loop.add_reader(port.fileno(), self._readable, modem, port)
            line.attach(modem, partial(_put, port))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the interfaces."""
        if self._timer is not None:
            self._timer.cancel()
        for modem, port in self._ports.items():
            self._loop.remove_reader(port.fileno())
            port.close()
            self._line.detach(modem)

    def _readable(self, modem: Modem, port: socket.socket) -> None:
        try:
            octets, (_, _, kind, *_) = port.recvfrom(_FRAME_SIZE)
        except OSError:
            return
        if kind != socket.PACKET_OUTGOING:
            data = _Data(octets[len(_NO_OFFLOAD) :])
            data.offload = octets[: len(_NO_OFFLOAD)]
            self._line.send(modem, data, self._loop.time())
            self._advance()

    def _advance(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._line.advance(self._loop.time())
        deadline = self._line.next_deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._advance)


def _put(port: socket.socket, data: bytes, _now: float) -> None:
    try:
        port.send((data.offload if isinstance(data, _Data) else _NO_OFFLOAD) + data)
    except OSError:  # the interface is down, or its queue is full: a frame is lost, as on a real line
        return
