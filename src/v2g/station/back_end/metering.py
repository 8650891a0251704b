"""Block J: meter values at times of the clock, beside those of the transactions."""

from v2g.ocpp import v21
from v2g.ocpp.device_model import Variable
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.transactions import MEASURANDS, sampled

_ALIGNED = "AlignedDataCtrlr"


class Metering(Block):
    """Clock-aligned values: in a transaction as its event, otherwise as MeterValues (J01)."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self._next_s = 0.0
        station.model.add(
            (
                Variable(_ALIGNED, "Enabled", "true", "boolean"),
                Variable(_ALIGNED, "Available", "true", "boolean"),
                Variable(_ALIGNED, "Interval", "0", "integer", "ReadWrite", "s", 0, 86_400),
                Variable(_ALIGNED, "Measurands", MEASURANDS, "MemberList", values=MEASURANDS),
                Variable(_ALIGNED, "TxEndedInterval", "0", "integer", unit="s"),
                Variable(_ALIGNED, "TxEndedMeasurands", "", "MemberList", values=MEASURANDS),
                Variable(_ALIGNED, "SendDuringIdle", "false", "boolean", "ReadWrite"),
                Variable("SampledDataCtrlr", "Enabled", "true", "boolean"),
                Variable("SampledDataCtrlr", "Available", "true", "boolean"),
                Variable("SampledDataCtrlr", "TxEndedInterval", "0", "integer", unit="s"),
            )
        )

    def step(self) -> None:
        station = self.station
        every_s = 0.0 if station.spares else station.model.number(_ALIGNED, "Interval")
        if not every_s:
            self._next_s = 0.0
            return
        if not self._next_s:
            self._next_s = (station.unix_s // every_s + 1) * every_s
        if station.unix_s < self._next_s:
            return
        self._next_s = (station.unix_s // every_s + 1) * every_s
        only_idle = station.model.flag(_ALIGNED, "SendDuringIdle")
        if only_idle and station.running:
            return
        for id, tracker in station.trackers.items():
            event = tracker.happened("MeterValueClock", station.now, station.unix_s, "Sample.Clock")
            if event is not None:
                station.event(event)
            else:
                self._report(id)

    def _report(self, id: int) -> None:
        station, evse = self.station, self.station.evses[id]
        values = sampled(None, evse.fresh(station.now).meter, evse.car.soc_percent, "Sample.Clock")
        if values and station.online:
            value = v21.MeterValueType(sampledValue=values, timestamp=timestamp(station.unix_s))
            station.call("MeterValues", v21.MeterValuesRequest(evseId=id, meterValue=(value,)))
