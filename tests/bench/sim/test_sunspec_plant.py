"""The simulated SunSpec inverter on a clock set by hand: reversion timers, refusals, what its set-points do."""

import struct
from collections.abc import Sequence

import pytest

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.modbus_server import ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusException
from v2g.bench.sim.plant import INVERTER_WATCHDOG_S, Plant
from v2g.bench.sim.plant_model import PlantModel
from v2g.bench.sim.sunspec_plant import ADOPTING_S, SunSpecPlant
from v2g.power.inverter import InverterFault, InverterMode
from v2g.power.registers.port import Table
from v2g.power.sunspec.model import Value

BLOCK = 45_000
POWER_MODE = [3, 30_000, 30_000, 4500, 3000, 0, 1]


class Bench:
    """The device, its registers by the names of their points, and what it makes the plant do."""

    def __init__(self) -> None:
        self.now = 100.0
        self.plant = Plant(PlantModel(Battery(60_000, 0.6)), lambda: self.now)
        self.device = SunSpecPlant(self.plant, lambda: self.now)
        self.unit = self.device.unit

    def address(self, number: int, path: str) -> int:
        return next(a for a in range(40_000, 42_000) if self.unit.path_at(a) == f"{number}.{path}")

    def write(self, number: int, path: str, *words: int) -> None:
        self.unit.write(Table.HOLDING, self.address(number, path), [word & 0xFFFF for word in words])

    def refusal(self, table: Table, address: int, words: Sequence[int]) -> int:
        """The exception code of a write."""
        with pytest.raises(ModbusException) as caught:
            self.unit.write(table, address, words)
        return caught.value.code

    def beat(self, words: Sequence[int] = POWER_MODE) -> None:
        """Writes the block, so that its watchdog is content."""
        self.unit.write(Table.HOLDING, BLOCK, words)

    def wait(self, seconds: float) -> None:
        """Lets time pass, with the block's heartbeat."""
        end = self.now + seconds
        while self.now < end:
            self.now += min(0.1, end - self.now)
            self.beat()
        self.device.advance()

    @property
    def generated_w(self) -> Value:
        return self.unit.get(704, "WSet")

    @property
    def power_w(self) -> float:
        """What the plant is commanded at its DC output."""
        return self.plant.inputs.setpoint.power_w


def watts(power_w: int) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">i", power_w))
    return high, low


def armed(power_w: int, revert_s: int = 2) -> Bench:
    bench = Bench()
    bench.beat()
    bench.write(704, "WSetRvrtTms", 0, revert_s)
    bench.write(704, "WSetEnaRvrt", 1)
    bench.write(704, "WSetEna", 1, 1, *watts(power_w))
    return bench


def test_a_setpoint_reverts_when_it_is_not_repeated() -> None:
    bench = armed(9_000)
    assert bench.power_w == pytest.approx(-(9_000 + 90) / 0.97)  # the losses come from the battery
    bench.wait(1.5)
    assert bench.generated_w == 9_000
    assert bench.unit.read(Table.HOLDING, bench.address(704, "WSetRvrtRem"), 2) == [0, 1]
    bench.wait(0.6)
    assert (bench.generated_w, bench.unit.get(704, "WSetEna")) == (0, "ENABLED")
    assert abs(bench.power_w) < 100
    assert bench.plant.model.faults == frozenset()


def test_enabling_again_starts_the_timer_over() -> None:
    bench = armed(-9_000)
    for _ in range(5):
        bench.wait(1.5)
        bench.write(704, "WSetEna", 1)
    assert bench.power_w == pytest.approx((9_000 - 90) / 1.03)
    bench.wait(2.1)
    assert bench.generated_w == 0


@pytest.mark.parametrize(("after", "power_w"), [("ENABLED", -(5_000 + 90) / 0.97), ("DISABLED", 0.0)])
def test_what_it_reverts_to_is_a_setting(after: str, power_w: float) -> None:
    bench = armed(9_000)
    bench.write(704, "WSetRvrt", *watts(5_000))
    bench.write(704, "WSetEnaRvrt", int(after == "ENABLED"))
    bench.wait(2.1)
    assert (bench.generated_w, bench.unit.get(704, "WSetEna")) == (5_000, after)
    assert bench.power_w == pytest.approx(power_w)


def test_without_a_time_nothing_reverts() -> None:
    bench = armed(9_000, revert_s=0)
    bench.wait(10)
    assert bench.generated_w == 9_000


def test_the_block_has_a_watchdog_of_its_own() -> None:
    bench = armed(9_000)
    bench.now += INVERTER_WATCHDOG_S + 0.05
    bench.write(704, "WSetEna", 1)  # no sign of life for the block
    assert bench.plant.model.faults == {InverterFault.WATCHDOG}


