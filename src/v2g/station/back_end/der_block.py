"""Block R: the back end's DER controls, what starts and ends, and alarms."""

from collections.abc import Iterable, Iterator, Mapping
from math import sqrt

from msgspec import UNSET

from v2g.ocpp import v21
from v2g.ocpp.base import Message
from v2g.ocpp.der_controls import Control, Controls
from v2g.ocpp.device_model import Variable
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.der import Alarm, GridSettings, Plant, alarm_of, why_not

BEGUN_S, ENDED_S = 1.0, 5.0
"""How long a function has been at work, or not any more, when it is reported."""


class DerControl(Block):
    """Controls, the settings that follow from them, and the alarm of each EVSE."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self.settings = GridSettings(station.evses)
        plants = list(self.settings.plants.values())
        self.controls = Controls(station.store, self.settings.supported, lambda each: why_not(each, plants))
        self.handlers = {
            "SetDERControl": self._set,
            "GetDERControl": self._get,
            "ClearDERControl": self._clear,
        }
        for id, plant in self.settings.plants.items():
            if plant.settings.inverter is not None:
                station.model.add(_nameplate(id, plant, self.settings.supported))
            else:  # the vehicle's inverter follows the controls, and the station emulates none for it (R03.FR.03)
                station.model.add((Variable("ACDERCtrlr", "ModesSupported", "", "MemberList", evse=id),))
        self._refused: dict[int, Mapping[v21.DERControlEnumType, str]] = {id: {} for id in station.evses}
        """Controls that are not followed, as reported."""
        self._alarms: dict[int, Alarm | None] = dict.fromkeys(station.evses)
        self._seen: dict[int, tuple[Alarm | None, float]] = dict.fromkeys(station.evses, (None, 0.0))

    def step(self) -> None:
        station = self.station
        for said in self.controls.step(station.unix_s):
            station.call("NotifyDERStartStop", said)
        station.log += self.settings.apply(self.controls.in_force(station.unix_s))
        for id, refused in self.settings.refused.items():
            self._report_refused(id, refused)
        for id, evse in station.evses.items():
            self._watch(id, alarm_of(evse))

    def _report_refused(self, id: int, refused: Mapping[v21.DERControlEnumType, str]) -> None:
        """A control that was accepted and is not followed, because of what another party set: once, and its end."""
        before, self._refused[id] = self._refused[id], refused
        for type, why in refused.items():
            if before.get(type) != why:
                self._notify(id, (type, None), ended=False, why=f": {why}")
        for type in before:
            if type not in refused:
                self._notify(id, (type, None), ended=True, why=": followed, or over")

    def _watch(self, id: int, seen: Alarm | None) -> None:
        """Report an alarm that lasts, and its end once it stays away: a limit may touch the power again and again.

        Another function that takes over has an alarm of its own, and the first one no end (R05.FR.03, 04).
        """
        now, alarm = self.station.now, self._alarms[id]
        if seen != self._seen[id][0]:
            self._seen[id] = seen, now
        lasted_s = now - self._seen[id][1]
        if seen == alarm or lasted_s < (ENDED_S if seen is None else BEGUN_S):
            return
        self._alarms[id] = seen
        if seen is not None:
            self._notify(id, seen, ended=False)
        elif alarm is not None:
            self._notify(id, alarm, ended=True)

    def in_force(self) -> dict[v21.DERControlEnumType, Control]:
        """What is followed now."""
        return self.controls.in_force(self.station.unix_s)

    def _notify(self, id: int, alarm: Alarm, *, ended: bool, why: str = "") -> None:
        type, fault = alarm
        self.station.call(
            "NotifyDERAlarm",
            v21.NotifyDERAlarmRequest(
                controlType=type,
                gridEventFault=fault or UNSET,
                alarmEnded=ended or UNSET,
                timestamp=timestamp(self.station.unix_s),
                extraInfo=f"EVSE {id}{why}"[:200],
            ),
        )

    def _set(self, station: ChargingStation, asked: v21.SetDERControlRequest) -> Message:
        return self.controls.set(asked, station.unix_s)

    def _get(self, station: ChargingStation, asked: v21.GetDERControlRequest) -> Message:
        response, reports = self.controls.get(asked)
        for report in reports:
            station.call("ReportDERControl", report)
        return response

    def _clear(self, station: ChargingStation, asked: v21.ClearDERControlRequest) -> Message:
        response, ended = self.controls.clear(asked, station.unix_s)
        for said in ended:
            station.call("NotifyDERStartStop", said)
        return response


def _nameplate(id: int, plant: Plant, supported: Iterable[str]) -> Iterator[Variable]:
    """What the inverter can do at the grid (R01.FR.01), and what it is."""
    code, own = plant.code, plant.settings.capability
    most_va = max(own.charge_w, own.discharge_w)
    reactive = plant.code.capability
    cosine = sqrt(1 - min(reactive.inject_pu, 0.999) ** 2)
    numbers = {
        "MaxW": (own.discharge_w, "W"),
        "OverExcitedW": (own.discharge_w * cosine, "W"),
        "OverExcitedPF": (cosine, ""),
        "UnderExcitedW": (own.discharge_w * cosine, "W"),
        "UnderExcitedPF": (cosine, ""),
        "MaxVA": (most_va, "VA"),
        "MaxVar": (reactive.inject_pu * most_va, "var"),
        "MaxVarNeg": (reactive.absorb_pu * most_va, "var"),
        "MaxChargeRateW": (own.charge_w, "W"),
        "MaxChargeRateVA": (most_va, "VA"),
        "VNom": (plant.nominal_v, "V"),
        "ReactiveSusceptance": (0.0, ""),
    }
    for name, (value, unit) in numbers.items():
        yield Variable("DCDERCtrlr", name, f"{value:.6g}", "decimal", unit=unit, evse=id)
    yield Variable("DCDERCtrlr", "ModesSupported", ",".join(supported), "MemberList", evse=id)
    for name, text in (("Manufacturer", "v2g"), ("Model", code.title), ("SwVersion", ""), ("HwVersion", "")):
        yield Variable("DCDERCtrlr", f"Inverter{name}", text[:50], evse=id)
