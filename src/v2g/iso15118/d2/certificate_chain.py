"""A chain of certificates as the messages of ISO 15118-2 have it."""

from typing import Any

from v2g.messages.iso2 import CertificateChain, SubCertificates


def chain_of(element: Any) -> tuple[bytes, ...]:
    """The certificates of the element, the leaf first."""
    authorities = [] if element.SubCertificates is None else element.SubCertificates.Certificate
    return (element.Certificate, *authorities)


def chain_element(chain: tuple[bytes, ...], name: str | None = None) -> CertificateChain:
    """The element with these certificates; `name`: its Id, for a signature."""
    leaf, *authorities = chain
    return CertificateChain(leaf, SubCertificates(authorities) if authorities else None, name)
