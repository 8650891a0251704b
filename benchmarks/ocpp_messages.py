"""Decoding and validating a SetChargingProfile of OCPP 2.1, and a composite schedule of three long profiles."""

from datetime import UTC, datetime
from statistics import median
from time import perf_counter

from benchmarks.figure import Figure, Setting

from v2g.ocpp import v21
from v2g.ocpp.base import decoder, encode
from v2g.ocpp.profile_rules import EvseTraits
from v2g.ocpp.profiles import Profiles
from v2g.ocpp.schedule import Instant

LIMIT_US, LIMIT_MS = 5.0, 5.0
ROUNDS, RUNS = 20_000, 5
PERIODS = 1024
T0 = 1_800_000_000


def measure(setting: Setting) -> list[Figure]:
    """Medians of five runs."""
    period = v21.ChargingSchedulePeriodType(
        startPeriod=0, operationMode="CentralSetpoint", setpoint=-5_000, limit=11_000, dischargeLimit=-10_000
    )
    document = encode(v21.SetChargingProfileRequest(evseId=1, chargingProfile=_profile(1, (period,))))
    decode = decoder(v21.SetChargingProfileRequest).decode
    decoding_us = []
    for _ in range(RUNS):
        start = perf_counter()
        for _ in range(ROUNDS):
            decode(document)
        decoding_us.append((perf_counter() - start) / ROUNDS * 1e6)
    composing_ms = median(_composite_ms() for _ in range(RUNS))
    return [
        Figure("ocpp_decode_set_charging_profile", "us", median(decoding_us), limit=LIMIT_US),
        Figure(f"ocpp_composite_of_3_x_{PERIODS}_periods", "ms", composing_ms, limit=LIMIT_MS),
    ]


def _profile(id: int, periods: tuple[v21.ChargingSchedulePeriodType, ...]) -> v21.ChargingProfileType:
    start = datetime.fromtimestamp(T0 + id, UTC)
    schedule = v21.ChargingScheduleType(id=1, chargingRateUnit="W", startSchedule=start, chargingSchedulePeriod=periods)
    return v21.ChargingProfileType(
        id=id,
        stackLevel=id,
        chargingProfilePurpose="TxDefaultProfile",
        chargingProfileKind="Absolute",
        chargingSchedule=(schedule,),
    )


def _composite_ms() -> float:
    profiles = Profiles({1: EvseTraits(1, dc=True, v2x=True, charge_w=22_000)})
    for id in (1, 2, 3):
        periods = tuple(
            v21.ChargingSchedulePeriodType(startPeriod=30 * index, limit=float(1_000 + index + id))
            for index in range(PERIODS)
        )
        assert profiles.set(1, _profile(id, periods), {}, T0) is None
    start = perf_counter()
    profiles.composite(1, {}, Instant(T0), 30 * PERIODS, None)
    return (perf_counter() - start) * 1000
