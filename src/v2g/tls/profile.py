"""TLS profiles by name: what is offered, and what is accepted of the peer. Data only.

ISO 15118-20 requires TLS 1.3 with certificates on both sides ([V2G20-2356], [V2G20-2339]), the suites and the groups
and signature algorithms of its Tables 7 and 8. ISO 15118-2 has TLS 1.2, where only the station proves itself. There is
no profile without TLS, and none that spans two versions: no connection can be talked down from one to the other.
"""

from enum import Enum
from typing import NamedTuple

from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault


class TlsError(V2GError):
    """TLS cannot be set up, or broke. The text says why and names the remedy.

    `alert` is the TLS alert (RFC 8446, section 6) that was sent or received, None if there was none. A
    connection that raised this is over; send the peer what `TlsChannel.outgoing` still holds.
    """

    fault = Fault.TLS

    def __init__(self, text: str, alert: str | None = None) -> None:
        super().__init__(f"{text} (alert {alert})" if alert else text)
        self.alert = alert


class Role(Enum):
    """Which side of the connection this is. The station is the TLS server, the vehicle the client."""

    STATION = "station"
    VEHICLE = "vehicle"

    @property
    def peer(self) -> "Role":
        return Role.VEHICLE if self is Role.STATION else Role.STATION


class Profile(NamedTuple):
    """Names of suites, groups and signature algorithms are OpenSSL's, most preferred first."""

    name: str
    suites: tuple[str, ...]
    groups: tuple[str, ...]
    signature_algorithms: tuple[str, ...]
    key_types: frozenset[str]
    """Keys admitted in the certificates of both sides, from the leaf up to the root."""
    vehicle_domains: frozenset[str | None]
    """Domain components (DC) by which a leaf may claim to be a vehicle's; None: it has no DC."""
    version: str = "TLSv1.3"
    mutual: bool = True
    """Whether the vehicle has to prove itself, too."""

    @property
    def spoken(self) -> str:
        """The version for a person: `TLS 1.3`."""
        return self.version.replace("v", " ")


_SUITES = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")

ISO15118_20 = Profile(
    "iso15118-20",
    _SUITES,
    groups=("secp521r1", "x448"),
    signature_algorithms=("ecdsa_secp521r1_sha512", "ed448"),
    key_types=frozenset({"secp521r1", "ed448"}),
    # [V2G20-2598] wants CN and O alone; Amendment 1 adds DC=EV.
    vehicle_domains=frozenset({None, "EV"}),
)

INTEROP_P256 = Profile(
    "interop-p256",
    _SUITES,
    groups=("secp521r1", "x448", "secp256r1"),
    signature_algorithms=("ecdsa_secp521r1_sha512", "ed448", "ecdsa_secp256r1_sha256"),
    key_types=frozenset({"secp521r1", "ed448", "secp256r1"}),
    # Stacks with P-256 certificates use the OEM provisioning certificate as the vehicle's.
    vehicle_domains=frozenset({None, "EV", "OEM"}),
)
"""For peers that have certificates of ISO 15118-2. Still TLS 1.3, still mutual; used only if asked for by name."""

ISO15118_2 = Profile(
    "iso15118-2",
    # The other suite of ISO 15118-2, TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256, left OpenSSL with 1.1.0.
    suites=("ECDHE-ECDSA-AES128-SHA256",),
    groups=("secp256r1",),
    signature_algorithms=("ecdsa_secp256r1_sha256",),
    key_types=frozenset({"secp256r1"}),
    vehicle_domains=frozenset(),
    version="TLSv1.2",
    mutual=False,
)
"""For cars of ISO 15118-2: never for a session of ISO 15118-20 ([V2G20-2356], [V2G20-2359])."""

PROFILES = {profile.name: profile for profile in (ISO15118_20, INTEROP_P256)}
"""Those that a station may be configured to have for ISO 15118-20."""

STATION_DOMAINS = frozenset({"CPO", "PE"})
"""Domain components of a station's leaf. Contracts and vehicles may hang under the same V2G root."""

PROBE = b"v2g-pki-verify"
"""ALPN protocol by which `v2g pki verify` says that it is no car."""


class Probed(TlsError):
    """Somebody looked at the station's certificates and is gone: no car, and nobody's fault."""

    fault = Fault.CONNECTION_LOST
