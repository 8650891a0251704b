"""Block Q and the rules of V2X: operation modes, external systems, local frequency and load, idle."""

from datetime import UTC, datetime, timedelta
from typing import Any

from v2g.bench.conformance.cases import case, not_here
from v2g.bench.conformance.tester import Tester
from v2g.ocpp import v21

CURVE = [
    {"frequency": 49.8, "power": -4_000.0},
    {"frequency": 50.0, "power": 0.0},
    {"frequency": 50.2, "power": 4_000.0},
]
LOCAL = {"operationMode": "LocalFrequency", "v2xBaseline": 1_000.0, "v2xFreqWattCurve": CURVE}
SIGNALS = [{"signal": -10, "power": -2_000.0}, {"signal": 10, "power": 2_000.0}]
NEAR_W = 350.0


def profile(period: dict[str, Any], *, purpose: str = "TxDefaultProfile", id: int = 1, **rest: Any) -> dict[str, Any]:
    """A profile of one period; what begins with `schedule_` belongs to its schedule."""
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, **period}]}
    schedule |= {name.removeprefix("schedule_"): value for name, value in rest.items() if name.startswith("schedule_")}
    rest = {name: value for name, value in rest.items() if not name.startswith("schedule_")}
    kind = {"chargingProfileKind": "Relative", "stackLevel": 0} | rest
    return {"id": id, "chargingProfilePurpose": purpose, "chargingSchedule": [schedule], **kind}


def install(tester: Tester, period: dict[str, Any], *, status: str = "Accepted", code: str = "", **rest: Any) -> None:
    """Install a profile at EVSE 1, and demand this outcome."""
    reply = tester.check(
        "SetChargingProfile", status, evseId=rest.pop("evse", 1), chargingProfile=profile(period, **rest)
    )
    if code:
        tester.equal(reply.statusInfo.reasonCode.lower(), code.lower(), "reasonCode")


def setpoint(power_w: float, **rest: Any) -> dict[str, Any]:
    return {"operationMode": "CentralSetpoint", "setpoint": power_w, **rest}


def near(tester: Tester, power_w: float, seconds: float = 15.0) -> None:
    """The meter shows this power after a while."""
    tester.until(
        lambda: abs(tester.link.power_w(1) - power_w) <= NEAR_W, seconds, f"power does not come to {power_w:.0f} W"
    )


@case("Q01.FR.30", shows="Q01.FR.31 Q07.FR.01 Q08.FR.20")
def operation_modes_are_reported(tester: Tester) -> None:
    modes = tester.get("V2XChargingCtrlr", "SupportedOperationModes", evse=1).split(",")
    missing = {"ChargingOnly", "CentralSetpoint", "CentralFrequency"} - set(modes)
    tester.true(not missing, f"SupportedOperationModes has no {missing}")
    if "LocalFrequency" in modes:
        tester.get("V2XChargingCtrlr", "LocalFrequencyUpdateThreshold", evse=1)


@case("Q01.FR.32")
def transfer_modes_are_reported(tester: Tester) -> None:
    modes = tester.get("V2XChargingCtrlr", "SupportedEnergyTransferModes", evse=1)
    tester.true("BPT" in modes, f"SupportedEnergyTransferModes is {modes}")


@case("Q01.FR.02")
def the_name_of_the_car_is_in_the_first_event(tester: Tester) -> None:
    token = {"idToken": "APP-1", "type": "Central"}
    tester.check("RequestStartTransaction", idToken=token, remoteStartId=1, evseId=1)
    tester.link.plug_in(1, tester.car)
    started = tester.await_("TransactionEvent", 90, eventType="Started")
    found = {(each.type, each.additionalIdToken) for each in started.idToken.additionalInfo or ()}
    tester.true(("EVCCID", tester.car) in found, f"additionalInfo is {found}")


@case("Q01.FR.03", shows="Q01.FR.09 Q02.FR.04")
def needs_name_transfer_control_and_v2x(tester: Tester) -> None:
    tester.link.plug_in(1, tester.car)
    needs = tester.await_("NotifyEVChargingNeeds", 90, evseId=1).chargingNeeds
    tester.equal(needs.controlMode, ("DynamicControl", "ScheduledControl"), "controlMode")
    tester.true("DC_BPT" in (needs.availableEnergyTransfer or ()), "availableEnergyTransfer has no DC_BPT")
    tester.equal(needs.requestedEnergyTransfer, "DC", "requestedEnergyTransfer without permission")
    tester.true(needs.v2xChargingParameters, "v2xChargingParameters is missing")


