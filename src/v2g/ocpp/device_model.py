"""The device model: variables of components, read, written and reported (blocks B05 to B07)."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

from msgspec import UNSET, UnsetType

from v2g.ocpp import v21
from v2g.ocpp.base import given
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.store import Store
from v2g.ocpp.version import Invalid

KIND = "variable"
ITEMS_PER_MESSAGE = 40
"""In a part of a report."""
MOST_ITEMS = 100
"""In one request of a back end (ItemsPerMessage)."""
_NUMBERS = {
    "integer": re.compile(r"[+-]?\d{1,400}", re.ASCII),
    "decimal": re.compile(r"[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,4})?", re.ASCII),
}
"""How a number is written."""
_LISTS = ("OptionList", "MemberList", "SequenceList")
Key = tuple[str, int, str, str]
"""Component, EVSE (0: the station), variable and its instance, in lower case: names are case-insensitive."""


@dataclass(slots=True)
class Variable:
    """One variable. `read` gives a value that the station measures or knows; otherwise `value` is it."""

    component: str
    name: str
    value: str = ""
    data_type: v21.DataEnumType = "string"
    mutability: v21.MutabilityEnumType = "ReadOnly"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    values: str = ""
    evse: int = 0
    instance: str = ""
    read: Callable[[], str] | None = None
    check: Callable[[str], str | None] | None = None
    """Why it cannot have a value, or None, beyond type and limits."""

    @property
    def key(self) -> Key:
        return _key(self.component, self.evse, self.name, self.instance)

    @property
    def actual(self) -> str:
        """The value now."""
        return self.value if self.read is None else self.read()

    def why_not(self, value: str) -> str | None:
        """Why the variable cannot have this value, or None."""
        if self.mutability == "ReadOnly":
            return "it is read-only"
        if self.data_type == "boolean" and value.lower() not in ("true", "false"):
            return "it is true or false"
        if self.data_type in _NUMBERS:
            number = float(value) if _NUMBERS[self.data_type].fullmatch(value) else inf
            if not isfinite(number):
                return f"it is of type {self.data_type}"
            if not (self.low is None or number >= self.low) or not (self.high is None or number <= self.high):
                return f"it is from {self.low} to {self.high}"
        if self.values and self.data_type in _LISTS:
            known = self.values.split(",")
            chosen = [value] if self.data_type == "OptionList" else [each.strip() for each in value.split(",") if each]
            if strange := [each for each in chosen if each not in known]:
                return f"{', '.join(strange)[:50]} is none of {self.values}"
        return None if self.check is None else self.check(value)


class DeviceModel:
    """All variables of a station. Those that were written survive a restart."""

    def __init__(self, variables: Iterable[Variable], store: Store) -> None:
        self._store = store
        self._variables: dict[Key, Variable] = {}
        self.add(variables)

    def add(self, variables: Iterable[Variable]) -> None:
        """Further variables; those that were written get their value back."""
        for each in variables:
            self._variables[each.key] = each
            kept = self._store.found.get((KIND, "/".join(map(str, each.key))), b"\xff").decode(errors="replace")
            if "\ufffd" not in kept and each.why_not(kept) is None:  # nothing is kept, or it is damaged
                each.value = kept

    @property
    def variables(self) -> Iterable[Variable]:
        """All of them."""
        return self._variables.values()

    def text(self, component: str, name: str, instance: str = "", evse: int = 0) -> str:
        """The value of a variable of the station, or of an EVSE; empty if there is none."""
        found = self._variables.get(_key(component, evse, name, instance))
        return "" if found is None else found.actual

    def number(self, component: str, name: str, instance: str = "", evse: int = 0) -> float:
        """The same as a number."""
        return float(self.text(component, name, instance, evse))

    def flag(self, component: str, name: str, instance: str = "") -> bool:
        """The same as true or false."""
        return self.text(component, name, instance).lower() == "true"

    def assume(self, component: str, name: str, value: str) -> None:
        """A value of the station's variable that the back end gave in another way; not kept."""
        self._variables[_key(component, 0, name, "")].value = value

    def keep(self, component: str, name: str, value: str) -> None:
        """A value of the station's variable that the station itself changes for good."""
        found = self._variables[_key(component, 0, name, "")]
        found.value = value
        self._store.put(KIND, "/".join(map(str, found.key)), value.encode())

    def get(self, asked: v21.GetVariableDataType) -> v21.GetVariableResultType:
        """One result of GetVariables."""
        found = self._find(asked.component, asked.variable)
        status: v21.GetVariableStatusEnumType
        value: str | UnsetType = UNSET
        if not isinstance(found, Variable):
            status = found
        elif given(asked.attributeType, "Actual") != "Actual":
            status = "NotSupportedAttributeType"
        elif found.mutability == "WriteOnly":
            status = "Rejected"
        else:
            status, value = "Accepted", found.actual
        return v21.GetVariableResultType(
            attributeStatus=status,
            attributeType=asked.attributeType,
            attributeValue=value,
            component=asked.component,
            variable=asked.variable,
        )

    def set(self, asked: v21.SetVariableDataType) -> v21.SetVariableResultType:
        """One result of SetVariables; a value that is accepted holds from now on, and is kept."""
        found = self._find(asked.component, asked.variable)
        status: v21.SetVariableStatusEnumType
        why = None
        if not isinstance(found, Variable):
            status = found
        elif given(asked.attributeType, "Actual") != "Actual":
            status = "NotSupportedAttributeType"
        elif (why := found.why_not(asked.attributeValue)) is not None:
            status = "Rejected"
        else:
            status, found.value = "Accepted", asked.attributeValue
            self._store.put(KIND, "/".join(map(str, found.key)), found.value.encode())
        info = UNSET if why is None else v21.StatusInfoType(reasonCode="InvalidValue", additionalInfo=why[:1024])
        return v21.SetVariableResultType(
            attributeType=asked.attributeType,
            attributeStatus=status,
            attributeStatusInfo=info,
            component=asked.component,
            variable=asked.variable,
        )

    def reports(self, request: int, unix_s: float, *, writable_only: bool) -> Iterator[v21.NotifyReportRequest]:
        """The parts of a base report."""
        chosen = [each for each in self._variables.values() if not writable_only or each.mutability != "ReadOnly"]
        yield from report_parts(chosen, request, unix_s)

    def find(self, asked: v21.GetReportRequest) -> list[Variable]:
        """The variables that GetReport asks for (B08): by component and variable, and by what holds of a component."""
        places = given(asked.componentVariable, ())
        chosen = [
            each for each in self._variables.values() if not places or any(_is_at(each, place) for place in places)
        ]
        criteria = given(asked.componentCriteria, ())
        if not criteria:
            return chosen
        return [each for each in chosen if any(self._holds(each, criterion) for criterion in criteria)]

    def _holds(self, variable: Variable, criterion: v21.ComponentCriterionEnumType) -> bool:
        """Whether the variable's component is, say, Enabled. A component without such a variable is Active, Available
        and Enabled, and has no Problem (B08.FR.09 to 12)."""
        found = self._variables.get(_key(variable.component, variable.evse, criterion, ""))
        return criterion != "Problem" if found is None else found.actual.lower() == "true"

    def place(self, component: v21.ComponentType, variable: v21.VariableType) -> "Variable | None":
        """The variable at a place, if there is one."""
        found = self._find(component, variable)
        return found if isinstance(found, Variable) else None

    def problem(
        self, component: v21.ComponentType, variable: v21.VariableType
    ) -> Literal["UnknownComponent", "UnknownVariable"] | None:
        """Why there is no such variable, or None."""
        found = self._find(component, variable)
        return None if isinstance(found, Variable) else found

    def listed(self) -> list[dict[str, object]]:
        """For a person; no secret."""
        return [
            {
                "component": each.component,
                "evse": each.evse,
                "variable": each.name + (f"[{each.instance}]" if each.instance else ""),
                "value": "(hidden)" if each.mutability == "WriteOnly" else each.actual,
                "writable": each.mutability != "ReadOnly",
            }
            for each in self.variables
        ]

    def _find(
        self, component: v21.ComponentType, variable: v21.VariableType
    ) -> Variable | Literal["UnknownComponent", "UnknownVariable"]:
        place = component.evse
        evse = 0 if isinstance(place, UnsetType) else place.id
        key = _key(component.name, evse, variable.name, given(variable.instance, ""))
        if key in self._variables:
            return self._variables[key]
        return "UnknownVariable" if any(key[:2] == each[:2] for each in self._variables) else "UnknownComponent"


