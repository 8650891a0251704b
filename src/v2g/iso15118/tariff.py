"""What energy costs, as the car takes it: with a contract, only what its operator has signed."""

from collections.abc import Sequence

from v2g.exi.facets import Type
from v2g.iso15118.contract import Credential, key_of
from v2g.messages.xmldsig import Signature


def accepted(
    message_set: str, offered: Sequence[Type | None], signature: Signature | None, contract: Credential | None
) -> Type | None:
    """The tariff of the first schedule, if it may be believed; `offered`: those of all schedules. A car with a contract
    believes the key above its contract's certificate, that of the operator's authority; what is not signed by it is
    left out, and the car charges as if there were none."""
    tariff = offered[0] if offered else None
    if tariff is None or contract is None:
        return tariff
    from v2g.iso15118.signature import SignatureInvalid, verify

    if len(contract.chain) < 2:
        return None
    parts = [(type(each).__name__, each) for each in offered if each is not None]
    try:
        verify(message_set, signature, parts, key_of(contract.chain[1]))
    except (SignatureInvalid, ValueError):
        return None
    return tariff