@case("Q01.FR.06", shows="Q01.FR.05")
def a_transfer_that_is_refused_ends_the_transaction(tester: Tester) -> None:
    tester.answers["NotifyEVChargingNeeds"] = v21.NotifyEVChargingNeedsResponse(status="Rejected")
    tester.link.plug_in(1, tester.car)
    ended = tester.await_("TransactionEvent", 120, eventType="Ended")
    tester.equal(ended.triggerReason, "AbnormalCondition", "triggerReason")
    tester.equal(ended.transactionInfo.stoppedReason, "ReqEnergyTransferRejected", "stoppedReason")


@case("Q01.FR.36")
def what_is_known_of_the_car(tester: Tester) -> None:
    tester.charge()
    tester.equal(tester.get("ConnectedEV", "Available", evse=1), "true", "ConnectedEV.Available")
    tester.equal(tester.get("ConnectedEV", "VehicleId", evse=1), tester.car, "ConnectedEV.VehicleId")
    tester.true("20" in tester.get("ConnectedEV", "ProtocolAgreed", evse=1), "ConnectedEV.ProtocolAgreed")
    tester.get("ConnectedEV", "ProtocolSupportedByEV", evse=1, instance="1")


@case("Q01.FR.33", shows="Q01.FR.34 Q01.FR.35")
def measurands_of_the_active_mode(tester: Tester) -> None:
    wanted = "Power.Active.Setpoint"
    tester.put("SampledDataCtrlr", "TxUpdatedInterval", "5")
    for name in ("TxUpdatedMeasurands", "TxEndedMeasurands", "TxStartedMeasurands"):
        tester.put("V2XChargingCtrlr", name, wanted, evse=1, instance="CentralSetpoint")
    install(tester, setpoint(3_000.0))
    tester.charge()
    sampled = {"meterValue__sampledValue__measurand": wanted}
    tester.await_("TransactionEvent", 30, triggerReason="MeterValuePeriodic", **sampled)
    tester.link.car_stops(1)
    tester.await_("TransactionEvent", 60, eventType="Ended", **sampled)


@case("Q02.FR.06", shows="Q02.FR.07")
def permission_that_comes_later(tester: Tester) -> None:
    tester.answers["Authorize"] = v21.AuthorizeResponse(
        idTokenInfo=v21.IdTokenInfoType(status="Accepted"), allowedEnergyTransfer=("DC",)
    )
    transaction = tester.charge()
    install(tester, setpoint(-3_000.0))
    tester.run(10)
    tester.true(tester.link.power_w(1) > -NEAR_W, "the car is discharged without permission")
    tester.mark()
    tester.check("NotifyAllowedEnergyTransfer", transactionId=transaction, allowedEnergyTransfer=["DC_BPT"])
    tester.await_("NotifyEVChargingNeeds", 60, chargingNeeds__requestedEnergyTransfer="DC_BPT")
    near(tester, -3_000.0)
    tester.check("NotifyAllowedEnergyTransfer", "Rejected", transactionId="none", allowedEnergyTransfer=["DC_BPT"])


@case("V2X.02", shows="V2X.01 V2X.03 V2X.04")
def a_set_point_is_followed_within_limits(tester: Tester) -> None:
    tester.charge()
    install(tester, setpoint(-3_000.0))
    near(tester, -3_000.0)
    install(tester, setpoint(3_000.0, limit=9_000.0))
    near(tester, 3_000.0)
    install(tester, {"limit": 2_000.0}, purpose="ChargingStationMaxProfile", id=2, evse=0)
    near(tester, 2_000.0)


@case("V2X.05")
def a_set_point_outside_its_own_limits(tester: Tester) -> None:
    for period in (setpoint(5_000.0, limit=4_000.0), setpoint(-5_000.0, dischargeLimit=-4_000.0)):
        install(tester, period, status="Rejected", code="InvalidSchedule")


@case("V2X.10", shows="V2X.06 V2X.07")
def values_of_single_phases(tester: Tester) -> None:
    install(tester, setpoint(3_000.0, setpoint_L2=100.0), status="Rejected", code="PhaseConflict")


@case("Q04.scenario.1", shows="V2X.01")
def set_points_that_are_updated_and_time_out(tester: Tester) -> None:
    tester.charge()
    install(tester, {"limit": 1_500.0}, id=2, stackLevel=0)
    install(tester, setpoint(-3_000.0), chargingProfileKind="Dynamic", stackLevel=1, schedule_duration=20)
    near(tester, -3_000.0)
    tester.check("UpdateDynamicSchedule", chargingProfileId=1, scheduleUpdate={"setpoint": 3_000.0})
    near(tester, 3_000.0)
    near(tester, 1_500.0, 30.0)  # nobody has updated it for 20 s
    tester.check("UpdateDynamicSchedule", chargingProfileId=1, scheduleUpdate={"setpoint": -2_000.0})
    near(tester, -2_000.0)