def test_reactive_power_and_the_limit_in_per_cent() -> None:
    bench = armed(9_000)
    bench.write(704, "VarSet", *watts(-4_000))
    bench.write(704, "VarSetEna", 1)
    assert bench.plant.inputs.setpoint.reactive_var == 4_000
    bench.write(704, "WMaxLimPctEna", 1, 10)
    assert bench.power_w == pytest.approx(-(3_000 + 90) / 0.97)
    bench.write(704, "WMaxLimPctEna", 0)
    bench.write(702, "WDisChaRteMax", 2_000)
    assert bench.power_w == pytest.approx(-(2_000 + 90) / 0.97)
    bench.write(704, "WSetMod", 0)
    bench.write(704, "WSetPct", -50)
    assert bench.power_w == pytest.approx((15_000 - 90) / 1.03)


def test_without_permission_it_is_off() -> None:
    bench = armed(9_000)
    bench.write(703, "ES", 0)
    modes = [bench.plant.inputs.setpoint.mode]
    bench.write(703, "ES", 1)
    assert [*modes, bench.plant.inputs.setpoint.mode] == [InverterMode.OFF, InverterMode.POWER]


@pytest.mark.parametrize(
    ("point", "words", "code"),
    [
        ("701.W", [0], ILLEGAL_ADDRESS),  # a measurement
        ("704.WSet_SF", [0], ILLEGAL_ADDRESS),
        ("704.WSet", [0], ILLEGAL_ADDRESS),  # half of it
        ("704.WSetRvrtTms", [0, 2, 0, 1], ILLEGAL_ADDRESS),  # the remaining time cannot be written
        ("704.WSetEna", [7], ILLEGAL_VALUE),
        ("704.WSetEna", [0xFFFF], ILLEGAL_VALUE),  # not implemented is no value to write
        ("704.WSet", watts(30_001), ILLEGAL_VALUE),
        ("704.WSet", watts(-30_001), ILLEGAL_VALUE),
        ("704.VarSetRvrt", watts(10_001), ILLEGAL_VALUE),
        ("702.WMax", [30_001], ILLEGAL_VALUE),
        ("702.VMax", [4000], ILLEGAL_VALUE),  # not adjustable
        ("705.Crv[1].ActPt", [2], ILLEGAL_VALUE),  # the curve in force
    ],
)
def test_a_refused_write_changes_nothing(point: str, words: Sequence[int], code: int) -> None:
    bench = Bench()
    number, _, path = point.partition(".")
    before = bench.unit.get(int(number), path)
    assert bench.refusal(Table.HOLDING, bench.address(int(number), path), words) == code
    assert bench.unit.get(int(number), path) == before


def test_reads_begin_and_end_with_points() -> None:
    bench = Bench()
    wset = bench.address(704, "WSet")
    assert bench.unit.read(Table.HOLDING, 40_000, 2) == [0x5375, 0x6E53]
    assert bench.unit.read(Table.HOLDING, wset, 2) == [0, 0]
    for address, count in ((wset + 1, 1), (wset, 1), (39_999, 2), (42_000, 1)):
        with pytest.raises(ModbusException):
            bench.unit.read(Table.HOLDING, address, count)


def test_a_curve_is_adopted_after_a_while() -> None:
    bench = Bench()
    bench.write(705, "Crv[2].ActPt", 2)
    for path, value in (("Pt[1].V", 900), ("Pt[1].Var", 300), ("Pt[2].V", 1100), ("Pt[2].Var", -300)):
        bench.write(705, f"Crv[2].{path}", value)
    bench.write(705, "AdptCrvReq", 2)
    assert bench.unit.get(705, "AdptCrvRslt") == "IN_PROGRESS"
    bench.now += ADOPTING_S
    bench.device.advance()
    assert bench.unit.get(705, "AdptCrvRslt") == "COMPLETED"
    assert (bench.unit.get(705, "Crv[1].ActPt"), bench.unit.get(705, "Crv[1].Pt[2].Var")) == (2, -30)
    bench.write(705, "AdptCrvReq", 3)
    bench.now += ADOPTING_S
    bench.device.advance()
    assert bench.unit.get(705, "AdptCrvRslt") == "FAILED"


def test_a_derated_inverter_says_by_how_much() -> None:
    bench = armed(9_000)
    bench.plant.model.temperature_c = 80
    bench.wait(0.01)
    bench.unit.read(Table.HOLDING, 40_000, 2)  # the device measures when it is read
    assert bench.unit.get(701, "InvSt") == "THROTTLED"
    assert bench.unit.get(701, "ThrotPct") == 50
    assert bench.unit.get(701, "ThrotSrc") == frozenset({"DERATED"})
