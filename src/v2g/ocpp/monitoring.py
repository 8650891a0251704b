"""Monitors of variables (block N02 to N08, N11 to N15): when a value is worth an event."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from msgspec import UNSET, Struct
from msgspec.structs import replace

from v2g.ocpp import v21
from v2g.ocpp.base import decoder, encode, given
from v2g.ocpp.device_model import MOST_ITEMS, DeviceModel, Variable
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.store import Store

KIND, LEVEL = "monitor", "monitoring level"
ITEMS_PER_MESSAGE = 40
MOST = 500
MOST_SAMPLES = 1_000
"""Of a stream that wait; the oldest are dropped."""
LOWEST_SEVERITY = 9
Type = v21.MonitorEnumType
_CRITERIA: dict[str, tuple[Type, ...]] = {
    "ThresholdMonitoring": ("UpperThreshold", "LowerThreshold"),
    "DeltaMonitoring": ("Delta", "TargetDelta", "TargetDeltaRelative"),
    "PeriodicMonitoring": ("Periodic", "PeriodicClockAligned"),
}
_SUPPORTED: tuple[Type, ...] = ("UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned")
VARIABLES = (
    Variable("MonitoringCtrlr", "Enabled", "true", "boolean", "ReadWrite"),
    Variable("MonitoringCtrlr", "Available", "true", "boolean"),
    Variable("MonitoringCtrlr", "ItemsPerMessage", str(MOST_ITEMS), "integer", instance="SetVariableMonitoring"),
    Variable("MonitoringCtrlr", "BytesPerMessage", "1000000", "integer", instance="SetVariableMonitoring"),
    Variable("MonitoringCtrlr", "ItemsPerMessage", str(MOST_ITEMS), "integer", instance="ClearVariableMonitoring"),
    Variable("MonitoringCtrlr", "OfflineQueuingSeverity", "4", "integer", "ReadWrite", "", 0, LOWEST_SEVERITY),
    Variable("MonitoringCtrlr", "MonitoringBase", "All", "OptionList", values="All,FactoryDefault,HardWiredOnly"),
    Variable("MonitoringCtrlr", "MaxPeriodicEventStreams", "20", "integer"),
)


class Monitor(Struct, frozen=True):
    """What the back end wants to hear of a variable."""

    id: int
    asked: v21.SetMonitoringDataType


@dataclass(slots=True)
class _Watch:
    """A monitor at work."""

    monitor: Monitor
    variable: Variable
    at: str = ""
    """Of Delta: the value that was reported last."""
    beyond: bool = False
    next_s: float = 0.0
    samples: list[tuple[float, str]] = field(default_factory=list)
    stream_due_s: float = 0.0


EVENTS_SINCE_S = 1_577_836_800
"""Unix time of 2020: the ids of events count from the seconds since then, so that no process uses one again."""


class Monitors:
    """All monitors of a station. They survive a restart (N07.FR.13)."""

    def __init__(self, store: Store, model: DeviceModel) -> None:
        self._store, self._model = store, model
        self._watches: dict[int, _Watch] = {}
        self.level = LOWEST_SEVERITY
        """Only events of this severity or a graver one are reported (N05)."""
        self._next_event, self._next_id = 0, 1
        model.add(VARIABLES)
        for (kind, key), value in sorted(store.found.items()):
            try:
                if kind == KIND:
                    self._watch(decoder(Monitor).decode(value), 0.0)
                elif kind == LEVEL:
                    self.level = int(value)
            except ValueError:  # of another release of this software
                store.put(kind, key, None)

    # What is asked for

    def set(self, asked: v21.SetMonitoringDataType, unix_s: float) -> v21.SetMonitoringResultType:
        """One monitor (N04)."""
        id, status, why = self._set(asked, unix_s)
        return v21.SetMonitoringResultType(
            id=UNSET if id is None else id,
            status=status,
            type=asked.type,
            severity=asked.severity,
            component=asked.component,
            variable=asked.variable,
            statusInfo=UNSET if not why else v21.StatusInfoType(reasonCode="ValueOutOfRange", additionalInfo=why),
        )

    def _set(
        self, asked: v21.SetMonitoringDataType, unix_s: float
    ) -> tuple[int | None, v21.SetMonitoringStatusEnumType, str]:
        problem = self._model.problem(asked.component, asked.variable)
        if problem is not None:
            return None, problem, ""
        variable = self._model.place(asked.component, asked.variable)
        assert variable is not None
        numeric = variable.data_type in ("integer", "decimal")
        if asked.type not in _SUPPORTED or (asked.type.endswith("Threshold") and not numeric):
            return None, "UnsupportedMonitorType", ""
        if asked.severity > LOWEST_SEVERITY or (
            asked.value < 0 and asked.type not in ("UpperThreshold", "LowerThreshold")
        ):
            return None, "Rejected", "the value is below 0" if asked.value < 0 else "severity is 0 to 9"
        if asked.type.startswith("Periodic") and asked.value <= 0:
            return None, "Rejected", "the interval is 0"
        if asked.type.endswith("Threshold") and not _within(asked.value, variable):
            return None, "Rejected", f"{variable.name} is from {variable.low} to {variable.high}"
        wanted = given(asked.id, None)
        if wanted is not None:
            held = self._watches.get(wanted)
            if held is None or held.variable is not variable:
                return None, "Rejected", f"monitor {wanted} is not of this variable"
        for other in self._watches.values():
            same = other.monitor.asked.type == asked.type and other.monitor.asked.severity == asked.severity
            if other.variable is variable and same and other.monitor.id != wanted:
                return None, "Duplicate", ""
        if wanted is None and len(self._watches) >= MOST:
            return None, "Rejected", f"at most {MOST} monitors"
        id = wanted if wanted is not None else self._next_id
        monitor = Monitor(id, replace(asked, id=id))
        self._watch(monitor, unix_s)
        self._store.put(KIND, str(id), encode(monitor))
        return id, "Accepted", ""

    def clear(self, ids: Iterable[int]) -> tuple[v21.ClearMonitoringResultType, ...]:
        """Remove monitors (N06); no event says that they are gone."""
        found = []
        for id in ids:
            status: v21.ClearMonitoringStatusEnumType = "Accepted" if id in self._watches else "NotFound"
            self._remove(id)
            found.append(v21.ClearMonitoringResultType(id=id, status=status))
        return tuple(found)

    def base(self) -> None:
        """Back to no monitors but those of the station itself, which has none (N03)."""
        for id in list(self._watches):
            self._remove(id)

    def set_level(self, severity: int) -> bool:
        """Whether there is such a level (N05)."""
        if not 0 <= severity <= LOWEST_SEVERITY:
            return False
        self.level = severity
        self._store.put(LEVEL, "1", str(severity).encode())
        return True

    def report(self, asked: v21.GetMonitoringReportRequest, unix_s: float) -> list[v21.NotifyMonitoringReportRequest]:
        """The parts of a monitoring report (N02); none if nothing fits."""
        criteria = given(asked.monitoringCriteria, None)
        types = None if criteria is None else {type for each in criteria for type in _CRITERIA[each]}
        places = given(asked.componentVariable, None)
        rows = [
            v21.MonitoringDataType(
                component=watch.monitor.asked.component,
                variable=watch.monitor.asked.variable,
                variableMonitoring=(_described(watch.monitor),),
            )
            for watch in self._watches.values()
            if (types is None or watch.monitor.asked.type in types)
            and (places is None or any(_fits(watch.monitor.asked, place) for place in places))
        ]
        parts = [rows[at : at + ITEMS_PER_MESSAGE] for at in range(0, len(rows), ITEMS_PER_MESSAGE)]
        return [
            v21.NotifyMonitoringReportRequest(
                requestId=asked.requestId,
                seqNo=number,
                generatedAt=timestamp(unix_s),
                monitor=tuple(part),
                tbc=number + 1 < len(parts),
            )
            for number, part in enumerate(parts)
        ]

    # What happens

    def step(self, unix_s: float, running: str | None) -> list[v21.EventDataType]:
        """The events since the last look. `running`: the transaction under way, if there is one."""
        found = []
        for watch in self._watches.values():
            asked = watch.monitor.asked
            if asked.severity > self.level or (asked.transaction is True and running is None):
                continue
            for trigger, cleared in _looked(watch, unix_s):
                stream = given(asked.periodicEventStream, None)
                if stream is not None and trigger == "Periodic":
                    watch.samples = [*watch.samples[1 - MOST_SAMPLES :], (unix_s, watch.variable.actual)]
                else:
                    found.append(self._event(watch, trigger, unix_s, running, cleared=cleared))
        return found

    def _event(
        self, watch: _Watch, trigger: v21.EventTriggerEnumType, unix_s: float, running: str | None, *, cleared: bool
    ) -> v21.EventDataType:
        number = max(self._next_event, int(unix_s) - EVENTS_SINCE_S)
        self._next_event = number + 1
        asked, write_only = watch.monitor.asked, watch.variable.mutability == "WriteOnly"
        return v21.EventDataType(
            eventId=number,
            timestamp=timestamp(unix_s),
            trigger=trigger,
            actualValue="" if write_only else watch.variable.actual,
            cleared=cleared or UNSET,
            component=asked.component,
            variable=asked.variable,
            eventNotificationType="CustomMonitor",
            variableMonitoringId=watch.monitor.id,
            transactionId=running if running is not None and asked.transaction is True else UNSET,
            severity=asked.severity,
        )

    # Streams

    def streams(self) -> Iterator[tuple[int, Monitor]]:
        """Monitors whose values go by a periodic event stream."""
        for id, watch in self._watches.items():
            if given(watch.monitor.asked.periodicEventStream, None) is not None:
                yield id, watch.monitor

    def taken(self, id: int, unix_s: float, *, all: bool = False) -> v21.NotifyPeriodicEventStream | None:
        """What a stream has to send now, if it is due."""
        watch = self._watches[id]
        params = given(watch.monitor.asked.periodicEventStream, None)
        if params is None or not watch.samples:
            return None
        most, every_s = min(given(params.values, 0) or MOST_SAMPLES, MOST_SAMPLES), given(params.interval, 0)
        if not all and len(watch.samples) < most and (every_s == 0 or unix_s < watch.samples[0][0] + every_s):
            return None
        samples, watch.samples = watch.samples, []
        base_s = samples[0][0]
        return v21.NotifyPeriodicEventStream(
            id=id,
            pending=0,
            basetime=timestamp(base_s),
            data=tuple(v21.StreamDataElementType(t=at_s - base_s, v=value) for at_s, value in samples),
        )

    def adjusted(self, id: int, params: v21.PeriodicEventStreamParamsType) -> bool:
        """Whether there is such a stream; it follows these from now on (N13)."""
        watch = self._watches.get(id)
        if watch is None or given(watch.monitor.asked.periodicEventStream, None) is None:
            return False
        watch.monitor = Monitor(id, replace(watch.monitor.asked, periodicEventStream=params))
        self._store.put(KIND, str(id), encode(watch.monitor))
        return True

    # Inside

    def _watch(self, monitor: Monitor, unix_s: float) -> None:
        variable = self._model.place(monitor.asked.component, monitor.asked.variable)
        self._next_id = max(self._next_id, monitor.id + 1)
        if variable is None:
            self._store.put(KIND, str(monitor.id), None)
            return
        before = self._watches.get(monitor.id)
        watch = _Watch(monitor, variable, variable.actual, before is not None and before.beyond)
        if monitor.asked.type.startswith("Periodic"):
            watch.next_s = _next(monitor, unix_s)
        self._watches[monitor.id] = watch

    def _remove(self, id: int) -> None:
        if self._watches.pop(id, None) is not None:
            self._store.put(KIND, str(id), None)


def _looked(watch: _Watch, unix_s: float) -> Iterator[tuple[v21.EventTriggerEnumType, bool]]:
    """What a monitor has to say now: the trigger, and whether it is over."""
    asked, value = watch.monitor.asked, watch.variable.actual
    match asked.type:
        case "UpperThreshold" | "LowerThreshold":
            number = _number(value)
            if number is None:
                return
            beyond = number > asked.value if asked.type == "UpperThreshold" else number < asked.value
            if beyond != watch.beyond:
                watch.beyond = beyond
                yield "Alerting", not beyond
        case "Delta":
            before, now = _number(watch.at), _number(value)
            numeric = before is not None and now is not None and watch.variable.data_type in ("integer", "decimal")
            moved = abs((now or 0.0) - (before or 0.0)) >= asked.value if numeric else value != watch.at
            if value != watch.at and moved:
                watch.at = value
                yield "Delta", False
        case _:
            if unix_s >= watch.next_s:
                watch.next_s = _next(watch.monitor, unix_s)
                yield "Periodic", False


def _next(monitor: Monitor, unix_s: float) -> float:
    every_s = max(monitor.asked.value, 1.0)
    return (unix_s // every_s + 1) * every_s if monitor.asked.type == "PeriodicClockAligned" else unix_s + every_s


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _within(value: float, variable: Variable) -> bool:
    low, high = variable.low, variable.high
    return (low is None or value >= low) and (high is None or value <= high)


def _described(monitor: Monitor) -> v21.VariableMonitoringType:
    asked = monitor.asked
    return v21.VariableMonitoringType(
        id=monitor.id,
        transaction=asked.transaction is True,
        value=asked.value,
        type=asked.type,
        severity=asked.severity,
        eventNotificationType="CustomMonitor",
    )


def _fits(asked: v21.SetMonitoringDataType, place: v21.ComponentVariableType) -> bool:
    wanted = given(place.variable, None)
    evse, its = given(place.component.evse, None), given(asked.component.evse, None)
    return (
        place.component.name.lower() == asked.component.name.lower()
        and (evse is None or (its is not None and its.id == evse.id))
        and (wanted is None or wanted.name.lower() == asked.variable.name.lower())
    )


__all__ = ["Callable", "Monitor", "Monitors"]
