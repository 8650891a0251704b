"""Value-added services: internet access. Parking status (66) is not among them: nothing here parks a vehicle.

They are stated to the car; nothing runs here that a new selection would have to stop.
"""

from v2g.iso15118 import internet
from v2g.iso15118.view import Offer
from v2g.messages.iso20.common import (
    Parameter,
    ParameterSet,
    SelectedServiceList,
    Service,
    ServiceDiscoveryReq,
    ServiceList,
)

INTERNET = 65
"""Its number."""


def parameter_sets(offer: Offer) -> dict[int, list[ParameterSet]]:
    """The services on offer, with what they may be chosen with."""
    sets = [
        ParameterSet(number, [Parameter(finiteString=protocol, Name="Protocol"), Parameter(intValue=port, Name="Port")])
        for number, (protocol, port) in internet.PARAMETER_SETS.items()
        if number in offer.internet
    ]
    return {INTERNET: sets} if sets else {}


def listed(offer: Offer, asked: ServiceDiscoveryReq) -> tuple[int, ...]:
    """The services that the car supports, or all if it does not say what it supports [V2G20-1249]."""
    supported = asked.SupportedServiceIDs
    return tuple(each for each in parameter_sets(offer) if supported is None or each in supported.ServiceID)


def service_list(numbers: tuple[int, ...]) -> ServiceList | None:
    """As ServiceDiscoveryRes carries them."""
    return ServiceList([Service(ServiceID=each, FreeService=True) for each in numbers]) if numbers else None


def why_not(chosen: SelectedServiceList | None, offer: Offer, detailed: tuple[int, ...]) -> str | None:
    """Why these cannot be selected, or None. `detailed`: of which the car has been given the parameter sets."""
    given = parameter_sets(offer)
    for each in [] if chosen is None else chosen.SelectedService:
        if each.ServiceID not in given or each.ServiceID not in detailed:
            return f"value-added service {each.ServiceID} was not detailed"
        if each.ParameterSetID not in (numbers := [one.ParameterSetID for one in given[each.ServiceID]]):
            return f"service {each.ServiceID} has parameter sets {numbers}, not {each.ParameterSetID}"
    return None
