"""Profiles that overlap, a DER control, an energy management system: what is tightest holds, and each is given back."""

from typing import Any

import pytest

from v2g.bench.conformance.stand import Stand
from v2g.bench.conformance.tester import Tester as BackEnd
from v2g.grid.adjustments import Party
from v2g.station.back_end.external import External, Values

SETTLES_S = 4.0


def profile(id: int, level: int, period: dict[str, Any], **rest: Any) -> dict[str, Any]:
    schedule = {"id": id, "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, **period}]}
    if "duration" in rest:
        schedule["duration"] = rest.pop("duration")
    return {"id": id, "stackLevel": level, "chargingProfileKind": "Dynamic", "chargingSchedule": [schedule], **rest}


def setpoint(power_w: float) -> dict[str, Any]:
    return {"operationMode": "CentralSetpoint", "setpoint": power_w, "limit": 7_000.0, "dischargeLimit": -7_000.0}


def test_of_all_limits_the_tightest_holds() -> None:
    stand = Stand()
    tester = BackEnd(stand)
    tester.booted()
    guard = stand.station.evses[1].guard
    assert guard is not None
    guard.adjust({"active_power_limit.response_s": 0.0}, Party.OPERATOR, by="a test in a hurry")
    transaction = {"chargingProfilePurpose": "TxProfile", "transactionId": tester.charge()}

    def install(evse: int, **asked: Any) -> None:
        tester.check("SetChargingProfile", evseId=evse, chargingProfile=asked)

    def flows(power_w: float, seconds: float = SETTLES_S) -> None:
        tester.run(seconds)
        assert stand.power_w(1) == pytest.approx(power_w, abs=100.0), stand.station.evses[1].decision.explanation

    install(1, **profile(1, 9, {"limit": 500.0}, chargingProfilePurpose="TxDefaultProfile"))
    install(1, **profile(2, 0, setpoint(-7_000.0), **transaction))
    flows(-7_000.0, 8.0)
    install(1, **profile(3, 1, setpoint(-5_000.0), duration=10, **transaction))
    flows(-5_000.0)
    flows(-7_000.0, 10.0)  # the higher one is over
    limit = {"priority": 0, "pctMaxDischargePower": 10.0}
    tester.check(
        "SetDERControl", isDefault=True, controlId="d", controlType="LimitMaxDischarge", limitMaxDischarge=limit
    )
    flows(-3_000.0)
    external = stand.station.block(External)
    assert external.set(1, Values(discharge_w=2_000.0)) is None
    flows(-2_000.0)
    tester.check("ClearDERControl", isDefault=True, controlId="d")
    flows(-2_000.0)
    install(0, **profile(4, 0, {"limit": 4_000.0}, chargingProfilePurpose="ChargingStationMaxProfile"))
    install(1, **profile(2, 0, setpoint(7_000.0), **transaction))
    flows(4_000.0, 8.0)
    assert external.set(1, Values(limit_w=1_000.0)) is None
    flows(1_000.0)
    tester.check("UpdateDynamicSchedule", chargingProfileId=2, scheduleUpdate={"setpoint": -7_000.0})
    tester.check("ClearChargingProfile", chargingProfileId=4)
    assert external.set(1, Values()) is None
    flows(-7_000.0, 8.0)