@case("Q11.scenario.1")
def discharge_ends_when_the_back_end_is_away(tester: Tester) -> None:
    tester.charge()
    install(tester, setpoint(-3_000.0), maxOfflineDuration=10)
    near(tester, -3_000.0)
    tester.link.cut()
    tester.run(20)
    tester.true(tester.link.power_w(1) > -NEAR_W, "the car is still discharged")
    tester.link.restore()
    tester.opened()
    near(tester, -3_000.0, 20.0)


@case("Q05.FR.01", shows="Q05.FR.03 Q05.FR.05")
def a_period_that_leaves_the_set_point_to_an_external_system(tester: Tester) -> None:
    tester.put("SmartChargingCtrlr", "ExternalConstraintsProfileDisallowed", "true")
    tester.charge()
    install(tester, {"operationMode": "ExternalSetpoint"}, chargingProfileKind="Dynamic")
    for power_w in (-3_000.0, 2_500.0):
        tester.link.external(setpoint_w=power_w)
        near(tester, power_w)
    _updated(tester, "setpoint", 2_500.0)


@case("Q05.FR.02", shows="Q05.FR.04 Q05.FR.06")
def a_period_that_leaves_the_limits_to_an_external_system(tester: Tester) -> None:
    tester.put("SmartChargingCtrlr", "ExternalConstraintsProfileDisallowed", "true")
    tester.charge()
    install(tester, {"operationMode": "ExternalLimits"}, chargingProfileKind="Dynamic")
    for power_w in (3_000.0, 1_500.0):
        tester.link.external(limit_w=power_w)
        near(tester, power_w)
    _updated(tester, "limit", 1_500.0)


def _updated(tester: Tester, name: str, value: float) -> None:
    """The profile holds this value, and says when it was written."""
    tester.check("GetChargingProfiles", requestId=9, chargingProfile={"chargingProfileId": [1]})
    [found] = tester.await_("ReportChargingProfiles").chargingProfile
    tester.equal(getattr(found.chargingSchedule[0].chargingSchedulePeriod[0], name), value, name)
    age_s = tester.link.unix_s() - found.dynUpdateTime.timestamp()
    tester.true(0 <= age_s < 20, f"dynUpdateTime is {age_s:.0f} s old")


@case("Q05.FR.07", shows="Q05.FR.08")
def an_external_system_that_falls_silent(tester: Tester) -> None:
    tester.put("SmartChargingCtrlr", "ExternalConstraintsProfileDisallowed", "true")
    tester.charge()
    install(tester, {"limit": 1_500.0}, id=2, stackLevel=0)
    dynamic: dict[str, Any] = {"chargingProfileKind": "Dynamic", "stackLevel": 1, "schedule_duration": 15}
    install(tester, {"operationMode": "ExternalSetpoint"}, **dynamic)
    tester.link.external(setpoint_w=-3_000.0)
    near(tester, -3_000.0)
    near(tester, 1_500.0, 30.0)
    tester.link.external(setpoint_w=-2_500.0)
    near(tester, -2_500.0)


def _external(tester: Tester) -> Any:
    """The profile of the external system, as it is reported."""
    wanted = {"chargingProfilePurpose": "ChargingStationExternalConstraints"}
    tester.check("GetChargingProfiles", requestId=9, chargingProfile=wanted)
    report = tester.await_("ReportChargingProfiles")
    tester.equal(report.chargingLimitSource, "EMS", "chargingLimitSource")
    return report.chargingProfile[0]


@case("Q06.FR.02", shows="Q06.FR.05 Q06.FR.07 Q06.FR.11 Q06.FR.30")
def single_limits_of_an_external_system(tester: Tester) -> None:
    tester.charge()
    for power_w in (3_000.0, 1_500.0):
        tester.mark()
        tester.link.external(limit_w=power_w)
        tester.await_("NotifyChargingLimit", chargingLimit__chargingLimitSource="EMS")
        near(tester, power_w)
    found = _external(tester)
    tester.equal(found.chargingProfileKind, "Dynamic", "kind")
    tester.equal(found.chargingSchedule[0].chargingSchedulePeriod[0].operationMode, "ExternalLimits", "mode")
    tester.true(tester.link.unix_s() - found.dynUpdateTime.timestamp() < 20, "dynUpdateTime is old")


