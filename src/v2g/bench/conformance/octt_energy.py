"""OCTT, blocks J and K: meter values and smart charging."""

from datetime import UTC, datetime, timedelta
from typing import Any

from v2g.bench.conformance.cases import case, not_here
from v2g.bench.conformance.tester import Tester
from v2g.ocpp import v21

ALIGNED, SAMPLED = "AlignedDataCtrlr", "SampledDataCtrlr"
NOBODY_SIGNS = "the meter does not sign its values"


def at(tester: Tester, seconds: float = 0.0) -> datetime:
    return datetime.fromtimestamp(int(tester.link.unix_s()), UTC) + timedelta(seconds=seconds)


def profile(limit: float = 6_000.0, *, id: int = 1, purpose: str = "TxDefaultProfile", **rest: Any) -> dict[str, Any]:
    """A profile with one limit, or with `periods`."""
    periods = rest.pop("periods", [{"startPeriod": 0, "limit": limit}])
    schedule = {"id": 1, "chargingRateUnit": rest.pop("unit", "W"), "chargingSchedulePeriod": periods}
    schedule |= {name: rest.pop(name) for name in ("startSchedule", "duration") if name in rest}
    kind = {"stackLevel": 0, "chargingProfileKind": "Relative"} | rest
    return {"id": id, "chargingProfilePurpose": purpose, "chargingSchedule": [schedule], **kind}


def install(tester: Tester, evse: int, found: dict[str, Any], status: str = "Accepted", code: str = "") -> None:
    reply = tester.check("SetChargingProfile", status, evseId=evse, chargingProfile=found)
    if code:
        tester.equal(reply.statusInfo.reasonCode.lower(), code.lower(), "reasonCode")


def reported(tester: Tester, status: str = "Accepted", evse: int | None = None, **asked: Any) -> list[int]:
    """Ids of the profiles that are reported."""
    tester.check("GetChargingProfiles", status, requestId=5, evseId=evse, chargingProfile=asked)
    if status != "Accepted":
        return []
    parts = tester.parts("ReportChargingProfiles", request=5)
    return sorted(each.id for part in parts for each in part.chargingProfile)


def composite(tester: Tester, evse: int = 1, duration: int = 300, **more: Any) -> list[tuple[int, float]]:
    reply = tester.check("GetCompositeSchedule", evseId=evse, duration=duration, **more)
    return [(period.startPeriod, period.limit) for period in reply.schedule.chargingSchedulePeriod]


def holds(tester: Tester, most_w: float) -> None:
    """The power comes to this limit, and stays below it."""
    tester.until(lambda: 0.0 < tester.link.power_w(1) <= most_w + 100.0, 20.0, f"power does not come to {most_w:.0f} W")
    tester.run(5)
    tester.true(tester.link.power_w(1) <= most_w + 100.0, f"{tester.link.power_w(1):.0f} W, more than {most_w:.0f} W")


# J


@case("TC_J_01_CS")
def aligned_without_a_transaction(tester: Tester) -> None:
    tester.put(ALIGNED, "Interval", "10")
    for _ in range(2):
        tester.await_("MeterValues", 25, evseId=1, meterValue__sampledValue__context="Sample.Clock")


@case("TC_J_02_CS")
def aligned_in_a_transaction(tester: Tester) -> None:
    tester.put(ALIGNED, "Interval", "10")
    tester.charge()
    for _ in range(2):
        event = tester.await_("TransactionEvent", 25, triggerReason="MeterValueClock")
        tester.true(event.meterValue[0].sampledValue[0].context == "Sample.Clock", "context is not Sample.Clock")


@case("TC_J_06_CS")
def aligned_only_when_idle(tester: Tester) -> None:
    tester.put(ALIGNED, "Interval", "10")
    tester.put(ALIGNED, "SendDuringIdle", "true")
    tester.charge()
    tester.never("TransactionEvent", 25, triggerReason="MeterValueClock")


