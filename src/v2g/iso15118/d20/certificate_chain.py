"""A chain of certificates as the messages of ISO 15118-20 have it."""

from typing import Any

from v2g.messages.iso20.common import (
    CertificateChain,
    ContractCertificateChain,
    SignedCertificateChain,
    SubCertificates,
)


def chain_of(element: Any) -> tuple[bytes, ...]:
    """The certificates of the element, the leaf first."""
    authorities = [] if element.SubCertificates is None else element.SubCertificates.Certificate
    return (element.Certificate, *authorities)


def contract_chain(chain: tuple[bytes, ...]) -> ContractCertificateChain:
    """The element of a contract."""
    leaf, *authorities = chain
    return ContractCertificateChain(leaf, SubCertificates(authorities))


def signed_chain(chain: tuple[bytes, ...], name: str) -> SignedCertificateChain:
    """The element that is signed under the Id `name`."""
    leaf, *authorities = chain
    return SignedCertificateChain(leaf, SubCertificates(authorities) if authorities else None, name)


def service_chain(chain: tuple[bytes, ...]) -> CertificateChain:
    """The element of a provisioning service."""
    leaf, *authorities = chain
    return CertificateChain(leaf, SubCertificates(authorities) if authorities else None)