@case("Q06.FR.04", shows="Q06.FR.06 Q06.FR.20 Q06.FR.21 Q06.FR.31")
def single_set_points_of_an_external_system(tester: Tester) -> None:
    tester.charge()
    install(tester, setpoint(2_000.0, dischargeLimit=-5_000.0))
    for power_w in (-3_000.0, 3_000.0):
        tester.link.external(setpoint_w=power_w)
        near(tester, power_w)
    found = _external(tester)
    tester.equal(found.chargingSchedule[0].chargingSchedulePeriod[0].operationMode, "ExternalSetpoint", "mode")


@case("Q06.FR.22")
def the_back_end_has_priority(tester: Tester) -> None:
    tester.put("SmartChargingCtrlr", "SetpointPriority", "CSMS")
    tester.charge()
    install(tester, setpoint(2_000.0))
    tester.link.external(setpoint_w=4_000.0)
    tester.run(15)
    near(tester, 2_000.0, 1.0)


@case("Q06.FR.01", shows="Q06.FR.10", name="limit", mode="ExternalLimits")
@case("Q06.FR.03", name="setpoint", mode="ExternalSetpoint")
def a_schedule_of_an_external_system(tester: Tester, name: str, mode: str) -> None:
    tester.charge()
    install(tester, setpoint(4_000.0))
    tester.mark()
    periods = [
        {"startPeriod": at, "operationMode": mode, name: power_w} for at, power_w in ((0, 3_000.0), (20, 1_500.0))
    ]
    tester.link.external(schedule=periods)
    said = tester.await_("NotifyChargingLimit", chargingLimit__chargingLimitSource="EMS")
    tester.equal(len(said.chargingSchedule[0].chargingSchedulePeriod), 2, "periods")
    near(tester, 3_000.0)
    near(tester, 1_500.0, 30.0)
    tester.equal(_external(tester).chargingProfileKind, "Absolute", "kind")


@case("Q06.FR.08")
def an_external_system_that_is_not_allowed(tester: Tester) -> None:
    tester.put("SmartChargingCtrlr", "ExternalConstraintsProfileDisallowed", "true")
    tester.true(tester.link.external(limit_w=1_000.0), "the settings are not refused")
    wanted = {"chargingProfilePurpose": "ChargingStationExternalConstraints"}
    tester.check("GetChargingProfiles", "NoProfiles", requestId=9, chargingProfile=wanted)


@case("Q06.FR.40", shows="Q06.FR.41")
def external_values_that_are_overdue(tester: Tester) -> None:
    tester.charge()
    tester.link.external(limit_w=1_500.0, for_s=15)
    near(tester, 1_500.0)
    tester.until(lambda: tester.link.power_w(1) > 4_000.0, 40.0, "the limit does not end")
    tester.link.external(limit_w=2_000.0, for_s=60)
    near(tester, 2_000.0)


@case("Q08.FR.03")
def a_curve_or_a_baseline_is_missing(tester: Tester) -> None:
    for period in (
        {"operationMode": "LocalFrequency", "v2xBaseline": 1.0},
        {"operationMode": "LocalFrequency", "v2xFreqWattCurve": CURVE},
        {**LOCAL, "v2xFreqWattCurve": CURVE[:1]},
    ):
        install(tester, period, status="Rejected", code="NoFreqWattCurve")


@case("Q08.FR.04")
def local_frequency_has_no_limits(tester: Tester) -> None:
    for name, value in (("limit", 1.0), ("dischargeLimit", -1.0), ("setpoint", 1.0), ("setpointReactive", 1.0)):
        install(tester, {**LOCAL, name: value}, status="Rejected", code="InvalidSchedule")


@case("Q08.FR.06", shows="Q08.FR.07")
def the_set_point_follows_the_frequency(tester: Tester) -> None:
    tester.put("V2XChargingCtrlr", "LocalFrequencyUpdateThreshold", "5", evse=1)
    install(tester, LOCAL)
    tester.charge()
    near(tester, 1_000.0)
    for frequency_hz, power_w in ((49.98, 600.0), (50.02, 1_400.0), (50.022, 1_400.0)):
        tester.link.grid(frequency_hz=frequency_hz)
        tester.run(5)
        near(tester, power_w)