def few(items: Sequence[object]) -> None:
    """Raises `Invalid` if a request has more items than the station says it takes (B05.FR.11, B06.FR.05, B08.FR.06)."""
    if len(items) > MOST_ITEMS:
        raise Invalid("OccurrenceConstraintViolation", f"at most {MOST_ITEMS} items in a message, not {len(items)}")


def _key(component: str, evse: int, name: str, instance: str) -> Key:
    return component.lower(), evse, name.lower(), instance.lower()


def _reported(variable: Variable) -> v21.ReportDataType:
    connector = 1 if variable.component == "Connector" else UNSET
    place = v21.EVSEType(id=variable.evse, connectorId=connector) if variable.evse else UNSET
    return v21.ReportDataType(
        component=v21.ComponentType(name=variable.component, evse=place),
        variable=v21.VariableType(name=variable.name, instance=variable.instance or UNSET),
        variableAttribute=(
            v21.VariableAttributeType(
                value=UNSET if variable.mutability == "WriteOnly" else variable.actual,
                mutability=variable.mutability,
                persistent=variable.mutability != "ReadOnly",
            ),
        ),
        variableCharacteristics=v21.VariableCharacteristicsType(
            unit=variable.unit or UNSET,
            dataType=variable.data_type,
            minLimit=UNSET if variable.low is None else variable.low,
            maxLimit=UNSET if variable.high is None else variable.high,
            valuesList=variable.values or UNSET,
            supportsMonitoring=False,
        ),
    )


def report_parts(chosen: list[Variable], request: int, unix_s: float) -> Iterator[v21.NotifyReportRequest]:
    """A report of these variables, in parts."""
    for start in range(0, len(chosen), ITEMS_PER_MESSAGE):
        yield v21.NotifyReportRequest(
            requestId=request,
            generatedAt=timestamp(unix_s),
            reportData=tuple(map(_reported, chosen[start : start + ITEMS_PER_MESSAGE])),
            tbc=start + ITEMS_PER_MESSAGE < len(chosen),
            seqNo=start // ITEMS_PER_MESSAGE,
        )


def _is_at(variable: Variable, place: v21.ComponentVariableType) -> bool:
    """Whether GetReport means this variable: what it leaves out is any."""
    component, wanted = place.component, given(place.variable, None)
    evse = None if isinstance(component.evse, UnsetType) else component.evse.id
    return (
        component.name.lower() == variable.component.lower()
        and evse in (None, variable.evse)
        and (wanted is None or wanted.name.lower() == variable.name.lower())
        and (wanted is None or given(wanted.instance, variable.instance).lower() == variable.instance.lower())
    )
