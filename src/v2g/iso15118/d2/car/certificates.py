"""CertificateInstallation and CertificateUpdate: a contract for the car, made by its mobility operator.

The request is signed with the key that the car's maker gave it, or with that of the contract to be replaced. The
response is signed by a provisioning service; it holds the contract and its key, encrypted for the certificate that the
car has named [V2G2-891].
"""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.contract import Credential, key_of, plain_emaid
from v2g.iso15118.d2.car.authorization import SIGNED_ID
from v2g.iso15118.d2.certificate_chain import chain_element, chain_of
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.provisioned import check_service, issuer_and_serial
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso2 import CertificateInstallationReq, CertificateUpdateReq, ListOfRootCertificateIDs


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    from v2g.iso15118.signature import sign

    own, roots = _own(session), ListOfRootCertificateIDs([issuer_and_serial(each) for each in session.intent.roots])
    wanted: Type
    if session.contract is None:
        name, wanted = "CertificateInstallationReq", CertificateInstallationReq(own.chain[0], roots, SIGNED_ID)
    else:
        emaid = plain_emaid(own.name)
        name, wanted = "CertificateUpdateReq", CertificateUpdateReq(chain_element(own.chain), emaid, roots, SIGNED_ID)
    return to.message(session.session_id, wanted, sign("iso2", [(name, wanted)], own.key))


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    """The contract that came, if it is signed by a service that the car trusts, and is for this car."""
    from v2g.iso15118.key_wrap import WrongKey, unwrap_p256
    from v2g.iso15118.signature import SignatureInvalid, verify

    said = body(response)
    service = chain_of(said.SAProvisioningCertificateChain)
    check_service(session, service, to.edition.name, vehicle.unix_s)
    parts = [
        ("ContractSignatureCertChain", said.ContractSignatureCertChain),
        ("ContractSignatureEncryptedPrivateKey", said.ContractSignatureEncryptedPrivateKey),
        ("DHpublickey", said.DHpublickey),
        ("eMAID", said.eMAID),
    ]
    chain = chain_of(said.ContractSignatureCertChain)
    try:
        verify("iso2", response.Header.Signature, parts, key_of(service[0]))
        key = unwrap_p256(
            said.ContractSignatureEncryptedPrivateKey.value, said.DHpublickey.value, _own(session).key, chain[0]
        )
    except (SignatureInvalid, WrongKey, ValueError) as error:
        raise Abandon(f"the contract that the station brought: {error}", Fault.AUTHORIZATION) from None
    return replace(session, contract=Credential(chain, key)).to(Phase.CONTRACT)


def _own(session: CarSession) -> Credential:
    """What the car signs with, and what its contract is encrypted for."""
    own = session.contract or session.intent.provisioning
    assert own is not None, "nothing is asked for without one of them"
    return own
