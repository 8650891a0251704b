"""Which MAC is behind an IPv6 address on a link: by the neighbour table of the kernel, or by the address itself."""

import socket
import struct
from ipaddress import IPv6Address

from v2g.slac.address import is_from

_RTM_NEWNEIGH, _RTM_GETNEIGH = 28, 30
_DUMP_REQUEST = 0x301
_DONE, _ERROR = 3, 2
_NDA_DST, _NDA_LLADDR = 1, 2
_HEADER = struct.Struct("=IHHII")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_ATTRIBUTE = struct.Struct("=HH")
_ANSWER_SIZE = 65_536


def neighbour(interface: str, address: IPv6Address) -> bytes | None:
    """The MAC that the kernel has found behind an address; None if it has none.

    It has one once packets went both ways, as in a TCP handshake. Raises `OSError` without the interface.
    """
    index = socket.if_nametoindex(interface)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        body = _NEIGHBOUR.pack(socket.AF_INET6, index, 0, 0, 0)
        kernel.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETNEIGH, _DUMP_REQUEST, 1, 0) + body)
        while True:
            answer = kernel.recv(_ANSWER_SIZE)
            while answer:
                length, kind, _, _, _ = _HEADER.unpack_from(answer)
                if kind in (_DONE, _ERROR):
                    return None
                message, answer = answer[_HEADER.size : length], answer[(length + 3) & ~3 :]
                if kind == _RTM_NEWNEIGH and _NEIGHBOUR.unpack_from(message)[1] == index:
                    attributes = _attributes(message[_NEIGHBOUR.size :])
                    if attributes.get(_NDA_DST) == address.packed:
                        return attributes.get(_NDA_LLADDR)


def is_peer(interface: str, address: IPv6Address, mac: bytes) -> bool | None:
    """Whether packets from an address on the link come from this MAC, such as `Match.car`.

    The neighbour table decides, then the address itself if it is made of a MAC. None: neither knows.
    """
    known = neighbour(interface, address)
    return is_from(address, mac) if known is None else known == mac


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        found[kind] = data[_ATTRIBUTE.size : length]
        data = data[max((length + 3) & ~3, _ATTRIBUTE.size) :]
    return found
