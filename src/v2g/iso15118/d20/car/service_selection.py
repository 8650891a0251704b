"""ServiceSelection: the energy service with one of its parameter sets."""

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.vehicle import VehicleState
from v2g.messages.iso20.common import SelectedService, ServiceSelectionReq, ServiceSelectionRes


def request(session: CarSession, vehicle: VehicleState) -> ServiceSelectionReq:
    selected = session.selected
    return ServiceSelectionReq(
        header(session, vehicle),
        SelectedEnergyTransferService=SelectedService(int(selected.service), selected.parameter_set),
    )


def take(
    response: ServiceSelectionRes, asked: ServiceSelectionReq, session: CarSession, vehicle: VehicleState
) -> CarSession:
    return session.to(Phase.CHARGE_PARAMETERS)
