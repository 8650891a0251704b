"""The contract of `v2g ev`: read from the directory of certificates, or asked for at the station."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.kernel.errors import V2GError

if TYPE_CHECKING:
    from v2g.iso15118.contract import Credential


class ContractError(V2GError):
    """A file of the contract cannot be used. Names it and the remedy."""


def payment(directory: Path, how: str, *, older: bool) -> dict[str, Any]:
    """The fields of `v2g.iso15118.vehicle.Intent` for a car that pays by a contract.

    `directory`: with the files that `v2g pki init` makes; those of ISO 15118-2 (`older`) in `iso2` below, if that is
    there. `how`: `own`, `install` or `renew`. Raises `ContractError`.
    """
    import time
    from collections.abc import Sequence
    from dataclasses import replace

    from v2g.pki import store
    from v2g.pki.chain import Verdict, verify_chain
    from v2g.pki.profile import INTEROP_P256, Anchor, Policy, Revocation, Role
    from v2g.station.contracts import TrustedChains

    place = directory / store.ISO2
    place = place if older and (place / "v2g_root.pem").exists() else directory
    known = store.load(place, time.time())
    policy = replace(INTEROP_P256, revocation=Revocation.IGNORE)  # a car in a session reaches no responder

    def judge(leaf: bytes, others: Sequence[bytes], role: Role, at_s: float, _: Policy) -> Verdict:
        return verify_chain(leaf, others, known.roots_for(role), role, at_s, policy)

    policies = dict.fromkeys(("ISO 15118-2", "ISO 15118-20"), policy)
    wanted: dict[str, Any] = {
        "roots": tuple(root.der for root in known.roots[Anchor.V2G]),
        "trust": TrustedChains(Role.PROVISIONING_SERVICE, judge, policies),
    }
    if how == "install":
        return wanted | {"provisioning": _credential(place, "oem_prov", "oem_chain.pem")}
    return wanted | {"contract": _credential(place, "contract", "mo_chain.pem"), "renews": how == "renew"}


def _credential(place: Path, stem: str, chain: str) -> "Credential":
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from v2g.iso15118.contract import Credential
    from v2g.pki.certificate import Unreadable, read_pem

    files = [place / f"{stem}_cert.pem", place / chain]
    try:
        certificates = [each.der for file in files for each in read_pem(file.read_bytes())]
        file = place / f"{stem}_key.pem"
        key = load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        remedy = f"`v2g pki init {place}` makes a test hierarchy; --pki names another directory"
        raise ContractError(f"{error.filename}: {error.strerror}; {remedy}") from error
    except (Unreadable, ValueError, TypeError) as error:
        raise ContractError(f"{place}: {stem}_cert.pem, {chain} or {stem}_key.pem cannot be used: {error}") from error
    if not certificates or not isinstance(key, EllipticCurvePrivateKey | Ed448PrivateKey):
        raise ContractError(f"{place}: {stem}_cert.pem holds no certificate, or {stem}_key.pem no EC key")
    return Credential(tuple(certificates), key)
