"""CertificateInstallation: a contract for the car, made by its mobility operator.

The request is signed with the key that the car's maker gave it. The response is signed by a provisioning service; it
holds the contract and its key, encrypted for the certificate that the car has named.
"""

from dataclasses import replace

from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.contract import Credential, key_of
from v2g.iso15118.d20.certificate_chain import chain_of, signed_chain
from v2g.iso15118.d20.edition import D20
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.provisioned import check_service, issuer_and_serial
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import CertificateInstallationReq, CertificateInstallationRes
from v2g.messages.iso20.types import ListOfRootCertificateIDs

_ID = "id1"


def request(session: CarSession, vehicle: VehicleState) -> CertificateInstallationReq:
    from v2g.iso15118.signature import sign

    own, head = _own(session), header(session, vehicle)
    chain = signed_chain(own.chain, _ID)
    head.Signature = sign("iso20-common", [("OEMProvisioningCertificateChain", chain)], own.key)
    roots = [issuer_and_serial(each) for each in session.intent.roots]
    return CertificateInstallationReq(
        head,
        OEMProvisioningCertificateChain=chain,
        ListOfRootCertificateIDs=ListOfRootCertificateIDs(roots),
        MaximumContractCertificateChains=1,
    )


def take(
    response: CertificateInstallationRes, asked: CertificateInstallationReq, session: CarSession, vehicle: VehicleState
) -> CarSession:
    """The contract that came, if it is signed by a service that the car trusts, and is for this car."""
    from v2g.iso15118.key_wrap import WrongKey, unwrap
    from v2g.iso15118.signature import SignatureInvalid, verify

    if response.ResponseCode.startswith("WARNING"):
        raise Abandon(f"the car gets no contract: {response.ResponseCode}", Fault.AUTHORIZATION)
    service, data = chain_of(response.CPSCertificateChain), response.SignedInstallationData
    check_service(session, service, D20.name, vehicle.unix_s)
    chain = chain_of(data.ContractCertificateChain)
    try:
        verify("iso20-common", response.Header.Signature, [("SignedInstallationData", data)], key_of(service[0]))
        key = unwrap(data, _own(session))
    except (SignatureInvalid, WrongKey, ValueError) as error:
        raise Abandon(f"the contract that the station brought: {error}", Fault.AUTHORIZATION) from None
    return replace(session, contract=Credential(chain, key)).to(Phase.AUTHORIZATION)


def _own(session: CarSession) -> Credential:
    own = session.intent.provisioning
    assert own is not None, "no contract is asked for without it"
    return own
