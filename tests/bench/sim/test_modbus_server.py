"""The Modbus server of the simulated devices: known requests, exceptions, broken frames."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serving import serving

from v2g.bench.sim.modbus_server import Unit, answer, listen
from v2g.power.quantity import Value
from v2g.power.registers.map import parse

MAP = parse(
    """
quantities:
  mode: {address: 0, type: u16, values: {0: "off", 1: "on"}}
  limit_w: {address: 1, type: u16}
  power_w: {address: 4, type: i32, table: input}
  close: {address: 0, type: bit, table: coil}
  light: {address: 1, type: bit, table: coil}
  feedback: {address: 0, type: bit, table: discrete}
""",
    "bench.yaml",
)


class Bench:
    """A device that clips its limit to 30 kW and remembers what it obeyed."""

    def __init__(self) -> None:
        self.obeyed: Mapping[str, Value] = {}
        self.unit = Unit(MAP, lambda: {"power_w": -10_000.0, "feedback": 1.0}, self.obey)

    def obey(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        self.obeyed = values
        limit_w = values["limit_w"]
        assert isinstance(limit_w, float)
        return {"limit_w": min(limit_w, 30_000.0)}

    def answer(self, request: str) -> str:
        return answer(self.unit, bytes.fromhex(request)).hex(" ")


@pytest.mark.parametrize(
    ("request_pdu", "response_pdu"),
    [
        ("04 0004 0002", "04 04 ff ff d8 f0"),  # input registers: -10 000
        ("03 0000 0002", "03 04 00 00 00 00"),
        ("06 0001 3a98", "06 00 01 3a 98"),  # 15 000
        ("10 0000 0002 04 0001 ffff", "10 00 00 00 02"),
        ("02 0000 0001", "02 01 01"),
        ("05 0000 ff00", "05 00 00 ff 00"),
        ("0f 0000 0002 01 02", "0f 00 00 00 02"),
        ("01 0000 0002", "01 01 00"),
        ("05 0000 0001", "85 03"),  # neither on nor off
        ("04 0004 0003", "84 02"),  # ends outside the map
        ("04 0003 0002", "84 02"),  # starts outside the map
        ("06 0002 0000", "86 02"),
        ("06 0000 0007", "86 03"),  # a code without a name
        ("03 0000 0000", "83 03"),
        ("03 0000 007e", "83 03"),  # 126 registers
        ("10 0000 0002 04 0001", "90 03"),  # shorter than it says
        ("10 0000 0001 04 0001 0002", "90 03"),
        ("03 0000", "83 03"),
        ("2b 0e 01 00", "ab 01"),
    ],
)
def test_a_request_has_its_response(request_pdu: str, response_pdu: str) -> None:
    assert Bench().answer(request_pdu) == response_pdu


def test_a_write_is_obeyed_whole_and_the_clipped_value_reads_back() -> None:
    bench = Bench()
    bench.answer("10 0000 0002 04 0001 ffff")
    assert bench.obeyed["mode"] == "on"
    assert bench.answer("03 0000 0002") == "03 04 00 01 75 30"  # 30 000
    bench.answer("0f 0000 0002 01 02")
    assert (bench.obeyed["close"], bench.obeyed["light"]) == (0, 1)
    assert bench.answer("01 0000 0002") == "01 01 02"


def test_a_refused_write_leaves_everything_as_it_was() -> None:
    bench = Bench()
    bench.answer("10 0000 0002 04 0001 1388")
    assert bench.answer("10 0000 0002 04 0007 0001") == "90 03"
    assert bench.answer("03 0000 0002") == "03 04 00 01 13 88"


def test_what_is_measured_may_be_in_holding_registers_beside_what_is_commanded() -> None:
    """Many devices have all their registers in one table."""
    text = """
quantities:
  mode: {address: 0, type: u16, values: {5: "off", 6: "on"}}
  limit_w: {address: 1, type: u16}
  state: {address: 2, type: u16, values: {7: idle}}
  power_w: {address: 3, type: i16}
"""
    power_w = 10.0
    obeyed: list[Mapping[str, Value]] = []

    def obey(values: Mapping[str, Value]) -> Mapping[str, Value]:
        obeyed.append(values)
        return {}

    unit = Unit(parse(text, "holding.yaml"), lambda: {"state": "idle", "power_w": power_w}, obey)
    assert answer(unit, bytes.fromhex("03 0000 0004")).hex(" ") == "03 08 00 05 00 00 00 07 00 0a"
    power_w = 11.0
    assert answer(unit, bytes.fromhex("03 0003 0001")).hex(" ") == "03 02 00 0b"
    assert answer(unit, bytes.fromhex("06 0001 0064")).hex(" ") == "06 00 01 00 64"
    assert obeyed == [{"mode": "off", "limit_w": 100.0}]
    assert answer(unit, bytes.fromhex("06 0003 0064")).hex(" ") == "86 02"  # what is measured cannot be written


def test_an_unknown_unit_is_named_as_such() -> None:
    assert answer(None, bytes.fromhex("03 0000 0001")).hex(" ") == "83 0b"


@given(st.binary(min_size=1, max_size=260))
def test_any_request_has_a_response_of_its_function(request_pdu: bytes) -> None:
    response = answer(Bench().unit, request_pdu)
    assert response[0] & 0x7F == request_pdu[0] & 0x7F


def test_frames_are_cut_from_the_stream_and_answered_in_order() -> None:
    request = bytes.fromhex("0001 0000 0006 07 04 0004 0002")
    response = bytes.fromhex("0001 0000 0007 07 04 04 ffffd8f0")

    async def exchange() -> None:
        server, port = await listen({7: Bench().unit}, "127.0.0.1", 0)
        async with serving(server), asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request + request[:9])
            assert await reader.readexactly(len(response)) == response
            writer.write(request[9:])
            assert await reader.readexactly(len(response)) == response
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read(1) == b""  # not Modbus: the server hangs up
            writer.close()

    asyncio.run(exchange())
