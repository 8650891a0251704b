"""What the battery can still take or give, in the terms of the requests."""

from typing import TypedDict

from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.numbers import shown
from v2g.iso15118.vehicle import VehicleState
from v2g.kernel.durations import DAY_S
from v2g.messages.iso20.types import DisplayParameters, RationalNumber


class Energies(TypedDict):
    """The elements that every request with energies has."""

    EVTargetEnergyRequest: RationalNumber
    EVMaximumEnergyRequest: RationalNumber
    EVMinimumEnergyRequest: RationalNumber


def departure_s(session: CarSession, vehicle: VehicleState) -> int:
    """Seconds from now until the car leaves."""
    leaves_s = session.intent.departure_unix_s
    return DAY_S if leaves_s is None else max(0, leaves_s - vehicle.unix_s)


def energies(session: CarSession, vehicle: VehicleState) -> Energies:
    """The three energy requests: from the present state of charge to target, maximum and minimum.

    Negative if the battery is above that state already.
    """
    intent = session.intent
    return {
        "EVTargetEnergyRequest": _missing(intent.soc_target, vehicle),
        "EVMaximumEnergyRequest": _missing(intent.soc_max, vehicle),
        "EVMinimumEnergyRequest": _missing(intent.soc_min, vehicle),
    }


def v2x_energies(session: CarSession, vehicle: VehicleState) -> dict[str, RationalNumber]:
    """The window that feeding the grid may use. A positive minimum: the battery is below it and must not discharge."""
    return {
        "EVMaximumV2XEnergyRequest": _missing(session.intent.soc_max, vehicle),
        "EVMinimumV2XEnergyRequest": _missing(session.intent.soc_min, vehicle),
    }


def display(session: CarSession, vehicle: VehicleState) -> DisplayParameters:
    """The state of charge, for the station's display."""
    intent = session.intent
    return DisplayParameters(
        PresentSOC=int(vehicle.soc * 100),
        MinimumSOC=round(intent.soc_min * 100),
        TargetSOC=round(intent.soc_target * 100),
        MaximumSOC=round(intent.soc_max * 100),
        ChargingComplete=vehicle.soc >= intent.soc_max,
        BatteryEnergyCapacity=shown(vehicle.capacity_wh),
    )


def _missing(soc: float, vehicle: VehicleState) -> RationalNumber:
    return shown((soc - vehicle.soc) * vehicle.capacity_wh)
