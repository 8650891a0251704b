"""Frames that no honest station sends, in the middle of a discharge."""

import json
from typing import Any

import pytest
from tests.csms.site import Depot
from tests.csms.test_gateway import ID, steered

from v2g.csms.gateway import LINES_S, MOST_LINES
from v2g.depot.configuration import FleetVehicle
from v2g.ocpp.schedule import timestamp


def said(depot: Depot, action: str, content: dict[str, Any]) -> None:
    """A frame of CS0, and the answer to it out of the way."""
    depot.gateway.receive("CS0", json.dumps([2, f"lie {depot.now}", action, content]), depot.now, depot.now)
    depot.gateway.taken("CS0")


def at(unix_s: float) -> str:
    return timestamp(unix_s).isoformat()


def event(depot: Depot, kind: str, trigger: str, seq: int, **more: Any) -> dict[str, Any]:
    running = depot.gateway.evses[ID].transaction
    assert running is not None
    return {
        "eventType": kind, "timestamp": at(depot.now), "triggerReason": trigger, "seqNo": seq,
        "transactionInfo": {"transactionId": running.id}, **more,
    }  # fmt: skip


def sample(value: float, measurand: str, unit: str, multiplier: int = 0) -> dict[str, Any]:
    return {"value": value, "measurand": measurand, "unitOfMeasure": {"unit": unit, "multiplier": multiplier}}


@pytest.mark.parametrize("back", [0, 1])
def test_the_end_of_a_transaction_holds_whatever_its_number(back: int) -> None:
    depot = steered()
    running = depot.gateway.evses[ID].transaction
    assert running is not None
    said(depot, "TransactionEvent", event(depot, "Ended", "EVDeparted", running.seq - back))
    assert depot.charger().vehicle is None


def test_who_ends_a_transaction_is_not_its_vehicle() -> None:
    other = FleetVehicle(id="bus", tokens=("CARD",), floor_soc=0.0)
    van = FleetVehicle(id="van 0", tokens=("EV0",), floor_soc=0.3)
    depot = steered(vehicles=(van, other))
    token = {"idToken": "CARD", "type": "ISO14443"}
    said(depot, "TransactionEvent", event(depot, "Updated", "StopAuthorized", 1_000, idToken=token))
    vehicle = depot.charger().vehicle
    assert vehicle is not None
    assert vehicle.id == "van 0"
    assert vehicle.needs is not None
    assert vehicle.needs.min_soc_pu == 0.3


def test_a_late_meter_value_says_nothing_of_the_vehicle_that_came_since() -> None:
    depot = Depot()
    depot.plug()
    depot.gateway.evses[ID].soc_s = float("-inf")
    value = {"timestamp": at(depot.now - 30), "sampledValue": [sample(90, "SoC", "Percent")]}
    said(depot, "MeterValues", {"evseId": 1, "meterValue": [value]})
    assert depot.gateway.evses[ID].soc_pu != 0.9


def test_a_station_that_floods_does_not_fill_the_log() -> None:
    depot = steered()
    depot.now += LINES_S
    depot.gateway.lines.clear()
    for number in range(150):
        depot.gateway.receive("CS0", f"[{number}", depot.now, depot.now)
    assert len(depot.gateway.lines) == MOST_LINES
    depot.now += LINES_S
    depot.gateway.receive("CS0", "[", depot.now, depot.now)
    assert "CS0: 130 more lines are left out" in depot.gateway.lines


@pytest.mark.parametrize("capacity_wh", [1e308, -1.0])
def test_a_capacity_beyond_reason_is_not_known(capacity_wh: float) -> None:
    depot = steered()
    dc = {"evMaxCurrent": 30, "evMaxVoltage": 500, "evEnergyCapacity": capacity_wh}
    needs = {"requestedEnergyTransfer": "DC", "dcChargingParameters": dc}
    said(depot, "NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs, "timestamp": at(depot.now)})
    running, vehicle = depot.gateway.evses[ID].transaction, depot.charger().vehicle
    assert running is not None
    assert running.needs is not None
    assert running.needs.requestedEnergyTransfer == "DC"
    assert vehicle is not None
    assert vehicle.capacity_wh is None


@pytest.mark.parametrize(("value", "multiplier"), [(1e308, 9), (1e308, 0), (-1e30, 0), (1e9, 1)])
def test_a_power_beyond_reason_is_no_measurement(value: float, multiplier: int) -> None:
    depot = steered()
    before_w = depot.charger().measured_w
    powers = [sample(value, name, "kW", multiplier) for name in ("Power.Active.Import", "Power.Active.Export")]
    said(depot, "MeterValues", {"evseId": 1, "meterValue": [{"timestamp": at(depot.now), "sampledValue": powers}]})
    assert depot.charger().measured_w == before_w


def test_a_station_that_comes_and_goes_does_not_fill_the_log() -> None:
    depot = Depot(2)
    depot.gateway.lines.clear()
    lines = 0
    for _ in range(200):
        depot.now += 0.05
        depot.gateway.disconnected("CS0")
        depot.gateway.connected("CS0", "ocpp2.1", depot.now)
        lines += len(depot.gateway.lines)
        depot.gateway.lines.clear()
    assert lines <= MOST_LINES
    depot.gateway.disconnected("CS1")
    assert list(depot.gateway.lines) == ["CS1 is gone"]  # of the others everything is said
