"""A mobility operator and its provisioning service in one, for benches: makes a contract for whoever asks for one.

Behind `v2g.iso15118.contract.Provisioning`. In the field a request goes through the back end to a contract certificate
pool; here it is answered at once.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from v2g.iso15118.contract import Credential, Flaw, Unprovisioned, certificate_of, common_name, key_of
from v2g.iso15118.d2.certificate_chain import chain_element
from v2g.iso15118.d20.certificate_chain import contract_chain, service_chain
from v2g.iso15118.key_wrap import WrongKey, wrap, wrap_p256
from v2g.iso15118.signature import sign
from v2g.messages import decode, encode, iso2
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import MessageHeader, Processing, ResponseCode

_LASTS = timedelta(days=365)


@dataclass(frozen=True)
class Issuer:
    """An authority that signs contracts: its own chain, DER, and its key."""

    chain: tuple[bytes, ...]
    key: Any


class ContractService:
    """Gives every car that asks a contract of the same operator."""

    def __init__(
        self,
        operator: Issuer,
        service: Credential,
        emaid: Callable[[str], str],
        clock: Callable[[], float],
    ) -> None:
        """`operator` signs the contracts, `service` the answers. `emaid`: the contract's number for a car, by the name
        in the certificate that it asks with. `clock`: Unix time."""
        self._operator, self._service, self._emaid, self._clock = operator, service, emaid, clock
        self._made: dict[bytes, bytes] = {}

    def fetch(self, request: bytes, action: Literal["Install", "Update"], message_set: str) -> bytes | None:
        """The answer to a request, the same one each time. Raises `Unprovisioned`."""
        if request not in self._made:
            message = decode(message_set, request)
            try:
                answer = self._iso2(message, action) if message_set == "iso2" else self._iso20(message)
            except ValueError as error:  # a certificate of which the station has read less
                raise Unprovisioned(f"no contract can be made for this certificate: {error}", Flaw.CONTENT) from None
            self._made[request] = encode(message_set, answer)
        return self._made[request]

    def _iso20(self, message: Any) -> common.CertificateInstallationRes:
        shown = message.OEMProvisioningCertificateChain.Certificate
        key = self._new_key(shown)
        contract = self._certify(self._emaid(common_name(shown)), key)
        try:
            wrapped = wrap(key, shown, contract)
        except WrongKey as error:
            raise Unprovisioned(str(error), Flaw.CONTENT) from None
        data = common.SignedInstallationData(contract_chain((contract, *self._operator.chain)), **wrapped, Id="id1")
        header = MessageHeader(message.Header.SessionID, int(self._clock()))
        header.Signature = sign("iso20-common", [("SignedInstallationData", data)], self._service.key)
        return common.CertificateInstallationRes(
            header,
            ResponseCode.OK,
            Processing.Finished,
            CPSCertificateChain=service_chain(self._service.chain),
            SignedInstallationData=data,
            RemainingContractCertificateChains=0,
        )

    def _iso2(self, message: Any, action: str) -> iso2.V2G_Message:
        asked = message.Body.BodyElement
        installs = action == "Install"
        shown = asked.OEMProvisioningCert if installs else asked.ContractSignatureCertChain.Certificate
        name = common_name(shown)
        emaid = self._emaid(name) if installs else name
        key = self._new_key(shown)
        encrypted, public = wrap_p256(key, shown)
        chain = chain_element((self._certify(emaid, key), *self._operator.chain), "id1")
        parts: dict[str, Any] = {
            "ContractSignatureCertChain": chain,
            "ContractSignatureEncryptedPrivateKey": iso2.ContractSignatureEncryptedPrivateKey(encrypted, "id2"),
            "DHpublickey": iso2.DiffieHellmanPublickey(public, "id3"),
            "eMAID": iso2.EMAID(emaid, "id4"),
        }
        kind = iso2.CertificateInstallationRes if installs else iso2.CertificateUpdateRes
        body = kind(iso2.ResponseCode.OK, chain_element(self._service.chain), **parts)
        signature = sign("iso2", list(parts.items()), self._service.key)
        header = iso2.MessageHeader(message.Header.SessionID, Signature=signature)
        return iso2.V2G_Message(header, iso2.Body(body))

    def _new_key(self, shown: bytes) -> Any:
        """A key of the kind that the car's certificate has."""
        from cryptography.hazmat.primitives.asymmetric import ec, ed448

        public = key_of(shown)
        if isinstance(public, ed448.Ed448PublicKey):  # 56 octets of it can be carried
            return ed448.Ed448PrivateKey.from_private_bytes(secrets.token_bytes(56) + b"\0")
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise Unprovisioned("contracts are made for keys of elliptic curves only", Flaw.CONTENT)
        return ec.generate_private_key(public.curve)

    def _certify(self, emaid: str, key: Any) -> bytes:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509.oid import NameOID

        now = datetime.fromtimestamp(self._clock(), UTC)
        names = ((NameOID.COMMON_NAME, emaid), (NameOID.DOMAIN_COMPONENT, "MO"))
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(*each) for each in names]))
            .issuer_name(certificate_of(self._operator.chain[0]).subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + _LASTS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(digital_signature=True, key_agreement=True, **usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(self._operator.key, None if isinstance(self._operator.key, Ed448PrivateKey) else hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.DER)