@case("TC_J_07_CS")
def sampled_at_the_start(tester: Tester) -> None:
    tester.link.plug_in(1, tester.car)
    event = tester.await_("TransactionEvent", 90, eventType="Started")
    tester.equal(event.meterValue[0].sampledValue[0].context, "Transaction.Begin", "context")


@case("TC_J_09_CS")
def sampled_while_it_runs(tester: Tester) -> None:
    tester.put(SAMPLED, "TxUpdatedInterval", "5")
    tester.charge()
    for _ in range(2):
        event = tester.await_("TransactionEvent", 15, triggerReason="MeterValuePeriodic")
        tester.equal(event.meterValue[0].sampledValue[0].context, "Sample.Periodic", "context")


@case("TC_J_10_CS")
def sampled_at_the_end(tester: Tester) -> None:
    tester.charge()
    event = tester.stop()
    tester.equal(event.meterValue[0].sampledValue[0].context, "Transaction.End", "context")


not_here(NOBODY_SIGNS, "TC_J_04_CS", "TC_J_11_CS")
not_here("the last event has no earlier values (TxEndedInterval is 0)", "TC_J_03_CS")
not_here("an event knows its EVSE from the first one on", "TC_J_08_CS")

# K


@case("TC_K_01_CS", evse=1, found=profile())
@case("TC_K_10_CS", evse=0, found=profile())
@case("TC_K_03_CS", evse=0, found=profile(purpose="ChargingStationMaxProfile"))
def set_profile(tester: Tester, evse: int, found: dict[str, Any]) -> None:
    install(tester, evse, found)
    tester.true(reported(tester, chargingProfileId=[1]) == [1], "the profile is not reported")


@case("TC_K_02_CS")
def tx_profile_without_a_transaction(tester: Tester) -> None:
    install(tester, 1, profile(purpose="TxProfile", transactionId="none"), "Rejected", "TxNotFound")


@case("TC_K_04_CS")
def the_same_id_replaces(tester: Tester) -> None:
    install(tester, 1, profile(6_000.0))
    install(tester, 1, profile(4_000.0, stackLevel=1))
    tester.true(reported(tester, chargingProfileId=[1]) == [1], "not one profile")
    tester.true(composite(tester)[0][1] == 4_000.0, "the old profile counts")


@case("TC_K_05_CS", asked={"chargingProfileId": 1})
@case(
    "TC_K_06_CS",
    asked={"chargingProfileCriteria": {"evseId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile"}},
)
def clear_profile(tester: Tester, asked: dict[str, Any]) -> None:  # fmt: skip
    install(tester, 1, profile())
    tester.check("ClearChargingProfile", **asked)
    reported(tester, "NoProfiles", chargingProfileId=[1])


@case("TC_K_07_CS")
def clear_what_does_not_fit(tester: Tester) -> None:
    install(tester, 1, profile())
    criteria = {"stackLevel": 9, "chargingProfilePurpose": "TxDefaultProfile"}
    tester.check("ClearChargingProfile", "Unknown", chargingProfileCriteria=criteria)


@case("TC_K_08_CS")
def clear_nothing(tester: Tester) -> None:
    tester.check("ClearChargingProfile", "Unknown", chargingProfileId=77)


@case("TC_K_09_CS")
def clear_in_a_transaction(tester: Tester) -> None:
    install(tester, 1, profile(3_000.0))
    tester.charge()
    holds(tester, 3_000.0)
    tester.check("ClearChargingProfile", chargingProfileId=1)
    tester.until(lambda: tester.link.power_w(1) > 4_000.0, 20.0, "the limit still holds")


@case("TC_K_24_CS")
def clear_several(tester: Tester) -> None:
    install(tester, 1, profile())
    install(tester, 0, profile(id=2, purpose="ChargingStationMaxProfile"))
    tester.check("ClearChargingProfile", chargingProfileCriteria={"stackLevel": 0})
    reported(tester, "NoProfiles", chargingProfileId=[1, 2])


@case("TC_K_11_CS")
def tx_profile_for_all(tester: Tester) -> None:
    transaction = tester.charge()
    install(tester, 0, profile(purpose="TxProfile", transactionId=transaction), "Rejected")


