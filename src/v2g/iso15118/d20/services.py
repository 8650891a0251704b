"""Energy-transfer services of ISO 15118-20 and their parameter sets (clause 8.4.3, Tables 204 to 208)."""

from dataclasses import dataclass
from enum import IntEnum

from v2g.messages.iso20.common import Parameter, ParameterSet


class Service(IntEnum):
    """Energy-transfer service ids (Table 204)."""

    AC = 1
    DC = 2
    AC_BPT = 5
    DC_BPT = 6

    @property
    def dc(self) -> bool:
        """Whether the station converts to direct current; otherwise the inverter is in the car."""
        return self in (Service.DC, Service.DC_BPT)

    @property
    def bidirectional(self) -> bool:
        """Whether the car may feed the grid."""
        return self in (Service.AC_BPT, Service.DC_BPT)

    @property
    def protocol(self) -> str:
        """The message set that carries the service's own messages."""
        return "iso20-dc" if self.dc else "iso20-ac"


class ControlMode(IntEnum):
    """Who plans the power (Table 205)."""

    SCHEDULED = 1
    """The car follows a schedule that it chose among the station's offers."""
    DYNAMIC = 2
    """The station sets the power within the car's limits."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the car selected: a service, one of its parameter sets, and what that set means."""

    service: Service
    parameter_set: int
    mode: ControlMode


# Values of Tables 205 to 208. The station feeds a grid that is there, through one unified channel.
_THREE_PHASE, _EXTENDED = 2, 2
_NEEDS_FROM_CAR, _NO_PRICING, _PRICE_LEVELS = 1, 0, 2
_UNIFIED_CHANNEL, _GRID_FOLLOWING, _PASSIVE_DETECTION = 1, 1, 2


def parameter_sets(
    service: Service, modes: tuple[ControlMode, ...], nominal_voltage_v: int, *, price_levels: bool = False
) -> list[ParameterSet]:
    """One parameter set for each control mode, numbered from 1 in the order of preference."""
    fixed: list[tuple[str, int]] = [("Connector", _EXTENDED if service.dc else _THREE_PHASE)]
    if not service.dc:
        fixed.append(("EVSENominalVoltage", nominal_voltage_v))
    rest = [("MobilityNeedsMode", _NEEDS_FROM_CAR), ("Pricing", _PRICE_LEVELS if price_levels else _NO_PRICING)]
    if service.bidirectional:
        rest += [("BPTChannel", _UNIFIED_CHANNEL), ("GeneratorMode", _GRID_FOLLOWING)]
        if not service.dc:
            rest.append(("GridCodeIslandingDetectionMethod", _PASSIVE_DETECTION))
    return [
        ParameterSet(
            ParameterSetID=number,
            Parameter=[
                Parameter(Name=name, intValue=value) for name, value in [*fixed, ("ControlMode", int(mode)), *rest]
            ],
        )
        for number, mode in enumerate(modes, start=1)
    ]


def mode_of(parameter_set: ParameterSet) -> ControlMode | None:
    """The control mode that a parameter set stands for, or None where it names none that is known."""
    for parameter in parameter_set.Parameter:
        if parameter.Name == "ControlMode" and parameter.intValue in list(ControlMode):
            return ControlMode(parameter.intValue)
    return None
