"""A contract's key on its way to the car: only the holder of the certificate that it is encrypted for gets it."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.iso15118.credentials import Hierarchy

from v2g.iso15118 import curve448
from v2g.iso15118.contract import Credential
from v2g.iso15118.d20.certificate_chain import contract_chain
from v2g.iso15118.key_wrap import WrongKey, unwrap, unwrap_p256, wrap, wrap_p256
from v2g.messages.iso20.common import SignedInstallationData


@given(st.binary(min_size=57, max_size=57))
def test_a_key_of_ed448_is_one_of_x448(seed: bytes) -> None:
    """The point of the private key is the public key's, whichever way it is reached."""
    key = Ed448PrivateKey.from_private_bytes(seed)
    assert curve448.private(key).public_key() == curve448.public(key.public_key())


@pytest.fixture(scope="module", params=["p521", "ed448"])
def pki(request: pytest.FixtureRequest) -> Hierarchy:
    return Hierarchy(request.param)


def carried(pki: Hierarchy) -> tuple[SignedInstallationData, Credential]:
    """A contract that can be carried, encrypted for the car."""
    key: Any = pki.contract.key
    if isinstance(key, Ed448PrivateKey):
        key = Ed448PrivateKey.from_private_bytes(key.private_bytes_raw()[:-1] + b"\0")
    contract = pki.operator.credential("DE8AAC1B2C3D4E5", "MO", key=key)
    wrapped = wrap(key, pki.provisioning.chain[0], contract.chain[0])
    return SignedInstallationData(contract_chain(contract.chain), **wrapped, Id="id1"), contract


def test_the_car_gets_its_key(pki: Hierarchy) -> None:
    data, contract = carried(pki)
    key: Any = unwrap(data, pki.provisioning)
    assert key.public_key() == contract.key.public_key()


def test_nobody_else_does_and_nothing_can_be_changed(pki: Hierarchy) -> None:
    data, _ = carried(pki)
    other, again = Hierarchy(pki.operator.kind), pki.maker.credential("WMIV1234567890ABCDEX", "OEM")
    for stranger in (other.provisioning, again):
        with pytest.raises(WrongKey, match="somebody else"):
            unwrap(data, stranger)
    renamed = Credential(pki.maker.credential("WMIVANOTHER000000000", "OEM").chain, pki.provisioning.key)
    with pytest.raises(WrongKey, match="somebody else"):
        unwrap(data, renamed)  # the number of the car's certificate is authenticated [V2G20-2492]
    field = "SECP521_EncryptedPrivateKey" if pki.operator.kind == "p521" else "X448_EncryptedPrivateKey"
    sealed = getattr(data, field)
    for place in (0, 20, len(sealed) - 1):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(WrongKey):
            unwrap(replace(data, **{field: changed}), pki.provisioning)
    for point in (bytes(133), b"\x04" + bytes(132), data.DHPublicKey[:-1] + b"\x00"):
        with pytest.raises(WrongKey):
            unwrap(replace(data, DHPublicKey=point), pki.provisioning)
    with pytest.raises(WrongKey, match="missing"):
        unwrap(replace(data, **{field: None}), pki.provisioning)
    with pytest.raises(WrongKey, match="goes with no key"):
        unwrap(data, Hierarchy("ed448" if pki.operator.kind == "p521" else "p521").provisioning)


def test_a_key_of_57_octets_cannot_be_carried() -> None:
    pki = Hierarchy("ed448")
    key = Ed448PrivateKey.from_private_bytes(bytes(56) + b"\1")
    contract = pki.operator.credential("DE8AAC1B2C3D4E5", "MO", key=key)
    with pytest.raises(WrongKey, match="57 octets"):
        wrap(key, pki.provisioning.chain[0], contract.chain[0])


def test_the_keys_of_iso_15118_2() -> None:
    pki, other = Hierarchy("p256"), Hierarchy("p256")
    key: Any = pki.contract.key
    encrypted, sender = wrap_p256(key, pki.provisioning.chain[0])
    assert (len(encrypted), len(sender)) == (48, 65)  # [V2G2-818]
    found = unwrap_p256(encrypted, sender, pki.provisioning.key, pki.contract.chain[0])
    assert found.private_numbers() == key.private_numbers()
    for wrong in (
        (encrypted, sender, other.provisioning.key, pki.contract.chain[0]),
        (encrypted, sender, pki.provisioning.key, other.contract.chain[0]),
        (bytes(48), sender, pki.provisioning.key, pki.contract.chain[0]),
        (encrypted[:-1], sender, pki.provisioning.key, pki.contract.chain[0]),
        (b"", b"", pki.provisioning.key, pki.contract.chain[0]),
        (encrypted, bytes(65), pki.provisioning.key, pki.contract.chain[0]),
        (encrypted, sender, Hierarchy("ed448").provisioning.key, pki.contract.chain[0]),
    ):
        with pytest.raises(WrongKey):
            unwrap_p256(*wrong)
    with pytest.raises(WrongKey, match="P-256"):
        wrap_p256(key, Hierarchy("p521").provisioning.chain[0])
