"""Block N: monitors, their events, and periodic event streams."""

from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.ocpp.device_model import few
from v2g.ocpp.monitoring import Monitor, Monitors
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end.block import Block
from v2g.station.back_end.calls import Then
from v2g.station.back_end.charging_station import ChargingStation


class Monitoring(Block):
    """Looks at the monitored variables in every step."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self.monitors = Monitors(station.store, station.model)
        self.handlers = {
            "SetVariableMonitoring": self._set,
            "ClearVariableMonitoring": self._clear,
            "GetMonitoringReport": self._report,
            "SetMonitoringBase": self._base,
            "SetMonitoringLevel": self._level,
            "GetPeriodicEventStream": self._streams,
            "AdjustPeriodicEventStream": self._adjust,
        }
        self._open: dict[int, bool] = {}
        """Streams that the back end was asked about, and whether it takes them."""

    def step(self) -> None:
        station = self.station
        if not station.has_read:
            return  # before that an EVSE would be reported as faulted
        running = next((each.id for each in station.running.values()), None)
        found = self.monitors.step(station.unix_s, running)
        queue_to = station.model.number("MonitoringCtrlr", "OfflineQueuingSeverity")
        for event in found:
            request = v21.NotifyEventRequest(
                generatedAt=timestamp(station.unix_s), tbc=False, seqNo=0, eventData=(event,)
            )
            if station.online:
                station.call("NotifyEvent", request)
            elif given(event.severity, 9) <= queue_to:
                station.outbox.add("NotifyEvent", request, online=False)
        if station.online and station.speaks_21 and not station.spares:
            self._serve_streams()

    def disconnected(self) -> None:
        self._open.clear()

    def _serve_streams(self) -> None:
        wanted = dict(self.monitors.streams())
        for id, monitor in wanted.items():
            if id not in self._open:
                self._open[id] = False
                self._ask_for(id, monitor)
            elif self._open[id] and (data := self.monitors.taken(id, self.station.unix_s)) is not None:
                self.station.send(data)
        for id in self._open.keys() - wanted.keys():
            del self._open[id]
            self.station.call("ClosePeriodicEventStream", v21.ClosePeriodicEventStreamRequest(id=id))

    def _ask_for(self, id: int, monitor: Monitor) -> None:
        params = given(monitor.asked.periodicEventStream, None)
        assert params is not None

        def then(response: Message | None, now: float) -> None:
            accepted = isinstance(response, v21.OpenPeriodicEventStreamResponse) and response.status == "Accepted"
            self._open[id] = accepted

        data = v21.ConstantStreamDataType(id=id, params=params, variableMonitoringId=id)
        answer: Then = then
        self.station.call(
            "OpenPeriodicEventStream", v21.OpenPeriodicEventStreamRequest(constantStreamData=data), answer
        )

    def _set(self, station: ChargingStation, asked: v21.SetVariableMonitoringRequest) -> Message:
        few(asked.setMonitoringData)
        rows = tuple(self.monitors.set(each, station.unix_s) for each in asked.setMonitoringData)
        return v21.SetVariableMonitoringResponse(setMonitoringResult=rows)

    def _clear(self, station: ChargingStation, asked: v21.ClearVariableMonitoringRequest) -> Message:
        few(asked.id)
        for id in asked.id:
            if self._open.get(id) and (data := self.monitors.taken(id, station.unix_s, all=True)) is not None:
                station.send(data)
        return v21.ClearVariableMonitoringResponse(clearMonitoringResult=self.monitors.clear(asked.id))

    def _report(self, station: ChargingStation, asked: v21.GetMonitoringReportRequest) -> Message:
        few(given(asked.componentVariable, ()))
        parts = self.monitors.report(asked, station.unix_s)
        for part in parts:
            station.call("NotifyMonitoringReport", part)
        return v21.GetMonitoringReportResponse(status="Accepted" if parts else "EmptyResultSet")

    def _base(self, station: ChargingStation, asked: v21.SetMonitoringBaseRequest) -> Message:
        self.monitors.base()
        station.model.assume("MonitoringCtrlr", "MonitoringBase", asked.monitoringBase)
        return v21.SetMonitoringBaseResponse(status="Accepted")

    def _level(self, station: ChargingStation, asked: v21.SetMonitoringLevelRequest) -> Message:
        done = self.monitors.set_level(asked.severity)
        return v21.SetMonitoringLevelResponse(status="Accepted" if done else "Rejected")

    def _streams(self, station: ChargingStation, asked: v21.GetPeriodicEventStreamRequest) -> Message:
        rows = []
        for id, monitor in self.monitors.streams():
            params = given(monitor.asked.periodicEventStream, None)
            if self._open.get(id) and params is not None:
                rows.append(v21.ConstantStreamDataType(id=id, params=params, variableMonitoringId=id))
        return (
            v21.GetPeriodicEventStreamResponse(constantStreamData=tuple(rows))
            if rows
            else (v21.GetPeriodicEventStreamResponse())
        )

    def _adjust(self, station: ChargingStation, asked: v21.AdjustPeriodicEventStreamRequest) -> Message:
        done = self.monitors.adjusted(asked.id, asked.params)
        return v21.AdjustPeriodicEventStreamResponse(status="Accepted" if done else "Rejected")
