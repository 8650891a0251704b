"""What a station can do, as its device model says; asked for once after each connection."""

from collections.abc import Iterable

from msgspec import Struct

from v2g.depot.configuration import Silence
from v2g.ocpp import v21
from v2g.ocpp.base import given

_SMART, _V2X = "SmartChargingCtrlr", "V2XChargingCtrlr"
MEASURANDS = "Energy.Active.Import.Register,Energy.Active.Export.Register,Power.Active.Import,Power.Active.Export,SoC"


class Abilities(Struct, frozen=True):
    """Nothing is taken for granted: what a station does not state, it cannot do."""

    known: bool = False
    """Whether the station has answered."""
    dynamic: bool = False
    """Whether it takes Dynamic profiles, which need no new profile for each set-point."""
    max_offline: bool = False
    """Whether it lets a profile lapse when it has no connection."""
    negative_limits: bool = False
    """Whether a negative limit means discharge, an extension for 2.0.1."""
    opens: bool = False
    """Whether it opens its contactor for a car that does not follow within a stated time, an extension."""
    setpoints: frozenset[int] = frozenset()
    """EVSEs that can discharge, and follow CentralSetpoint."""


def questions(evses: Iterable[int], *, is_21: bool) -> v21.GetVariablesRequest:
    """What to ask a station."""
    asked = [_ask(_SMART, "DischargeByNegativeLimit"), _ask(_SMART, "OpensForLateCar")]
    if is_21:
        asked += [_ask(_SMART, "SupportsFeature", name) for name in ("DynamicProfiles", "MaxOfflineDuration")]
        asked += [_ask(_V2X, name, evse=evse) for evse in evses for name in ("Enabled", "SupportedOperationModes")]
    return v21.GetVariablesRequest(getVariableData=tuple(asked))


def wishes(silence: Silence) -> v21.SetVariablesRequest:
    """How often, and what, a station should measure."""
    rows = (("TxUpdatedInterval", str(silence.meter_s)), ("TxUpdatedMeasurands", MEASURANDS))
    return v21.SetVariablesRequest(
        setVariableData=tuple(
            v21.SetVariableDataType(
                attributeValue=value,
                component=v21.ComponentType(name="SampledDataCtrlr"),
                variable=v21.VariableType(name=name),
            )
            for name, value in rows
        )
    )


def read(response: v21.GetVariablesResponse) -> Abilities:
    """What a station has answered."""
    found: dict[tuple[str, str, int], str] = {}
    for each in response.getVariableResult:
        if each.attributeStatus == "Accepted":
            evse = each.component.evse.id if isinstance(each.component.evse, v21.EVSEType) else 0
            name = given(each.variable.instance, "") or each.variable.name
            found[each.component.name.lower(), name.lower(), evse] = given(each.attributeValue, "").strip()

    def states(component: str, name: str, evse: int = 0) -> bool:
        return found.get((component.lower(), name.lower(), evse), "").lower() == "true"

    modes = {key[2]: _members(value) for key, value in found.items() if key[1] == "supportedoperationmodes"}
    able = {id for id, names in modes.items() if "CentralSetpoint" in names and states(_V2X, "Enabled", id)}
    return Abilities(
        known=True,
        dynamic=states(_SMART, "DynamicProfiles"),
        max_offline=states(_SMART, "MaxOfflineDuration"),
        negative_limits=states(_SMART, "DischargeByNegativeLimit"),
        opens=states(_SMART, "OpensForLateCar"),
        setpoints=frozenset(able),
    )


def _members(value: str) -> set[str]:
    return {each.strip() for each in value.split(",")}


def _ask(component: str, name: str, instance: str = "", evse: int = 0) -> v21.GetVariableDataType:
    return v21.GetVariableDataType(
        component=v21.ComponentType(name=component, evse=v21.EVSEType(id=evse)) if evse else v21.ComponentType(
            name=component
        ),
        variable=v21.VariableType(name=name, instance=instance) if instance else v21.VariableType(name=name),
    )  # fmt: skip
