"""The codes that others have for our faults, so that stations of several makers can be counted together.

- CharIN, Unified Error Codes: `github.com/charinev/unified-error-codes`, a draft (CC BY 4.0). The names are those of
  the catalogue as its OCPP mapping spells them. It has eight so far; EVShiftPosition is a vehicle's own.
- ChargeX, Minimum Required Error Codes: `inl.gov/chargex/mrec`, CX001 to CX026.

A code stands here only if its public description holds for what our fault usually is. Two of ours are wider: insulation
that is lost during energy transfer (0x13) is CX022 to ChargeX, and a pilot that nobody can read (0x17) has no code.
Most faults of the communication have none. CX003 is heat that reduces the power, CX018 and CX019 are the cable's, CX001
is a lock at the vehicle, CX007 is a radio: none of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from v2g.kernel.fault import Fault

CHARIN = (
    "ConnectorLockFailure", "ContactorPosition", "EVShiftPosition", "GridPowerLoss", "HighTemperature", "OverCurrent",
    "Overvoltage", "PowerModuleFault",
)  # fmt: skip
"""The catalogue."""


@dataclass(frozen=True, slots=True)
class Unified:
    """What others call a fault; empty if they have no code for it."""

    charin: str = ""
    chargex: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """Those that there are."""
        return tuple(filter(None, (self.charin, self.chargex)))

    def __str__(self) -> str:
        return ", ".join(self.codes)


_NONE = Unified()
_CODES: Mapping[Fault, Unified] = {
    Fault.ISLANDING: Unified("GridPowerLoss", "CX015"),
    Fault.INVERTER_FAULT: Unified("PowerModuleFault"),
    Fault.CONTACTOR: Unified("ContactorPosition", "CX017"),
    Fault.CABLE_CHECK: Unified(chargex="CX011"),
    Fault.PRECHARGE: Unified(chargex="CX012"),
    Fault.PILOT: Unified(chargex="CX014"),
    Fault.OVER_CURRENT: Unified("OverCurrent", "CX004"),
    Fault.OVER_VOLTAGE: Unified("Overvoltage", "CX005"),
    Fault.OVER_TEMPERATURE: Unified("HighTemperature"),
    Fault.RESIDUAL_CURRENT: Unified(chargex="CX002"),
    Fault.EMERGENCY_STOP: Unified(chargex="CX008"),
    Fault.CONNECTOR_LOCK: Unified("ConnectorLockFailure"),
}


def unified(fault: Fault) -> Unified:
    """The codes of others for this fault."""
    return _CODES.get(fault, _NONE)


def named(code: str) -> list[Fault]:
    """Our faults that have this code, in any case of its letters."""
    return [fault for fault, each in _CODES.items() if code.lower() in map(str.lower, each.codes)]
