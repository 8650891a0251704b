"""Several certificates of one station, and which of them a car gets to see.

A station has a leaf for ISO 15118-20 and another for ISO 15118-2, and may have several of each, one below each V2G root
of the region. The car's ClientHello decides: TLS 1.3 with the curves of ISO 15118-20 comes first, whatever else the car
offers; then what has not expired since it was loaded; then the roots that it names. What was chosen is one version and
one profile: nothing is left to negotiate.
"""

from collections.abc import Sequence
from datetime import datetime

from v2g.tls.context import TlsContext
from v2g.tls.hello import TLS_1_2, TLS_1_3, ClientHello
from v2g.tls.profile import Role

_SIGNATURES = {"secp521r1": 0x0603, "ed448": 0x0808, "secp256r1": 0x0403}
"""Key of a leaf -> the signature algorithm that the car must offer for it (RFC 8446, 4.2.3)."""
_GROUPS = {"secp521r1": 0x0019, "x448": 0x001E, "secp256r1": 0x0017}
_SUITES = {
    "TLS_AES_256_GCM_SHA384": 0x1302,
    "TLS_CHACHA20_POLY1305_SHA256": 0x1303,
    "ECDHE-ECDSA-AES128-SHA256": 0xC023,
}
_VERSIONS = {"TLSv1.2": TLS_1_2, "TLSv1.3": TLS_1_3}


class TlsChoice:
    """The contexts of a station, most preferred first. It stands wherever a single context does."""

    role = Role.STATION

    def __init__(self, contexts: Sequence[TlsContext]) -> None:
        assert contexts
        self.contexts = tuple(sorted(contexts, key=lambda each: each.profile.version, reverse=True))
        self.profile, self.files = self.contexts[0].profile, self.contexts[0].files

    @property
    def spoken(self) -> str:
        """The versions, for a person: `TLS 1.3 and TLS 1.2`."""
        return " and ".join(dict.fromkeys(each.profile.spoken for each in self.contexts))

    @property
    def valid_until(self) -> datetime | None:
        """When the first of the certificates ends."""
        return min((each.valid_until for each in self.contexts if each.valid_until is not None), default=None)

    def pick(self, hello: ClientHello | None) -> TlsContext:
        """The context for a car that offers this; None: what it sent is no ClientHello. If none fits, the first one
        refuses the car with the alert that says why."""
        fitting = [] if hello is None else [each for each in self.contexts if _fits(each, hello)]
        if not fitting or hello is None:
            return self._nearest(hello)
        newest = [each for each in fitting if each.profile.version == fitting[0].profile.version]
        newest = [each for each in newest if not each.expired] or newest
        return next((each for each in newest if each.named_by(hello)), newest[0])

    def _nearest(self, hello: ClientHello | None) -> TlsContext:
        versions = frozenset() if hello is None else hello.versions
        return next(
            (each for each in self.contexts if _VERSIONS[each.profile.version] in versions),
            self.contexts[0],
        )


def _fits(context: TlsContext, hello: ClientHello) -> bool:
    profile, leaf = context.profile, context.own[0]
    return (
        _VERSIONS[profile.version] in hello.versions
        and any(_SUITES[suite] in hello.suites for suite in profile.suites)
        # In TLS 1.2 a car may leave either extension out: then everything goes (RFC 8422, 4; RFC 5246, 7.4.1.4.1).
        and (not hello.groups or any(_GROUPS[group] in hello.groups for group in profile.groups))
        and (not hello.signatures or _SIGNATURES[leaf.key_kind] in hello.signatures)
    )
