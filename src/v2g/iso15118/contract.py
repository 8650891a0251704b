"""Plug & Charge as every edition sees it: credentials, what may be wrong with them, and the ports behind the station.

A contract names who pays. The car shows its certificate chain, and proves by a signature that it holds the key. Over a
connection without TLS nothing of this is spoken: an `Offer` for such a connection has no contracts.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from v2g.exi.facets import Type
from v2g.kernel.errors import V2GError

if TYPE_CHECKING:  # a station without Plug & Charge does not load it
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from cryptography.x509 import Certificate

    from v2g.iso15118.signature import PrivateKey
    from v2g.messages.xmldsig import Signature

CHALLENGE_OCTETS = 16
"""Of GenChallenge [V2G2-697], [V2G20-697]."""


class Flaw(Enum):
    """What is wrong with a contract. Each edition has response codes for them."""

    CHAIN = auto()
    """It leads to no root that is trusted, or is no chain at all."""
    AUTHORITY = auto()
    """The certificate of an authority in the chain is not valid any more, or is none."""
    CONTENT = auto()
    """The certificate is sound, but of no contract."""
    EXPIRED = auto()
    NOT_YET_VALID = auto()
    REVOKED = auto()
    UNKNOWN = auto()
    """Whether it was revoked cannot be found out, and the policy is to refuse then."""
    CANCELED = auto()
    """Its operator has ended the contract."""
    NOT_ALLOWED = auto()
    """The contract is good, but not here."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a chain of certificates."""

    flaw: Flaw | None = None
    reason: str = ""
    pending: bool = False
    """Not known yet; ask again."""
    expires_soon: bool = False
    doubt: str = ""
    """Why a chain without a flaw is enough to charge, and not to feed the grid; empty if it is enough for that too."""
    rootless: bool = False
    """Whether its flaw is that no root is known that stands above it: somebody else may know one."""
    path: tuple[bytes, ...] = ()
    """From the leaf to the root, DER, as far as it was found."""


class Contracts(Protocol):
    """Port: which contracts can be trusted. Obligations: `judge` returns at once and never raises on what a car may
    send; what takes time, such as a question to an OCSP responder, is `pending` and asked again."""

    def judge(self, chain: tuple[bytes, ...], edition: str, unix_s: int) -> Judgement:
        """A contract's chain, DER, the leaf first, at this time. `edition`: whose rules hold for its certificates."""
        ...


class Unprovisioned(V2GError):
    """There is no contract for this car, or nobody who could say so."""

    def __init__(self, reason: str, flaw: Flaw | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.flaw = flaw


class Provisioning(Protocol):
    """Port: brings contract certificates from the mobility operators, as OCPP's Get15118EVCertificate does.

    Obligations: `fetch` returns at once, and gives the same answer to the same request. What comes back is the whole
    response as the car gets it, signed by the provisioning service; the station changes the session id alone.
    """

    def fetch(self, request: bytes, action: Literal["Install", "Update"], message_set: str) -> bytes | None:
        """The EXI document of the response to the car's `request`, an EXI document of `message_set`; None while it is
        under way. Raises `Unprovisioned`."""
        ...


@dataclass(frozen=True, slots=True)
class Priced:
    """A tariff as its message has it, with the signature of whoever made it."""

    tariff: Type
    signature: "Signature | None" = None
    """Of all tariffs here together."""
    others: tuple[Type, ...] = ()
    """Tariffs that the car may choose instead: each comes with a schedule of its own. There is room for two."""

    @property
    def choice(self) -> tuple[Type, ...]:
        """All of them, the preferred one first."""
        return (self.tariff, *self.others)


class Prices(Protocol):
    """Port: what energy costs. Obligation: `tariff` returns at once."""

    def tariff(self, edition: str, contract: str) -> Priced | None:
        """The tariff for a contract (eMAID), signed; for external payment (`contract` empty) it may be unsigned. The
        type is SalesTariff of ISO 15118-2, or a price schedule of ISO 15118-20."""
        ...


@dataclass(frozen=True, slots=True)
class Payment:
    """What a station knows of contracts and prices. The default: nothing, so cars pay by external means."""

    contracts: Contracts | None = None
    provisioning: Provisioning | None = None
    prices: Prices | None = None


@dataclass(frozen=True)
class Credential:
    """A certificate chain and the key of its leaf: a contract, or the provisioning certificate of the car's maker."""

    chain: tuple[bytes, ...]
    """DER, the leaf first, without the root."""
    key: "PrivateKey" = field(repr=False)

    @cached_property
    def name(self) -> str:
        """The common name of the leaf: of a contract its eMAID."""
        return common_name(self.chain[0])


def certificate_of(encoded: bytes) -> "Certificate":
    """A certificate, DER. Raises `ValueError` for whatever is none."""
    from cryptography.x509 import load_der_x509_certificate

    try:
        return load_der_x509_certificate(encoded)
    except Exception as error:  # the library has a dozen kinds, and not all are ValueErrors
        raise ValueError(str(error) or type(error).__name__) from None


def key_of(certificate: bytes) -> "PublicKeyTypes":
    """The public key of a certificate, DER. Raises `ValueError`."""
    try:
        return certificate_of(certificate).public_key()
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from None


class Validity(NamedTuple):
    """When a certificate is valid."""

    begins_s: float
    """Unix time, as `ends_s`."""
    ends_s: float
    days: str
    """For a person."""


def validity(certificate: bytes) -> Validity:
    """Of a certificate, DER. Raises `ValueError`, also for years that no calendar has."""
    shown = certificate_of(certificate)
    begins, ends = shown.not_valid_before_utc, shown.not_valid_after_utc
    return Validity(begins.timestamp(), ends.timestamp(), f"{begins:%Y-%m-%d} to {ends:%Y-%m-%d}")


def common_name(certificate: bytes) -> str:
    """The common name of a certificate, DER; empty if it has none. Raises `ValueError`."""
    from cryptography.x509.oid import NameOID

    names = certificate_of(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def plain_name(text: str) -> str:
    """An EVCCID or an eMAID without separators, in capitals."""
    return plain_emaid(text).replace(":", "")


def plain_emaid(text: str) -> str:
    """An eMAID without separators, in capitals, so that two spellings of one contract are equal."""
    return text.replace("-", "").replace("*", "").upper()
