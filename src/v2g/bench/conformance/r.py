"""Block R: DER control."""

from datetime import UTC, datetime
from typing import Any

from v2g.bench.conformance.cases import case, not_here
from v2g.bench.conformance.tester import Tester

DROOP = {"overFreq": 50.1, "underFreq": 49.9, "overDroop": 0.04, "underDroop": 0.04, "responseTime": 1.0}
FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "FreqDroop": ("freqDroop", DROOP),
    "LimitMaxDischarge": ("limitMaxDischarge", {"pctMaxDischargePower": 20.0}),
    "FixedPFInject": ("fixedPFInject", {"displacement": 0.95, "excitation": True}),
    "Gradients": ("gradient", {"gradient": 10.0, "softGradient": 20.0}),
    "VoltWatt": (
        "curve",
        {"yUnit": "PctMaxW", "responseTime": 0.5, "curveData": [{"x": 106.0, "y": 100.0}, {"x": 110.0, "y": 0.0}]},
    ),
}


def control(tester: Tester, id: str, type: str = "FreqDroop", *, priority: int = 1, **time: float) -> dict[str, Any]:
    """A control. `start` and `last` in seconds from now make it a scheduled one."""
    name, values = FIELDS[type]
    setting = {"priority": priority, **values}
    if time:
        start = datetime.fromtimestamp(tester.link.unix_s() + time["start"], UTC)
        setting |= {"startTime": start, "duration": time["last"]}
    return {"isDefault": not time, "controlId": id, "controlType": type, name: setting}


def reported(tester: Tester, **asked: Any) -> dict[str, Any]:
    """Controls as they are reported: id -> the entry."""
    tester.check("GetDERControl", requestId=77, **asked)
    found: dict[str, Any] = {}
    for part in tester.parts("ReportDERControl", request=77):
        for name in part.__struct_fields__:
            for each in getattr(part, name) if isinstance(getattr(part, name), tuple) else ():
                found[each.id] = each
    return found


