"""The parameter sets of the energy-transfer services (ISO 15118-20 clause 8.4.3, Tables 205 to 208)."""

from v2g.iso15118.service import ControlMode, Service
from v2g.messages.iso20.common import Parameter, ParameterSet

# Values of Tables 205 to 208. The station feeds a grid that is there, through one unified channel.
_THREE_PHASE, _EXTENDED = 2, 2
# Amendment 1; its table is not public: this is the connector's number in EVerest's libiso15118.
_MEGAWATT = 1
_NEEDS_FROM_CAR, _NO_PRICING, _PRICE_LEVELS = 1, 0, 2
_UNIFIED_CHANNEL, _GRID_FOLLOWING, _PASSIVE_DETECTION = 1, 1, 2


def parameter_sets(
    service: Service,
    modes: tuple[ControlMode, ...],
    nominal_voltage_v: int,
    *,
    price_levels: bool = False,
    functions: int | None = None,
) -> list[ParameterSet]:
    """One parameter set for each control mode, numbered from 1 in the order of preference.

    `functions`: what AC_DER_IEC demands of the car (`der_iec.Function`).
    """
    fixed: list[tuple[str, int]] = [
        ("Connector", _MEGAWATT if service.mcs else _EXTENDED if service.dc else _THREE_PHASE)
    ]
    if not service.dc:
        fixed.append(("EVSENominalVoltage", nominal_voltage_v))
    rest = [("MobilityNeedsMode", _NEEDS_FROM_CAR), ("Pricing", _PRICE_LEVELS if price_levels else _NO_PRICING)]
    if service.bidirectional:
        rest += [("BPTChannel", _UNIFIED_CHANNEL), ("GeneratorMode", _GRID_FOLLOWING)]
        if not service.dc:
            rest.append(("GridCodeIslandingDetectionMethod", _PASSIVE_DETECTION))
    if functions is not None:
        rest.append(("DERControlFunctions", functions))
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
    """The control mode that a parameter set stands for, or None if it names none that is known."""
    mode = value_of(parameter_set, "ControlMode")
    return ControlMode(mode) if mode in list(ControlMode) else None


def value_of(parameter_set: ParameterSet, name: str) -> int | None:
    """The number of a parameter, or None without it."""
    return next((each.intValue for each in parameter_set.Parameter if each.Name == name), None)