@case("Q08.FR.10")
def a_signal_adds_to_the_set_point_at_its_time(tester: Tester) -> None:
    install(tester, {**LOCAL, "v2xSignalWattCurve": SIGNALS})
    tester.charge()
    near(tester, 1_000.0)
    later = datetime.fromtimestamp(tester.link.unix_s(), UTC) + timedelta(seconds=10)
    tester.check("AFRRSignal", timestamp=later, signal=10)
    tester.run(5)
    near(tester, 1_000.0, 1.0)
    tester.run(10)
    near(tester, 3_000.0)


@case("Q08.FR.11")
def a_signal_without_a_curve(tester: Tester) -> None:
    now = datetime.fromtimestamp(tester.link.unix_s(), UTC)
    reply = tester.check("AFRRSignal", "Rejected", timestamp=now, signal=1)
    tester.equal(reply.statusInfo.reasonCode, "NoSignalWattCurve", "reasonCode")


@case("Q09.FR.01")
def load_balancing_without_an_upstream_meter(tester: Tester) -> None:
    install(tester, {"operationMode": "LocalLoadBalancing"}, status="Rejected", code="UnsupportedParam")


def _band(tester: Tester) -> None:
    for name, value in (("UpperThreshold", 5_000), ("LowerThreshold", -1_000), ("UpperOffset", 0), ("LowerOffset", 0)):
        tester.put("V2XChargingCtrlr", "LocalLoadBalancing", str(value), evse=1, instance=name)


@case("Q09.FR.02")
def load_balancing_without_thresholds(tester: Tester) -> None:
    tester.link.external(load_w=0.0)
    period = {"operationMode": "LocalLoadBalancing"}
    install(tester, period, status="Rejected", code="MissingDevModelInfo")
    _band(tester)
    tester.put("V2XChargingCtrlr", "LocalLoadBalancing", "-2000", evse=1, instance="UpperThreshold")
    install(tester, period, status="Rejected", code="MissingDevModelInfo")


@case("Q09.FR.04", shows="Q09.FR.03 Q09.FR.05")
def the_load_is_kept_within_its_band(tester: Tester) -> None:
    _band(tester)
    tester.charge()
    tester.link.external(load_w=0.0)
    install(tester, {"operationMode": "LocalLoadBalancing", "limit": 3_000.0, "dischargeLimit": -3_500.0})
    for house_w, power_w in ((8_000.0, -3_000.0), (20_000.0, -3_500.0), (-3_000.0, 2_000.0), (-9_000.0, 3_000.0)):
        for _ in range(12):
            tester.link.external(load_w=house_w + tester.link.power_w(1))
            tester.run(2)
        near(tester, power_w, 1.0)


@case("Q10.FR.02")
def idle_has_no_limits(tester: Tester) -> None:
    for name, value in (("limit", 1.0), ("dischargeLimit", -1.0), ("setpoint", 1.0), ("setpointReactive", 1.0)):
        install(tester, {"operationMode": "Idle", name: value}, status="Rejected", code="InvalidSchedule")


@case("Q10.FR.05")
def sleep_that_is_not_supported(tester: Tester) -> None:
    tester.charge()
    install(tester, {"operationMode": "Idle", "evseSleep": True})
    tester.run(10)
    tester.true(abs(tester.link.power_w(1)) < NEAR_W, "power flows in Idle")
    events = tester.since("TransactionEvent")
    tester.true(not any(event.evseSleep is True for event in events), "evseSleep is reported as true")


@case("Q07.scenario.2")
def local_frequency_takes_over_from_a_back_end_that_is_silent(tester: Tester) -> None:
    tester.charge()
    install(tester, LOCAL, id=2, stackLevel=0)
    central = {"operationMode": "CentralFrequency", "setpoint": -3_000.0}
    install(tester, central, chargingProfileKind="Dynamic", stackLevel=1, schedule_duration=15)
    near(tester, -3_000.0)
    near(tester, 1_000.0, 30.0)


@case("K21.scenario.1")
def priority_charging(tester: Tester) -> None:
    transaction = tester.charge()
    tester.check("UsePriorityCharging", "NoProfile", transactionId=transaction, activate=True)
    install(tester, {"limit": 1_500.0})
    install(tester, {"limit": 5_000.0}, purpose="PriorityCharging", id=2)
    near(tester, 1_500.0)
    tester.check("UsePriorityCharging", transactionId=transaction, activate=True)
    tester.await_("NotifyPriorityCharging", activated=True)
    near(tester, 5_000.0)
    tester.check("UsePriorityCharging", transactionId=transaction, activate=False)
    near(tester, 1_500.0)


not_here("the station's inverter has no state of sleep: evseSleep is reported as false", "Q10.FR.03", "Q10.FR.04")
not_here("the errata of 2025-09 delete it", "Q06.FR.12")
