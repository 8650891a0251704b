"""DER controls (block R of OCPP 2.1): which of them the grid's operator wants at an instant, and what is said of that.

A control is a default, or has a start and a duration. Of each type at most one is in force: a scheduled one before the
default, and of those that compete the one with the lower priority number. The one that lost is superseded: it is never
in force, and is reported until it expires.
"""

from collections.abc import Callable, Iterable, Iterator
from math import inf

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from v2g.ocpp import v21
from v2g.ocpp.base import decoder, encode, given
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.store import Store

KIND = "der"
ITEMS_PER_MESSAGE = 10
MOST = 200
"""Controls, whether they are in force or not."""
Type = v21.DERControlEnumType
_FIELDS = {
    "EnterService": "enterService",
    "FreqDroop": "freqDroop",
    "FixedPFAbsorb": "fixedPFAbsorb",
    "FixedPFInject": "fixedPFInject",
    "FixedVar": "fixedVar",
    "Gradients": "gradient",
    "LimitMaxDischarge": "limitMaxDischarge",
}
"""The field of SetDERControl that belongs to a type; that of the others is `curve`."""
_ALL_FIELDS = ("curve", *_FIELDS.values())
DEFAULT_ONLY = ("EnterService", "Gradients")
_GET_TYPES = {
    "curve": v21.DERCurveGetType,
    "enterService": v21.EnterServiceGetType,
    "fixedPFAbsorb": v21.FixedPFGetType,
    "fixedPFInject": v21.FixedPFGetType,
    "fixedVar": v21.FixedVarGetType,
    "freqDroop": v21.FreqDroopGetType,
    "gradient": v21.GradientGetType,
    "limitMaxDischarge": v21.LimitMaxDischargeGetType,
}


class Control(Struct, frozen=True):
    """One control as it was set."""

    request: v21.SetDERControlRequest
    superseded: bool = False
    started: bool = False
    """Its start has been reported."""

    @property
    def id(self) -> str:
        return self.request.controlId

    @property
    def type(self) -> Type:
        return self.request.controlType

    @property
    def default(self) -> bool:
        return self.request.isDefault

    @property
    def setting(self) -> "Setting":
        """The field that its type fills."""
        found: Setting = getattr(self.request, field_of(self.type))
        return found

    @property
    def starts_s(self) -> float:
        """Unix time; of a default control long ago."""
        start = getattr(self.setting, "startTime", UNSET)
        return -inf if isinstance(start, UnsetType) else start.timestamp()

    @property
    def ends_s(self) -> float:
        duration_s = getattr(self.setting, "duration", UNSET)
        return inf if isinstance(duration_s, UnsetType) else self.starts_s + duration_s


Setting = (
    v21.DERCurveType
    | v21.EnterServiceType
    | v21.FixedPFType
    | v21.FixedVarType
    | v21.FreqDroopType
    | v21.GradientType
    | v21.LimitMaxDischargeType
)


def field_of(type: Type) -> str:
    """The field of SetDERControl and of ReportDERControl that belongs to a type."""
    return _FIELDS.get(type, "curve")


