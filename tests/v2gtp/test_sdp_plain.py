"""A station with TLS that serves cars without it, too: each is sent where it can connect."""

from ipaddress import IPv6Address

import pytest

from v2g.v2gtp.sdp import SdpRequest, SdpResponse, Security, answer

HERE = IPv6Address("fe80::1")
WITH = SdpResponse(HERE, 50_000, Security.TLS)
WITHOUT = SdpResponse(HERE, 50_001, Security.NONE)


@pytest.mark.parametrize(
    ("asked", "plain", "expected"),
    [
        (Security.TLS, WITHOUT, WITH),
        (Security.NONE, WITHOUT, WITHOUT),
        (Security.TLS, None, WITH),
        (Security.NONE, None, WITH),
    ],
)
def test_only_a_car_that_asks_for_no_tls_is_sent_to_the_port_without(
    asked: Security, plain: SdpResponse | None, expected: SdpResponse
) -> None:
    """Nothing in a discovery talks a car that wants TLS out of it."""
    said = answer(SdpRequest(asked).pack(), WITH, plain)
    assert said is not None
    assert SdpResponse.unpack(said) == expected
