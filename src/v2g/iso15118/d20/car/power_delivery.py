"""PowerDelivery: start with a power profile, stop, or back to the schedule."""

from dataclasses import replace

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.car.notification import heeding
from v2g.iso15118.d20.car.schedule import profile
from v2g.iso15118.d20.numbers import limit
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import header
from v2g.iso15118.service import ControlMode
from v2g.iso15118.vehicle import Command, VehicleState
from v2g.messages.iso20.common import (
    ChargeProgress,
    Dynamic_EVPPTControlMode,
    EVPowerProfile,
    EVPowerProfileEntryList,
    PowerDeliveryReq,
    PowerDeliveryRes,
    PowerScheduleEntry,
    PowerToleranceAcceptance,
    Scheduled_EVPPTControlMode,
)
from v2g.messages.iso20.types import Processing

_DYNAMIC_PROFILE_S = 3600


def request(session: CarSession, vehicle: VehicleState) -> PowerDeliveryReq:
    progress = _progress(session)
    planned = _profile(session, vehicle) if progress is ChargeProgress.Start else None  # [V2G20-1414]
    return PowerDeliveryReq(
        header(session, vehicle),
        EVProcessing=Processing.Finished,
        ChargeProgress=progress,
        EVPowerProfile=planned,
    )


def take(response: PowerDeliveryRes, asked: PowerDeliveryReq, session: CarSession, vehicle: VehicleState) -> CarSession:
    session = heeding(session, response.EVSEStatus)
    if asked.ChargeProgress is ChargeProgress.ScheduleRenegotiation:
        return session.to(Phase.SCHEDULE_EXCHANGE)
    if asked.ChargeProgress is ChargeProgress.Start:
        return session.to(Phase.STARTED)
    # The station has no current any more: now the contactor opens without an arc.
    session = replace(session, command=Command())
    return session.to(Phase.WELDING_DETECTION if session.intent.service.dc else Phase.STOPPING)


def _progress(session: CarSession) -> ChargeProgress:
    if session.stop is not None:
        return ChargeProgress.Stop
    if session.phase is Phase.CHARGE_LOOP:
        return ChargeProgress.ScheduleRenegotiation
    return ChargeProgress.Start


def _profile(session: CarSession, vehicle: VehicleState) -> EVPowerProfile:
    schedule = session.schedule
    if session.intent.mode is ControlMode.SCHEDULED and schedule is not None:
        return EVPowerProfile(
            TimeAnchor=schedule.anchor_s,
            Scheduled_EVPPTControlMode=Scheduled_EVPPTControlMode(
                schedule.tuple_id, PowerToleranceAcceptance.PowerToleranceConfirmed
            ),
            EVPowerProfileEntries=profile(schedule, session.wish_w(vehicle)),
        )
    # In dynamic mode the station decides; the entry only says what the car could take at most.
    most_w = limit(session.own_limits(vehicle).charge_w)
    return EVPowerProfile(
        TimeAnchor=vehicle.unix_s,
        Dynamic_EVPPTControlMode=Dynamic_EVPPTControlMode(),
        EVPowerProfileEntries=EVPowerProfileEntryList([PowerScheduleEntry(_DYNAMIC_PROFILE_S, most_w)]),
    )
