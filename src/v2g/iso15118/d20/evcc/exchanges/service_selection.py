"""ServiceSelection: the energy service with one of its parameter sets."""

from v2g.iso15118.d20.evcc.session import Session
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.vehicle import VehicleState
from v2g.messages.iso20.common import SelectedService, ServiceSelectionReq, ServiceSelectionRes


def request(session: Session, vehicle: VehicleState) -> ServiceSelectionReq:
    selected = session.selected
    return ServiceSelectionReq(
        session.header(vehicle),
        SelectedEnergyTransferService=SelectedService(int(selected.service), selected.parameter_set),
    )


def take(response: ServiceSelectionRes, asked: ServiceSelectionReq, session: Session, vehicle: VehicleState) -> Session:
    return session.to(Phase.CHARGE_PARAMETERS)
