"""Finding the models of a SunSpec device, reading and writing their points: sound devices and broken ones."""

from collections.abc import Sequence

import pytest
from tests.contract.bench import until
from tests.power.sunspec_bench import END, MARKER, Words, chain, on_device

from v2g.bench.sim.modbus_server import ILLEGAL_ADDRESS, ModbusException
from v2g.power.errors import Implausible, PowerError, ReadBackMismatch, Refused
from v2g.power.registers.port import Registers, Table
from v2g.power.sunspec.device import Block, SunSpecDevice

ABSENT = 0xFFFF
STORAGE = [6000, ABSENT, 500, 1000, 0, 1, 0xFFFF]  # 60 kWh, 50 %, WH_SF 1, Pct_SF -1
ENTER = [1, 1050, 917, 0, 50_100, 0, 49_500, 0, 300, 0, 0, 0, 60, 0, 0, 0xFFFF, 0xFFFD]
COMMON = [0x7632, 0x6700, *[0] * 64]


@pytest.mark.parametrize("base", [0, 40_000, 50_000])
def test_the_models_are_found_wherever_the_marker_is(base: int) -> None:
    device = Words(chain({1: COMMON, 64_001: [7, 7], 713: STORAGE}), base)

    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)
        assert await sunspec.models() == {
            1: Block(base + 2, 66),
            64_001: Block(base + 70, 2),
            713: Block(base + 74, 7),
        }
        asked = len(device.reads)
        assert (await sunspec.read(1, "Mn"))["Mn"] == "v2g"
        assert len(device.reads) == asked + 1

    on_device(device, test)


def test_values_are_scaled_and_what_is_not_implemented_is_none() -> None:
    async def test(registers: Registers) -> None:
        values = await SunSpecDevice(registers).read(713)
        assert values == {
            "WHRtg": 60_000,
            "WHAvail": None,
            "SoC": 50,
            "SoH": 100,
            "Sta": "OK",
            "WH_SF": 1,
            "Pct_SF": -1,
        }

    on_device(Words(chain({713: STORAGE})), test)


def test_a_scale_factor_may_change_while_the_device_runs() -> None:
    device = Words(chain({713: STORAGE}))

    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)
        assert (await sunspec.read(713, "SoC"))["SoC"] == 50
        device.memory |= {40_006: 5000, 40_010: 0xFFFE}
        assert (await sunspec.read(713, "SoC"))["SoC"] == 50

    on_device(device, test)


@pytest.mark.parametrize(
    ("number", "words", "finding"),
    [
        (713, [], "no SunSpec marker in the holding registers 40000, 0, 50000"),
        (713, [*MARKER, 1, 25_600], "there is no model at register 40002, after the marker"),
        (713, MARKER, "there is no model at register 40002, after the marker"),
        (713, [*MARKER, *[1, 0] * 300], "the chain of its models has no end"),
        (713, chain({713: STORAGE[:5]}), "model 713 has 5 registers, too few for its points"),
        (
            705,
            chain({705: [0, 1, 1, 4, 60_000, *[0] * 40]}),
            "model 705 has 45 registers, too few for NPt 4, NCrv 60000",
        ),
        (713, chain({713: [*STORAGE[:4], 7, 1, 1]}), "713.Sta: unknown code 7"),
        (713, chain({713: [*STORAGE[:5], 77, 1]}), "713.WH_SF: a scale factor is within -10 to 10, not 77"),
    ],
)
def test_what_cannot_be_is_implausible(number: int, words: list[int], finding: str) -> None:
    async def test(registers: Registers) -> None:
        with pytest.raises(Implausible, match=finding):
            await SunSpecDevice(registers).read(number)

    on_device(Words(words), test)


@pytest.mark.parametrize(
    ("number", "path", "finding"),
    [
        (704, "WSet", "model 704 is not in the device"),
        (64_001, "X", "model 64001 has no layout here"),
        (713, "Soc", "point 713.Soc is not in the device"),
    ],
)
def test_what_the_device_does_not_have_is_refused(number: int, path: str, finding: str) -> None:
    async def test(registers: Registers) -> None:
        with pytest.raises(Refused, match=finding):
            await SunSpecDevice(registers).read(number, path)

    on_device(Words(chain({713: STORAGE, 64_001: [7]})), test)


def test_models_that_have_moved_are_looked_for_again() -> None:
    device = Words(chain({713: STORAGE}) + [0] * 70)

    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)
        await sunspec.read(713, "SoC")
        device.memory |= dict(enumerate(chain({1: COMMON, 713: STORAGE}), 40_000))
        with pytest.raises(Implausible, match="model 713 is no longer at register 40002"):
            await sunspec.read(713, "SoC")
        assert (await sunspec.read(713, "SoC"))["SoC"] == 50

    on_device(device, test)