class Controls:
    """All DER controls of a station. They survive a restart (R01.FR.03)."""

    def __init__(self, store: Store, supported: Iterable[Type], why_not: Callable[[Control], str | None]) -> None:
        """`why_not`: why a control cannot be followed although its type can, or None."""
        self.supported = tuple(supported)
        self._store, self._why_not = store, why_not
        self._controls: dict[str, Control] = {}
        for (kind, key), value in sorted(store.found.items()):
            if kind == KIND:
                try:
                    self._controls[key] = decoder(Control).decode(value)
                except ValueError:  # of another release of this software
                    store.put(KIND, key, None)

    def __iter__(self) -> Iterator[Control]:
        return iter(self._controls.values())

    def set(self, asked: v21.SetDERControlRequest, unix_s: float) -> v21.SetDERControlResponse:
        """Take a control, or say why not (R04.FR.01 to 17). What lost against it, or itself, is superseded."""
        reply = v21.SetDERControlResponse
        if asked.controlType not in self.supported:
            return reply(status="NotSupported")
        new = Control(asked)
        if asked.controlId not in self._controls and len(self._controls) >= MOST:
            info = v21.StatusInfoType(reasonCode="OutOfStorage", additionalInfo=f"at most {MOST} controls")
            return reply(status="Rejected", statusInfo=info)
        if (why := _malformed(asked) or self._why_not(new)) is not None:
            info = v21.StatusInfoType(reasonCode="InvalidValue", additionalInfo=why[:1024])
            return reply(status="Rejected", statusInfo=info)
        lost = []
        for other in list(self):
            if other.id == new.id or not self._competes(other, new, unix_s):
                continue
            if other.setting.priority < new.setting.priority:
                new, lost = replace(new, superseded=True), [new.id]
                break
            if other.default or unix_s < other.starts_s:  # one that runs goes on until the new one starts
                self._keep(replace(other, superseded=True))
                lost.append(other.id)
        self._keep(new)
        return reply(status="Accepted", supersededIds=tuple(lost[:24]) or UNSET)

    def step(self, unix_s: float) -> list[v21.NotifyDERStartStopRequest]:
        """Time has passed: what has started, what has ended."""
        said = []
        for each in sorted(self, key=lambda control: control.starts_s):
            if each.default:
                continue
            if unix_s >= each.ends_s:  # R04.FR.10, 22
                self._keep(None, each.id)
                if each.started and not each.superseded:
                    said.append(_said(each, started=False, unix_s=unix_s))
            elif not each.superseded and not each.started and unix_s >= each.starts_s:  # R04.FR.20, 21
                others = [
                    other
                    for other in self
                    if other.id != each.id and not other.superseded and self._competes(other, each, unix_s)
                ]
                for other in others:
                    self._keep(replace(other, superseded=True))
                self._keep(replace(each, started=True))
                said.append(_said(each, started=True, unix_s=unix_s, lost=[other.id for other in others]))
        return said

    def in_force(self, unix_s: float) -> dict[Type, Control]:
        """The control of each type that is followed now."""
        found: dict[Type, Control] = {}
        for each in sorted(self, key=lambda control: control.default):
            if not each.superseded and each.starts_s <= unix_s < each.ends_s:
                found.setdefault(each.type, each)
        return found

    def find(self, default: bool | None, type: Type | None, id: str | None) -> list[Control]:
        """Those that fit; None fits all."""
        return [
            each
            for each in self
            if default in (None, each.default) and type in (None, each.type) and id in (None, each.id)
        ]

    def get(
        self, asked: v21.GetDERControlRequest
    ) -> tuple[v21.GetDERControlResponse, list[v21.ReportDERControlRequest]]:
        """The response to GetDERControl, and the reports that follow it (R04.FR.30 to 37)."""
        type, reply = given(asked.controlType, None), v21.GetDERControlResponse
        if type is not None and type not in self.supported:
            return reply(status="NotSupported"), []
        found = self.find(given(asked.isDefault, None), type, given(asked.controlId, None))
        if not found:
            return reply(status="NotFound"), []
        parts = [found[at : at + ITEMS_PER_MESSAGE] for at in range(0, len(found), ITEMS_PER_MESSAGE)]
        reports = [_report(asked.requestId, part, tbc=index + 1 < len(parts)) for index, part in enumerate(parts)]
        return reply(status="Accepted"), reports

    def clear(
        self, asked: v21.ClearDERControlRequest, unix_s: float
    ) -> tuple[v21.ClearDERControlResponse, list[v21.NotifyDERStartStopRequest]]:
        """The response to ClearDERControl (R04.FR.41 to 46), and the end of what was in force."""
        type, id, reply = given(asked.controlType, None), given(asked.controlId, None), v21.ClearDERControlResponse
        if type is not None and type not in self.supported:
            return reply(status="NotSupported"), []
        found = self.find(asked.isDefault, type, id)
        if not found and (type is not None or id is not None):
            return reply(status="NotFound"), []
        for each in found:
            self._keep(None, each.id)
        ended = [_said(each, started=False, unix_s=unix_s) for each in found if each.started and not each.superseded]
        return reply(status="Accepted"), ended

    def _competes(self, other: Control, new: Control, unix_s: float) -> bool:
        """Whether only one of both can win: same type and kind, and not over yet."""
        same = other.type == new.type and other.default == new.default
        return same and not other.superseded and unix_s < other.ends_s

    def _keep(self, control: Control | None, id: str = "") -> None:
        if control is None:
            self._controls.pop(id, None)
            self._store.put(KIND, id, None)
        else:
            self._controls[control.id] = control
            self._store.put(KIND, control.id, encode(control))


def _malformed(asked: v21.SetDERControlRequest) -> str | None:
    """Why the request is wrong whatever the station can do, or None (R04.FR.13, 15, 17)."""
    belongs = field_of(asked.controlType)
    filled = [name for name in _ALL_FIELDS if not isinstance(getattr(asked, name), UnsetType)]
    if filled != [belongs]:
        return f"{asked.controlType} has the field {belongs} and no other, not {', '.join(filled) or 'none'}"
    setting = getattr(asked, belongs)
    timed = [name for name in ("startTime", "duration") if not isinstance(getattr(setting, name, UNSET), UnsetType)]
    if asked.isDefault:
        return f"a default control has no {' and no '.join(timed)}" if timed else None
    if asked.controlType in DEFAULT_ONLY:
        return f"{asked.controlType} is a default control only"
    return None if len(timed) == 2 else "a scheduled control needs startTime and duration"


def _said(control: Control, *, started: bool, unix_s: float, lost: Iterable[str] = ()) -> v21.NotifyDERStartStopRequest:
    return v21.NotifyDERStartStopRequest(
        controlId=control.id, started=started, timestamp=timestamp(unix_s), supersededIds=tuple(lost) or UNSET
    )


def _report(request: int, controls: Iterable[Control], *, tbc: bool) -> v21.ReportDERControlRequest:
    found: dict[str, list[object]] = {}
    for each in controls:
        name = field_of(each.type)
        values = {name: each.setting, "id": each.id}
        if name.startswith("fixedPF"):
            values = {"fixedPF": each.setting, "id": each.id}
        if each.type not in DEFAULT_ONLY:
            values |= {"isDefault": each.default, "isSuperseded": each.superseded}  # type: ignore[dict-item]
        if name == "curve":
            values["curveType"] = each.type
        found.setdefault(name, []).append(_GET_TYPES[name](**values))
    lists = {name: tuple(values) for name, values in found.items()}
    return v21.ReportDERControlRequest(requestId=request, tbc=tbc or UNSET, **lists)  # type: ignore[arg-type]