@case("TC_K_12_CS")
def another_unit(tester: Tester) -> None:
    install(tester, 1, profile(10.0, unit="A"), "Rejected", "UnsupportedRateUnit")


@case("TC_K_13_CS")
def profiles_survive_a_reboot(tester: Tester) -> None:
    install(tester, 1, profile())
    tester.link.reboot()
    tester.booted()
    tester.true(reported(tester, chargingProfileId=[1]) == [1], "the profile is gone")


@case("TC_K_14_CS")
def no_such_evse(tester: Tester) -> None:
    install(tester, 99, profile(), "Rejected", "UnknownEvse")


@case("TC_K_16_CS")
def another_transaction(tester: Tester) -> None:
    tester.charge()
    install(tester, 1, profile(purpose="TxProfile", transactionId="another"), "Rejected", "TxNotFound")


@case("TC_K_19_CS")
def recurring(tester: Tester) -> None:
    install(tester, 1, profile(chargingProfileKind="Recurring", recurrencyKind="Daily",
                               startSchedule=at(tester, -3_600.0), duration=86_400))  # fmt: skip
    tester.true(composite(tester)[0][1] == 6_000.0, "the profile does not count")


@case("TC_K_21_CS", name="validFrom", before=False)
@case("TC_K_22_CS", name="validTo", before=True)
def valid_from_to(tester: Tester, name: str, before: bool) -> None:
    window: dict[str, Any] = {name: at(tester, 60.0)}
    install(tester, 1, profile(2_000.0, **window))
    found = composite(tester)
    limits = [limit for _, limit in found]
    tester.true(len(found) == 2 and (limits[0] == 2_000.0) is before, f"composite schedule is {found}")


@case("TC_K_23_CS")
def start_schedule(tester: Tester) -> None:
    install(tester, 1, profile(2_000.0, chargingProfileKind="Absolute", startSchedule=at(tester, 60.0)))
    found = composite(tester)
    tester.true(len(found) == 2 and found[1][1] == 2_000.0, f"composite schedule is {found}")


@case("TC_K_28_CS")
def default_profile_in_a_transaction(tester: Tester) -> None:
    tester.charge()
    install(tester, 1, profile(3_000.0))
    holds(tester, 3_000.0)


@case("TC_K_60_CS")
def tx_profile(tester: Tester) -> None:
    transaction = tester.charge()
    install(tester, 1, profile(3_000.0, purpose="TxProfile", transactionId=transaction))
    tester.true(reported(tester, evse=1, chargingProfilePurpose="TxProfile") == [1], "the profile is not reported")
    holds(tester, 3_000.0)


@case("TC_K_37_CS")
def remote_start_with_a_profile(tester: Tester) -> None:
    asked: dict[str, Any] = {"idToken": {"idToken": "APP-1", "type": "Central"}, "remoteStartId": 7, "evseId": 1}
    tester.check("RequestStartTransaction", **asked, chargingProfile=profile(3_000.0, purpose="TxProfile"))
    tester.charge()
    holds(tester, 3_000.0)


@case("TC_K_38_CS")
def remote_start_with_a_wrong_profile(tester: Tester) -> None:
    asked: dict[str, Any] = {"idToken": {"idToken": "APP-1", "type": "Central"}, "remoteStartId": 7, "evseId": 1}
    tester.check("RequestStartTransaction", "Rejected", **asked, chargingProfile=profile())


