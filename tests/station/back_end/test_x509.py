"""Certificates that a back end brings: nothing that is in them takes more than the answer."""

import re
from base64 import b64encode

from v2g.bench.conformance import issuer
from v2g.station.back_end.x509 import chain_fault, root_fault

UNIX_S = 2_900_000_000.0
"""After 2050: such dates have four digits for the year."""


def without_a_year(pem: str) -> str:
    """The certificate with dates in the year 0, which ASN.1 has and no calendar."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificate

    der = load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    changed, times = re.subn(rb"\x18\x0f\d{4}", b"\x18\x0f0000", der)
    assert times == 2
    return f"-----BEGIN CERTIFICATE-----\n{b64encode(changed).decode()}\n-----END CERTIFICATE-----\n"


def test_dates_that_no_calendar_has_are_a_fault() -> None:
    root = issuer.root(UNIX_S)
    assert root_fault(root.pem, UNIX_S) is None
    assert "dates" in str(root_fault(without_a_year(root.pem), UNIX_S))
    leaf = issuer.leaf(root, UNIX_S)
    assert chain_fault(leaf.pem, [root.pem], UNIX_S) is None
    assert "dates" in str(chain_fault(without_a_year(leaf.pem), [root.pem], UNIX_S))
