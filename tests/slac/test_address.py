"""Which MAC an IPv6 address tells."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.slac.address import is_from, link_local_of

MAC = bytes.fromhex("00E04C68001D")


def test_link_local_address_of_a_mac() -> None:
    assert link_local_of(MAC) == IPv6Address("fe80::2e0:4cff:fe68:1d")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("fe80::2e0:4cff:fe68:1d", True),
        ("fe80::2e0:4cff:fe68:1e", False),
        ("fe80::5054:ff:fe12:3456", False),
        ("fe80::1c3a:9d4e:77b0:21f", None),  # a random one (RFC 7217)
        ("2001:db8::2e0:4cff:fe68:1d", None),
    ],
)
def test_an_address_tells_its_mac_or_nothing(address: str, expected: bool | None) -> None:
    assert is_from(IPv6Address(address), MAC) is expected


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=6, max_size=6))
def test_only_the_own_mac_fits(mac: bytes, other: bytes) -> None:
    assert is_from(link_local_of(mac), other) is (mac == other)
