"""Whether an IPv6 address is made of a MAC: the car that connects must be the car that was matched."""

from ipaddress import IPv6Address

_LINK_LOCAL = bytes.fromhex("FE80") + bytes(6)


def link_local_of(mac: bytes) -> IPv6Address:
    """The link-local address that an interface makes of its MAC (modified EUI-64, RFC 4291 appendix A)."""
    return IPv6Address(_LINK_LOCAL + bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:])


def is_from(address: IPv6Address, mac: bytes) -> bool | None:
    """True or False if the address contains a MAC. None if not: random addresses (RFC 7217, RFC 8981) contain none, and
    only the neighbour table of the kernel knows (`v2g.io.plc_peer`).
    """
    interface = address.packed[8:]
    if not address.is_link_local or interface[3:5] != b"\xff\xfe":
        return None
    return interface == link_local_of(mac).packed[8:]
