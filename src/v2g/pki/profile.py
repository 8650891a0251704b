"""Who may hold which certificate: roles of leaves, the roots above them, and what each edition demands. Data only.

After what public code and certificates show of Annex F of ISO 15118-2 and Annex B of ISO 15118-20; the texts themselves
are not public.
"""

from dataclasses import dataclass
from enum import Enum
from math import inf

SERVER_AUTH, CLIENT_AUTH = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"


class Anchor(Enum):
    """Whose root it is. The value is the domain component, and the name of the root's file: `v2g_root.pem`."""

    V2G = "V2G"
    MO = "MO"
    """Mobility operator."""
    OEM = "OEM"
    """Maker of vehicles."""
    PE = "PE"
    """Operator of a private environment: a home or a company's yard."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What makes a leaf one of a role."""

    noun: str
    domains: frozenset[str | None]
    """Domain components that its subject may have; None: it may have none."""
    anchors: tuple[Anchor, ...]
    extended_usage: str | None = None
    """A leaf that states extended usages has to state this one."""


class Role(Enum):
    """What a leaf is for."""

    STATION = Holder("a station", frozenset({"CPO"}), (Anchor.V2G,), SERVER_AUTH)
    PRIVATE_STATION = Holder("a private station", frozenset({"PE", "CPO"}), (Anchor.PE,), SERVER_AUTH)
    VEHICLE = Holder("a vehicle", frozenset({"EV", None}), (Anchor.OEM, Anchor.V2G), CLIENT_AUTH)
    """[V2G20-2331]; [V2G20-2598] wants CN and O alone, Amendment 1 adds DC=EV."""
    PROVISIONING = Holder("a vehicle's provisioning", frozenset({"OEM"}), (Anchor.OEM, Anchor.V2G))
    """With it a car asks for its contract ([V2G20-2333])."""
    CONTRACT = Holder("a contract", frozenset({"MO", None}), (Anchor.V2G, Anchor.MO))
    PROVISIONING_SERVICE = Holder("a provisioning service", frozenset({"CPS"}), (Anchor.V2G,))
    """It signs what a car gets as its contract."""

    @property
    def noun(self) -> str:
        """For messages: `a station`."""
        return self.value.noun

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """Whose roots may stand above it."""
        return self.value.anchors


class Revocation(Enum):
    """What follows if nobody says whether a certificate was revoked: no responder answers and no list is at hand."""

    IGNORE = "ignore"
    """Revocation is not looked at; a revoked certificate passes. For a bench."""
    PREFER = "prefer"
    """A certificate known to be revoked is refused. One that nobody knows of passes, and `Verdict.revocation` says
    `UNKNOWN`: enough to charge, not to discharge."""
    REQUIRE = "require"
    """Every certificate below the root must be known to be good."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a chain has to fulfil besides its signatures and dates."""

    name: str
    key_kinds: frozenset[str]
    """Keys admitted from the leaf up to the root."""
    most_authorities: int
    """Between leaf and root."""
    longest_octets: int
    """Of a certificate that a car sends."""
    revocation: Revocation = Revocation.PREFER
    known_within_s: float = inf
    """How long whoever asks can wait for a responder; then `revocation` decides without it."""


_P256, _P521 = frozenset({"secp256r1"}), frozenset({"secp521r1", "ed448"})

ISO15118_2 = Policy("iso15118-2", _P256, most_authorities=2, longest_octets=800, known_within_s=1.2)
"""[V2G2-656]; the schema's bound is 800 octets. Some cars give PaymentDetails no more than 2 s."""
ISO15118_20 = Policy("iso15118-20", _P521, most_authorities=3, longest_octets=1600)
INTEROP_P256 = Policy("interop-p256", _P256 | _P521, most_authorities=3, longest_octets=1600)
"""For peers that speak ISO 15118-20 with the certificates of ISO 15118-2."""
POLICIES = {policy.name: policy for policy in (ISO15118_2, ISO15118_20, INTEROP_P256)}
