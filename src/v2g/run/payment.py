"""What a station's process knows of contracts: the roots and revocation lists of its certificates."""

from typing import TYPE_CHECKING

from v2g.iso15118.contract import Payment
from v2g.pki.profile import INTEROP_P256, ISO15118_2, ISO15118_20, Role
from v2g.run.credentials import Credentials
from v2g.station.config.settings import Tls
from v2g.station.contracts import TrustedChains

if TYPE_CHECKING:
    from v2g.run.back_end import BackEndRunner


def payment_of(credentials: Credentials, tls: Tls, back_end: "BackEndRunner | None" = None) -> Payment:
    """Contracts judged by what `credentials` trusts and what the back end says, and brought by it. The profile for
    interoperation admits contracts of ISO 15118-2 in ISO 15118-20."""
    modern = INTEROP_P256 if tls.profile == INTEROP_P256.name else ISO15118_20
    policies, doubts = {"ISO 15118-2": ISO15118_2, "ISO 15118-20": modern}, tls.revocation != "ignore"
    trusted = TrustedChains(Role.CONTRACT, credentials.judge, policies, doubts=doubts)
    if back_end is None:
        return Payment(contracts=trusted)
    return Payment(contracts=back_end.contracts.over(trusted), provisioning=back_end.provisioning)
