"""Value-added services: contract certificates and internet access (ISO 15118-2 8.6.3, Tables 105 to 107).

What they may be chosen with is in ServiceDetail [V2G2-422].
"""

from v2g.iso15118 import internet
from v2g.iso15118.view import Offer
from v2g.messages.iso2 import Parameter, ParameterSet, Service, ServiceCategory, ServiceDiscoveryReq, ServiceList

CERTIFICATE, INTERNET = 2, 3
"""Their numbers."""
INSTALLATION, UPDATE = 1, 2
"""The parameter sets of the former."""
_CERTIFICATE = {INSTALLATION: "Installation", UPDATE: "Update"}
_KINDS = {CERTIFICATE: ServiceCategory.ContractCertificate, INTERNET: ServiceCategory.Internet}
_NAMES = {CERTIFICATE: "Certificate", INTERNET: "InternetAccess"}


def parameter_sets(offer: Offer) -> dict[int, list[ParameterSet]]:
    """The services on offer, with what they may be chosen with."""
    sets: dict[int, list[ParameterSet]] = {}
    if offer.provisioning is not None:
        sets[CERTIFICATE] = [
            ParameterSet(number, [Parameter(stringValue=name, Name="Service")]) for number, name in _CERTIFICATE.items()
        ]
    if offer.internet:
        sets[INTERNET] = [
            ParameterSet(
                number, [Parameter(stringValue=protocol, Name="Protocol"), Parameter(intValue=port, Name="Port")]
            )
            for number, (protocol, port) in internet.PARAMETER_SETS.items()
            if number in offer.internet
        ]
    return sets


def listed(offer: Offer, asked: ServiceDiscoveryReq) -> ServiceList | None:
    """The services that the car asks for [V2G2-293]; ours have no scope."""
    if asked.ServiceScope:
        return None
    services = [
        Service(number, ServiceName=_NAMES[number], ServiceCategory=_KINDS[number], FreeService=True)
        for number in parameter_sets(offer)
        if asked.ServiceCategory in (None, _KINDS[number])
    ]
    return ServiceList(services) if services else None
