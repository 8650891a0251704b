"""What a car checks of a contract that it is brought, and how it names the roots that it knows."""

from v2g.iso15118.car_session import Abandon, CarSession
from v2g.iso15118.contract import certificate_of
from v2g.kernel.fault import Fault
from v2g.messages.xmldsig import X509IssuerSerial


def check_service(session: CarSession, service: tuple[bytes, ...], edition: str, unix_s: int) -> None:
    """Raise `Abandon` for a provisioning service whose chain the car does not trust."""
    trust = session.intent.trust
    if trust is None:
        raise Abandon("the car trusts no provisioning service, so it takes no contract", Fault.AUTHORIZATION)
    judged = trust.judge(service, edition, unix_s)
    if judged.flaw is not None or judged.pending:
        raise Abandon(f"the provisioning service is not trusted: {judged.reason}", Fault.AUTHORIZATION)


def issuer_and_serial(root: bytes) -> X509IssuerSerial:
    """How a root is named."""
    certificate = certificate_of(root)
    return X509IssuerSerial(certificate.issuer.rfc4514_string(), certificate.serial_number)