@case("R04.FR.02", shows="R04.FR.33 R04.FR.31 R04.FR.11")
def a_default_control_is_taken(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A"))
    entry = reported(tester)["A"]
    tester.true(entry.isDefault and not entry.isSuperseded, "the default control is not in force")


@case("R04.FR.01", shows="R04.FR.36 R04.FR.43")
def a_type_that_is_not_supported(tester: Tester) -> None:
    supported = tester.get("DCDERCtrlr", "ModesSupported", evse=1).split(",")
    missing = [each for each in ("WattPF", "PowerMonitoringMustTrip", "FreqWatt") if each not in supported]
    curve = {"priority": 0, "yUnit": "PctMaxW", "curveData": [{"x": 1.0, "y": 1.0}]}
    asked = {"isDefault": True, "controlType": missing[0]}
    tester.check("SetDERControl", "NotSupported", controlId="A", curve=curve, **asked)
    tester.check("GetDERControl", "NotSupported", requestId=1, **asked)
    tester.check("ClearDERControl", "NotSupported", **asked)


@case("R04.FR.03")
def a_better_default_supersedes(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A", priority=2))
    reply = tester.check("SetDERControl", **control(tester, "B", priority=1))
    tester.true(reply.supersededIds == ("A",), f"supersededIds is {reply.supersededIds}")
    found = reported(tester, isDefault=True)
    tester.true(found["A"].isSuperseded and not found["B"].isSuperseded, "the wrong one is superseded")


@case("R04.FR.05", shows="R04.FR.20 R04.FR.22 R04.FR.10")
def a_scheduled_control_starts_and_ends(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A", start=10, last=20))
    tester.never("NotifyDERStartStop", 5)
    said = tester.await_("NotifyDERStartStop", 20, controlId="A", started=True)
    tester.true(not said.supersededIds, "it supersedes nothing")
    tester.await_("NotifyDERStartStop", 30, controlId="A", started=False)
    tester.check("GetDERControl", "NotFound", requestId=1, controlId="A")


@case("R04.FR.04", shows="R04.FR.11")
def a_default_does_not_end_a_schedule(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A", start=1, last=60))
    tester.await_("NotifyDERStartStop", 10, started=True)
    tester.check("SetDERControl", **control(tester, "B", priority=0))
    tester.never("NotifyDERStartStop", 5)
    found = reported(tester)
    tester.true(not found["A"].isSuperseded and not found["B"].isSuperseded, "both stay")


@case("R04.FR.06", shows="R04.FR.09")
def a_better_one_supersedes_what_has_not_started(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A", priority=2, start=10, last=20))
    reply = tester.check("SetDERControl", **control(tester, "B", priority=1, start=60, last=20))
    tester.true(reply.supersededIds == ("A",), f"supersededIds is {reply.supersededIds}")
    tester.never("NotifyDERStartStop", 20, controlId="A")
    tester.true(reported(tester)["A"].isSuperseded, "the first one is not superseded")


@case("R04.FR.07", shows="R04.FR.21")
def what_runs_goes_on_until_the_better_one_starts(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A", priority=2, start=1, last=60))
    tester.await_("NotifyDERStartStop", 10, controlId="A", started=True)
    tester.check("SetDERControl", **control(tester, "B", priority=1, start=10, last=20))
    tester.true(not reported(tester)["A"].isSuperseded, "the running one is superseded too early")
    said = tester.await_("NotifyDERStartStop", 20, controlId="B", started=True)
    tester.true(said.supersededIds == ("A",), f"supersededIds is {said.supersededIds}")
    tester.true(reported(tester)["A"].isSuperseded, "the first one is not superseded")


@case("R04.FR.08")
def a_worse_one_is_superseded_at_once(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A", priority=1, start=1, last=60))
    tester.await_("NotifyDERStartStop", 10, controlId="A", started=True)
    reply = tester.check("SetDERControl", **control(tester, "B", priority=2, start=5, last=20))
    tester.true(reply.supersededIds == ("B",), f"supersededIds is {reply.supersededIds}")
    tester.never("NotifyDERStartStop", 15, controlId="B")


@case("R04.FR.13")
def a_default_has_no_time(tester: Tester) -> None:
    tester.check("SetDERControl", "Rejected", **control(tester, "A", start=1, last=60) | {"isDefault": True})


@case("R04.FR.15")
def what_is_only_a_default_cannot_be_scheduled(tester: Tester) -> None:
    tester.check("SetDERControl", "Rejected", **control(tester, "A", "Gradients") | {"isDefault": False})


@case("R04.FR.17")
def the_field_of_another_type(tester: Tester) -> None:
    asked = control(tester, "A")
    both = asked | {"limitMaxDischarge": {"priority": 1, "pctMaxDischargePower": 50.0}}
    tester.check("SetDERControl", "Rejected", **both)
    tester.check("SetDERControl", "Rejected", **asked | {"controlType": "VoltWatt"})
    tester.check("SetDERControl", "Rejected", isDefault=True, controlId="A", controlType="FreqDroop")


@case("R04.FR.30")
def nothing_is_found(tester: Tester) -> None:
    tester.check("GetDERControl", "NotFound", requestId=1)
    tester.check("GetDERControl", "NotFound", requestId=1, controlId="A")


@case("R04.FR.32", shows="R04.FR.31")
def a_long_report_has_parts(tester: Tester) -> None:
    for number in range(12):
        tester.check("SetDERControl", **control(tester, f"A{number}", start=1_000 + number, last=1))
    tester.check("GetDERControl", requestId=5)
    parts = tester.parts("ReportDERControl")
    tester.true(len(parts) > 1 and {part.requestId for part in parts} == {5}, f"{len(parts)} parts")


@case("R04.FR.34", shows="R04.FR.35 R04.FR.37")
def controls_are_found_by_type_id_and_kind(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A"))
    tester.check("SetDERControl", **control(tester, "B", "LimitMaxDischarge"))
    tester.check("SetDERControl", **control(tester, "C", start=100, last=60))
    for asked, ids in (
        ({"controlType": "FreqDroop"}, {"A", "C"}),
        ({"controlType": "FreqDroop", "isDefault": True}, {"A"}),
        ({"controlId": "B"}, {"B"}),
        ({"isDefault": False}, {"C"}),
    ):
        tester.true(set(reported(tester, **asked)) == ids, f"{asked} does not find {ids}")


@case("R04.FR.41", shows="R04.FR.42")
def nothing_to_clear(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A"))
    tester.check("ClearDERControl", "NotFound", isDefault=False, controlType="FreqDroop")
    tester.check("ClearDERControl", "NotFound", isDefault=False, controlId="A")


@case("R04.FR.44", shows="R04.FR.45 R04.FR.46")
def controls_are_cleared(tester: Tester) -> None:
    for id, type in (("A", "FreqDroop"), ("B", "LimitMaxDischarge"), ("C", "Gradients"), ("D", "FixedPFInject")):
        tester.check("SetDERControl", **control(tester, id, type))
    tester.check("SetDERControl", **control(tester, "E", start=100, last=60))
    tester.check("ClearDERControl", isDefault=True, controlId="D")
    tester.true(set(reported(tester)) == {"A", "B", "C", "E"}, "not cleared by id")
    tester.check("ClearDERControl", isDefault=True, controlType="FreqDroop")
    tester.true(set(reported(tester)) == {"B", "C", "E"}, "not cleared by type")
    tester.check("ClearDERControl", isDefault=True)
    tester.true(set(reported(tester)) == {"E"}, "not cleared by kind")


@case("R01.FR.03", shows="R02.FR.02 R03.FR.02")
def controls_survive_a_restart(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A", priority=2))
    tester.check("SetDERControl", **control(tester, "B", priority=1))
    tester.link.reboot()
    tester.booted()
    found = reported(tester)
    tester.true(found["A"].isSuperseded and not found["B"].isSuperseded, "what is superseded is not kept")


@case("R01.FR.01", shows="R01.FR.02")
def the_nameplate_of_the_inverter(tester: Tester) -> None:
    names = {"ModesSupported", "MaxW", "MaxVA", "MaxVar", "MaxVarNeg", "MaxChargeRateW", "MaxChargeRateVA"}
    names |= {f"{side}{what}" for side in ("OverExcited", "UnderExcited") for what in ("W", "PF")}
    names |= {f"Inverter{what}" for what in ("Manufacturer", "Model", "SwVersion", "HwVersion")}
    place = {"component": {"name": "DCDERCtrlr", "evse": {"id": 1}}}
    tester.check("GetReport", requestId=3, componentVariable=[place])
    rows = [row for part in tester.parts("NotifyReport", request=3) for row in part.reportData]
    missing = names - {row.variable.name for row in rows}
    tester.true(not missing, f"DCDERCtrlr has no {', '.join(sorted(missing))}")


def _discharge(tester: Tester, power_w: float) -> None:
    transaction = tester.charge()
    period = {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": power_w}
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    profile = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "transactionId": transaction, "chargingSchedule": [schedule],
    }  # fmt: skip
    tester.check("SetChargingProfile", evseId=1, chargingProfile=profile)
    tester.run(15)


@case("R05.FR.01", shows="R05.FR.02 R05.FR.03 R05.FR.04")
def an_alarm_for_each_function_that_takes_over(tester: Tester) -> None:
    tester.check("SetDERControl", **control(tester, "A", "VoltWatt"))
    tester.check("SetDERControl", **control(tester, "B"))
    _discharge(tester, -6_000)
    tester.link.grid(voltage_v=1.095 * 230)
    tester.await_("NotifyDERAlarm", 20, controlType="VoltWatt", gridEventFault="OverVoltage", alarmEnded=None)
    tester.never("NotifyDERAlarm", 10)
    tester.link.grid(frequency_hz=50.4)
    tester.await_("NotifyDERAlarm", 20, controlType="FreqDroop", gridEventFault="OverFrequency", alarmEnded=None)
    tester.link.grid()
    tester.await_("NotifyDERAlarm", 90, controlType="FreqDroop", alarmEnded=True)
    ended = [each for each in tester.since("NotifyDERAlarm") if each.alarmEnded is True]
    tester.true(len(ended) == 1, f"{len(ended)} alarms have ended, one was expected")


@case("R01.scenario.1")
def a_limit_of_the_grid_operator_holds(tester: Tester) -> None:
    _discharge(tester, -9_000)
    before_w = tester.link.power_w(1)
    tester.check("SetDERControl", **control(tester, "A", "LimitMaxDischarge"))
    tester.run(60)
    after_w = tester.link.power_w(1)
    tester.true(before_w < -7_000 and after_w > before_w + 1_000, f"{before_w:.0f} W before, {after_w:.0f} W after")


not_here(
    "it takes an EVSE with AC: tests/station/back_end/test_vehicle_inverter.py",
    "R02.FR.01", "R02.FR.03", "R03.FR.01", "R03.FR.03", "R03.FR.05", "R03.FR.06",
)  # fmt: skip
not_here("none is emulated for a vehicle: its inverter gets them all", "R03.FR.04")