def test_neighbours_are_written_at_once_and_only_points_that_can_be() -> None:
    device = Words(chain({703: ENTER}))

    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)
        await sunspec.write(703, {"ESHzLo": 49.0, "ESVHi": 110.0, "ESHzHi": 50.5, "ESDlyTms": 60.0})
        assert device.writes == [(40_005, [1100]), (40_007, [0, 50_500, 0, 49_000, 0, 60])]
        with pytest.raises(Refused, match=r"point 703\.V_SF cannot be written"):
            await sunspec.write(703, {"V_SF": 0.0})
        with pytest.raises(Refused, match="ES knows no 'ON', only DISABLED, ENABLED"):
            await sunspec.write(703, {"ES": "ON"})
        assert len(device.writes) == 2

    on_device(device, test)


def test_settings_are_written_only_where_they_differ() -> None:
    device = Words(chain({703: ENTER}))

    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)
        assert not await sunspec.hold(703, {"ES": "ENABLED", "ESVHi": 105.04, "ESHzHi": 50.1})
        assert device.writes == []
        assert await sunspec.hold(703, {"ES": "DISABLED", "ESVHi": 105.0})
        assert device.writes == [(40_004, [0])]

    on_device(device, test)


def test_a_device_that_does_not_hold_a_setting_is_found() -> None:
    class Deaf(Words):
        def write(self, table: Table, address: int, words: Sequence[int]) -> None:
            """Acknowledges and forgets."""

    async def test(registers: Registers) -> None:
        with pytest.raises(ReadBackMismatch, match=r"703\.ESVHi is 105 instead of 110"):
            await SunSpecDevice(registers).hold(703, {"ESVHi": 110.0})

    on_device(Deaf(chain({703: ENTER})), test)


def test_after_a_loss_a_write_first_looks_whether_the_model_is_still_there() -> None:
    class Crashing(Words):
        def write(self, table: Table, address: int, words: Sequence[int]) -> None:
            if self.writes:
                raise ConnectionAbortedError
            super().write(table, address, words)

    device = Crashing(chain({703: ENTER}))

    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)

        async def written() -> str | None:
            try:
                await sunspec.write(703, {"ES": "DISABLED"})
            except PowerError as error:
                return error.reason
            return None

        assert await written() is None
        asked = len(device.reads)
        assert "closed the connection" in str(await written())
        assert len(device.reads) == asked  # as long as nothing was lost there is no need to look
        device.memory |= dict(enumerate([*MARKER, *END], 40_000))
        await until(written, lambda reason: "model 703 is no longer at register 40002" in str(reason), 1.0)

    on_device(device, test)


@pytest.mark.parametrize(
    ("end", "seen"),
    [
        ([0xFFFF], "FFFF"),
        ([], "no such register"),
        ([0], "0000"),
        ([0] * 60, "0000 0000"),
        ([0xFFFF, 0xFFFF], "FFFF FFFF"),
        ([17, 40_000], "0011 9C40"),
    ],
)
def test_a_missing_end_model_ends_the_chain_and_is_said(end: list[int], seen: str) -> None:
    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)
        assert sorted(await sunspec.models()) == [1, 713]
        assert (await sunspec.read(713, "SoC"))["SoC"] == 50
        assert sunspec.oddity == (
            f"its end model FFFF 0000 is missing at register 40079 ({seen}); it has the models 1, 713"
        )

    on_device(Words(chain({1: COMMON, 713: STORAGE})[: -len(END)] + end), test)


def test_a_sound_chain_has_no_oddity() -> None:
    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)
        await sunspec.models()
        assert sunspec.oddity == ""

    on_device(Words(chain({713: STORAGE})), test)


class Busy(Words):
    """A device that is busy for its first answers."""

    busy = 3

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        if address > 40_002 and self.busy:
            self.busy -= 1
            raise ModbusException(6)
        return super().read(table, address, count)


def test_a_device_that_is_busy_is_no_device_without_models() -> None:
    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)
        for _ in range(3):
            with pytest.raises(Refused, match="device busy"):
                await sunspec.models()
        assert sorted(await sunspec.models()) == [1, 713]
        assert sunspec.oddity == ""

    on_device(Busy(chain({1: COMMON, 713: STORAGE})), test)


class Holed(Words):
    """A device that refuses every request in which one of these registers is."""

    holes = frozenset({40_005, 40_007})

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        if self.holes & set(range(address, address + count)):
            raise ModbusException(ILLEGAL_ADDRESS)
        return super().read(table, address, count)


def test_points_that_are_refused_are_not_implemented_and_no_other_suffers() -> None:
    device = Holed(chain({713: STORAGE}))

    async def test(registers: Registers) -> None:
        sunspec = SunSpecDevice(registers)
        values = {"WHRtg": 60_000, "WHAvail": None, "SoC": 50, "SoH": None, "Sta": "OK", "WH_SF": 1, "Pct_SF": -1}
        assert await sunspec.read(713) == values
        assert await sunspec.read(713) == values

    on_device(device, test)