@case("TC_K_29_CS", evse=0, asked={"chargingProfilePurpose": "ChargingStationMaxProfile"}, ids=[3])
@case("TC_K_30_CS", evse=1, asked={"chargingProfilePurpose": "TxDefaultProfile"}, ids=[1, 2])
@case("TC_K_31_CS", evse=None, asked={"chargingProfileId": [1, 2, 3]}, ids=[1, 2, 3])
@case("TC_K_32_CS", evse=None, asked={"chargingProfileId": [2]}, ids=[2])
@case("TC_K_33_CS", evse=1, asked={"stackLevel": 1}, ids=[2])
@case("TC_K_34_CS", evse=1, asked={"chargingLimitSource": ["CSO"]}, ids=[1, 2])
@case("TC_K_35_CS", evse=1, asked={"chargingProfilePurpose": "TxDefaultProfile"}, ids=[1, 2])
@case("TC_K_36_CS", evse=1, asked={"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1}, ids=[2])
def read_profiles(tester: Tester, evse: int | None, asked: dict[str, Any], ids: list[int]) -> None:
    install(tester, 1, profile())
    install(tester, 1, profile(id=2, stackLevel=1))
    install(tester, 0, profile(id=3, purpose="ChargingStationMaxProfile"))
    found = reported(tester, evse=evse, **asked)
    tester.true(found == ids, f"{found} are reported, expected {ids}")


@case("TC_K_39_CS")
def composite_without_profiles(tester: Tester) -> None:
    tester.true(len(composite(tester)) == 1, "more than one period")


@case("TC_K_40_CS")
def composite_of_a_stack(tester: Tester) -> None:
    install(tester, 1, profile(7_000.0, chargingProfileKind="Absolute", startSchedule=at(tester), duration=400))
    above: dict[str, Any] = {
        "chargingProfileKind": "Absolute",
        "stackLevel": 1,
        "startSchedule": at(tester),
        "duration": 100,
    }
    install(tester, 1, profile(5_000.0, id=2, **above))
    limits = [limit for _, limit in composite(tester)]
    tester.true(limits == [5_000.0, 7_000.0], f"limits are {limits}")


@case("TC_K_41_CS")
def composite_of_purposes(tester: Tester) -> None:
    install(tester, 0, profile(6_000.0, purpose="ChargingStationMaxProfile"))
    transaction = tester.charge()
    periods = [{"startPeriod": 0, "limit": 8_000.0}, {"startPeriod": 100, "limit": 4_000.0}]
    install(tester, 1, profile(id=2, purpose="TxProfile", transactionId=transaction, periods=periods))
    limits = [limit for _, limit in composite(tester)]
    tester.true(limits == [6_000.0, 4_000.0], f"limits are {limits}")


@case("TC_K_42_CS")
def composite_in_another_unit(tester: Tester) -> None:
    tester.check("GetCompositeSchedule", "Rejected", evseId=1, duration=300, chargingRateUnit="A")


@case("TC_K_47_CS")
def composite_of_no_evse(tester: Tester) -> None:
    tester.check("GetCompositeSchedule", "Rejected", evseId=99, duration=300)


@case("TC_K_53_CS")
def needs_and_schedule(tester: Tester) -> None:
    transaction = tester.charge()
    needs = tester.await_("NotifyEVChargingNeeds", 30, evseId=1)
    tester.equal(needs.chargingNeeds.requestedEnergyTransfer, "DC", "requestedEnergyTransfer")
    install(tester, 1, profile(3_000.0, purpose="TxProfile", transactionId=transaction))
    holds(tester, 3_000.0)


@case("TC_K_54_CS", answers=v21.NotifyEVChargingNeedsResponse(status="Processing"))
def no_schedule(tester: Tester, answers: Any) -> None:
    tester.answers["NotifyEVChargingNeeds"] = answers
    install(tester, 1, profile(3_000.0))
    tester.charge()
    holds(tester, 3_000.0)


@case("TC_K_58_CS")
def renegotiation_by_the_back_end(tester: Tester) -> None:
    transaction = tester.charge()
    for id, limit in ((1, 3_000.0), (2, 2_000.0)):
        install(tester, 1, profile(limit, id=id, stackLevel=id, purpose="TxProfile", transactionId=transaction))
        holds(tester, limit)


@case("TC_K_56_CS")
def schedule_while_offline(tester: Tester) -> None:
    install(tester, 1, profile(3_000.0))
    tester.charge()
    holds(tester, 3_000.0)
    tester.link.cut()
    tester.run(30)
    holds(tester, 3_000.0)


not_here("the car of this stand keeps its needs: tests/station/test_service_renegotiation.py", "TC_K_57_CS")
not_here("the station follows each kind of profile", "TC_K_15_CS")
