"""ScheduleExchange: the car states its needs, and in scheduled mode takes the first schedule on offer."""

from dataclasses import replace

from v2g.iso15118.car_session import Abandon, CarSession, Stopping
from v2g.iso15118.d20.car import needs, schedule
from v2g.iso15118.d20.car.notification import wrong_flavour
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import ControlMode
from v2g.iso15118.tariff import accepted
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.messages.iso20.common import (
    Dynamic_SEReqControlMode,
    Dynamic_SEResControlMode,
    Scheduled_SEReqControlMode,
    Scheduled_SEResControlMode,
    ScheduleExchangeReq,
    ScheduleExchangeRes,
)
from v2g.messages.iso20.types import Processing

SUPPORTED_POINTS = 1024


def request(session: CarSession, vehicle: VehicleState) -> ScheduleExchangeReq:
    intent = session.intent
    departure_s, energies = needs.departure_s(session, vehicle), needs.energies(session, vehicle)
    if intent.mode is ControlMode.SCHEDULED:
        return ScheduleExchangeReq(
            header(session, vehicle),
            MaximumSupportingPoints=SUPPORTED_POINTS,
            Scheduled_SEReqControlMode=Scheduled_SEReqControlMode(DepartureTime=departure_s, **energies),
        )
    return ScheduleExchangeReq(
        header(session, vehicle),
        MaximumSupportingPoints=SUPPORTED_POINTS,
        Dynamic_SEReqControlMode=Dynamic_SEReqControlMode(
            DepartureTime=departure_s,
            MinimumSOC=round(intent.soc_min * 100),
            TargetSOC=round(intent.soc_target * 100),
            **energies,
            **(needs.v2x_energies(session, vehicle) if session.bidirectional else {}),
        ),
    )


def take(
    response: ScheduleExchangeRes, asked: ScheduleExchangeReq, session: CarSession, vehicle: VehicleState
) -> CarSession:
    offered = response.Scheduled_SEResControlMode
    if session.intent.mode is ControlMode.DYNAMIC and offered is not None:
        raise wrong_flavour(offered, Dynamic_SEResControlMode)
    if session.intent.mode is ControlMode.SCHEDULED and response.Dynamic_SEResControlMode is not None:
        raise wrong_flavour(response.Dynamic_SEResControlMode, Scheduled_SEResControlMode)
    if response.GoToPause and session.stop is None:
        session = replace(session, stop=Stopping(Stop.PAUSE, "the station asked to pause"))
    if response.EVSEProcessing is not Processing.Finished:
        return session
    if offered is not None:
        chosen = schedule.read(offered.ScheduleTuple[0], vehicle.unix_s)
        if not chosen.slots:
            raise Abandon("the station offers a schedule that lasts for no time", Fault.REQUEST_REFUSED)
        session = replace(session, schedule=chosen)
    dynamic = response.Dynamic_SEResControlMode
    priced = [dynamic] if offered is None else [each.ChargingSchedule for each in offered.ScheduleTuple]
    prices = [None if each is None else each.AbsolutePriceSchedule or each.PriceLevelSchedule for each in priced]
    session = replace(session, tariff=accepted("iso20-common", prices, response.Header.Signature, session.contract))
    # In a renegotiation the contactor is closed already.
    charging = session.command.contactor_closed or not session.intent.service.dc
    return replace(session, renegotiate=False).to(Phase.POWER_DELIVERY if charging else Phase.CABLE_CHECK)
