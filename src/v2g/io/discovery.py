"""SECC discovery on the wire: the station's responder, the car's search, and the address that both live at.

Both standards bind the communication to one IPv6 link. So every socket here is bound to an interface, and several
interfaces in one process do not receive each other's datagrams.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path
from typing import NamedTuple, cast

from v2g.kernel.errors import V2GError
from v2g.v2gtp.sdp import MULTICAST, PORT, SdpError, SdpRequest, SdpResponse, Search, Security, answer

ADDRESS_WAIT_S = 3.0
"""Duplicate address detection of a new interface takes up to about this long (RFC 4862)."""
_ADDRESS_POLL_S = 0.05

_IF_INET6 = Path("/proc/net/if_inet6")
_SCOPE_LINK = 0x20
_DUPLICATE, _TENTATIVE = 0x08, 0x40
_DATAGRAM_SIZE = 1500


class InterfaceError(V2GError):
    """The network interface is not there or has no usable link-local address; the text says which and what to do."""


class Endpoint(NamedTuple):
    """Where a station listens. A link-local `host` carries its scope: `fe80::1%eth0`."""

    host: str
    port: int


async def link_local(interface: str) -> IPv6Address:
    """The link-local address of an interface, waiting for duplicate address detection. Raises `InterfaceError`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + ADDRESS_WAIT_S
    _index(interface)
    while True:
        found = _link_local_addresses(interface)
        for address, flags in found:
            if not flags & (_DUPLICATE | _TENTATIVE):
                return address
        if loop.time() >= deadline:
            break
        await asyncio.sleep(_ADDRESS_POLL_S)
    if any(flags & _DUPLICATE for _, flags in found):
        raise InterfaceError(f"interface {interface}: another host has its link-local address, {found[0][0]}")
    raise InterfaceError(
        f"interface {interface} has no usable IPv6 link-local address; bring it up (`ip link set {interface} up`) "
        f"and see that IPv6 is on (`sysctl net.ipv6.conf.{interface}.disable_ipv6` is 0)"
    )


def scoped(address: IPv6Address, interface: str) -> str:
    """The address as it can be connected to: link-local ones mean nothing without their interface."""
    return f"{address}%{interface}" if address.is_link_local else str(address)


async def respond(
    interface: str,
    offer: SdpResponse,
    refused: Callable[[str, str], None],
    refusal: Callable[[str], str | None] = lambda sender: None,
    plain: SdpResponse | None = None,
    heard: Callable[[Security], None] = lambda security: None,
) -> "Responder":
    """Answer the searches of cars on an interface with `offer`, until the responder that is returned is closed.

    `plain`: the answer to cars that ask for no TLS, if it is another one. `heard`: what each car asked for.

    `refusal` returns why a sender gets no answer now, or None. `refused` is called for each search that gets none and
    for each malformed request, with the sender's address and the reason. Raises `InterfaceError`.
    """
    receiver = _udp_socket(interface, (str(MULTICAST), PORT))
    membership = MULTICAST.packed + struct.pack("@I", _index(interface))
    receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
    _, responder = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Responder(interface, offer, refused, refusal, plain, heard), sock=receiver
    )
    return responder


class Responder(asyncio.DatagramProtocol):
    """Answers searches, and can find out whether it still hears them."""

    def __init__(
        self,
        interface: str,
        offer: SdpResponse,
        refused: Callable[[str, str], None],
        refusal: Callable[[str], str | None],
        plain: SdpResponse | None,
        heard: Callable[[Security], None],
    ) -> None:
        self._offer, self._refused, self._refusal, self._plain = offer, refused, refusal, plain
        self._heard = heard
        self._interface, self._index = interface, _index(interface)
        self._heard_itself = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    def close(self) -> None:
        """Answer no more."""
        if self._transport is not None:
            self._transport.close()

    async def hears(self, within_s: float) -> bool:
        """Whether a search as a car sends it arrives here. It does not leave this machine, and is not answered.

        False also if the interface is another one by now, with the same name: what was bound to the first hears
        nothing of it. Raises `InterfaceError` if the interface is down or gone.
        """
        self._heard_itself.clear()
        if _index(self._interface) != self._index:
            return False
        with _udp_socket(self._interface, (str(self._offer.address), 0)) as sender:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 0)
            _send(sender, SdpRequest().pack(), self._interface)
        try:
            async with asyncio.timeout(within_s):
                await self._heard_itself.wait()
        except TimeoutError:
            return False
        return True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # asyncio's own class says so from 3.12 on

    def datagram_received(self, datagram: bytes, sender: tuple[str | int, ...]) -> None:
        assert self._transport is not None
        if str(sender[0]).partition("%")[0] == str(self._offer.address):
            self._heard_itself.set()
            return
        try:
            response = answer(datagram, self._offer, self._plain)
        except SdpError as error:
            self._refused(str(sender[0]), str(error))
            return
        if response is None:
            return
        if (reason := self._refusal(str(sender[0]))) is not None:
            self._refused(str(sender[0]), reason)
        else:
            self._heard(SdpRequest.unpack(datagram).security)
            self._transport.sendto(response, sender)


async def find_station(interface: str, security: Security, refused: Callable[[str, SdpError], None]) -> Endpoint:
    """Search for a station as a car does. Raises `SdpError` when none is found, `InterfaceError` without a network.

    `refused` is called for each answer that does not fit, such as one with another security than was asked for.
    """
    own = await link_local(interface)
    loop = asyncio.get_running_loop()
    with _udp_socket(interface, (str(own), 0)) as searcher:
        search = Search(loop.time(), security)
        while True:
            request = search.expire(loop.time())
            if request is not None:
                _send(searcher, request, interface)
            try:
                async with asyncio.timeout_at(search.next_deadline()):
                    datagram, sender = await loop.sock_recvfrom(searcher, _DATAGRAM_SIZE)
            except TimeoutError:
                continue
            try:
                station = search.receive(datagram)
            except SdpError as error:
                refused(sender[0], error)
                continue
            if station is not None:
                return Endpoint(scoped(station.address, interface), station.port)


def _link_local_addresses(interface: str) -> list[tuple[IPv6Address, int]]:
    """Addresses and flags. A line of the table: address, index, prefix length, scope, flags (all hexadecimal), name."""
    rows = [line.split() for line in _IF_INET6.read_text().splitlines()] if _IF_INET6.exists() else []
    return [
        (IPv6Address(int(address, 16)), int(flags, 16))
        for address, _, _, scope, flags, name in rows
        if name == interface and int(scope, 16) == _SCOPE_LINK
    ]


def _udp_socket(interface: str, address: tuple[str, int]) -> socket.socket:
    """A socket bound to an address of the interface's link; the scope binds it to the interface as well."""
    index = _index(interface)
    opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        # Other programs on the same host may answer for other interfaces, or listen in.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        opened.bind((*address, 0, index))
    except OSError as error:
        opened.close()
        raise InterfaceError(f"interface {interface}: no UDP socket at [{address[0]}]:{address[1]}: {error}") from error
    return opened


def _send(searcher: socket.socket, request: bytes, interface: str) -> None:
    try:
        searcher.sendto(request, (str(MULTICAST), PORT, 0, _index(interface)))
    except OSError as error:
        raise InterfaceError(f"interface {interface}: the SDP request cannot be sent: {error}") from error


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError as error:
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise InterfaceError(f"there is no interface {interface}; there are {names}") from error
