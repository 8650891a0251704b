"""PowerDelivery: start with a charging profile, stop, or back to the charge parameters."""

from dataclasses import replace
from typing import Any

from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d2.car.status import dc_ev_status, heeding
from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.schedule import Schedule
from v2g.iso15118.vehicle import Command, VehicleState
from v2g.messages.iso2 import ChargeProgress

_MOST_ENTRIES, _DIN_MOST_W = 24, 32_767


def request(to: Dialect, session: CarSession, vehicle: VehicleState) -> Type:
    progress, schedule, messages = _progress(session), session.schedule, to.messages
    starts = progress is ChargeProgress.Start and schedule is not None
    said: dict[str, Any] = {
        "ChargingProfile": _profile(to, schedule, session, vehicle) if starts and schedule else None
    }
    if session.intent.service.dc:
        said["EVPowerDeliveryParameter"] = messages.DC_EVPowerDeliveryParameter(
            dc_ev_status(to, session, vehicle), ChargingComplete=vehicle.soc >= session.intent.soc_max
        )
    if to.renegotiates:
        said |= {"ChargeProgress": progress, "SAScheduleTupleID": 1 if schedule is None else schedule.tuple_id}
    else:
        said["ReadyToChargeState"] = progress is ChargeProgress.Start
    return to.message(session.session_id, messages.PowerDeliveryReq(**said))


def take(to: Dialect, response: Any, asked: Any, session: CarSession, vehicle: VehicleState) -> CarSession:
    progress, before = _asked(to, asked), session
    session = heeding(to, session, body(response).EVSEStatus)
    if progress is ChargeProgress.Start:
        return session.to(Phase.STARTED)
    dc = session.intent.service.dc
    if progress is ChargeProgress.Stop:
        # The station has no current any more: now the contactor opens without an arc. It may call itself shut down.
        session = replace(session, command=Command(), stop=before.stop)
        return session.to(Phase.WELDING_DETECTION if dc else Phase.STOPPING)
    # In DC the cable is tested again, with both contactors open in between [V2G2-582].
    if dc:
        session = replace(session, command=Command(), stop=before.stop)
    return session.to(Phase.CHARGE_PARAMETERS)


def _progress(session: CarSession) -> ChargeProgress:
    if session.stop is not None:
        return ChargeProgress.Stop
    if session.phase in (Phase.AC_CHARGE_LOOP, Phase.DC_CHARGE_LOOP):
        return ChargeProgress.Renegotiate
    return ChargeProgress.Start


def _asked(to: Dialect, asked: Any) -> ChargeProgress:
    if to.renegotiates:
        progress: ChargeProgress = body(asked).ChargeProgress
        return progress
    return ChargeProgress.Start if body(asked).ReadyToChargeState else ChargeProgress.Stop


def _profile(to: Dialect, schedule: Schedule, session: CarSession, vehicle: VehicleState) -> Any:
    """What the car plans to take: its wish, held to the schedule. What it wants to give has no place in it."""
    entries, start_s = [], 0
    for duration_s, power_w in schedule.plan(max(0.0, session.wish_w(vehicle)))[:_MOST_ENTRIES]:
        planned = to.limit(power_w, "W") if to.renegotiates else min(int(power_w), _DIN_MOST_W)
        entries.append(to.messages.ProfileEntry(start_s, planned))
        start_s += duration_s
    if to.renegotiates:
        return to.messages.ChargingProfile(entries)
    return to.messages.ChargingProfile(schedule.tuple_id, entries)
