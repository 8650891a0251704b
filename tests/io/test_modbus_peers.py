"""Client and simulated server of Modbus against pymodbus, which neither of them uses."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import (
    ReadCoilsResponse,
    ReadDiscreteInputsResponse,
    WriteMultipleCoilsResponse,
    WriteSingleCoilResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
    WriteMultipleRegistersResponse,
)

from v2g.bench.sim.modbus_server import ILLEGAL_ADDRESS, ModbusException, answer
from v2g.io.modbus_serial import answer_in, check_sum
from v2g.power.registers import pdu
from v2g.power.registers.port import Table

READ = {
    Table.COIL: (1, ReadCoilsResponse),
    Table.DISCRETE: (2, ReadDiscreteInputsResponse),
    Table.HOLDING: (3, ReadHoldingRegistersResponse),
    Table.INPUT: (4, ReadInputRegistersResponse),
}
BITS = (Table.COIL, Table.DISCRETE)
ADDRESSES = st.integers(0, 0xFFFF - 125)
WORDS = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=120)


def words_of(table: Table, drawn: Sequence[int]) -> list[int]:
    return [word & 1 for word in drawn] if table in BITS else list(drawn)


class Memory:
    """A unit that answers with what it holds."""

    def __init__(self, words: Sequence[int] = ()) -> None:
        self.words, self.written = list(words), (Table.INPUT, -1)

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        if count > len(self.words):
            raise ModbusException(ILLEGAL_ADDRESS)
        return self.words[:count]

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        self.words, self.written = list(words), (table, address)


@given(st.sampled_from(list(Table)), ADDRESSES, WORDS)
def test_what_is_read(table: Table, address: int, drawn: list[int]) -> None:
    words, (function, response) = words_of(table, drawn), READ[table]
    request = pdu.read(table, address, len(words))
    seen = DecodePDU(is_server=True).decode(request)
    assert seen is not None
    assert (seen.function_code, seen.address, seen.count) == (function, address, len(words))
    theirs = response(registers=words) if table not in BITS else response(bits=[bool(word) for word in words])
    assert pdu.result(request, bytes([function]) + theirs.encode()) == words
    simulated = DecodePDU(is_server=False).decode(answer(Memory(words), request))
    assert simulated is not None
    assert [int(each) for each in (simulated.bits if table in BITS else simulated.registers)][: len(words)] == words


@given(st.sampled_from([Table.COIL, Table.HOLDING]), ADDRESSES, WORDS)
def test_what_is_written(table: Table, address: int, drawn: list[int]) -> None:
    words, memory = words_of(table, drawn), Memory()
    request = pdu.write(table, address, words)
    seen = DecodePDU(is_server=True).decode(request)
    assert seen is not None
    assert seen.address == address
    assert [int(each) for each in (seen.bits if table is Table.COIL else seen.registers)][: len(words)] == words
    if table is Table.HOLDING:
        theirs = WriteMultipleRegistersResponse(address=address, count=len(words)).encode()
    elif len(words) == 1:
        theirs = WriteSingleCoilResponse(address=address, bits=[bool(words[0])]).encode()
    else:
        theirs = WriteMultipleCoilsResponse(address=address, count=len(words)).encode()
    assert pdu.result(request, request[:1] + theirs) == []
    assert pdu.result(request, answer(memory, request)) == []
    assert (memory.words, memory.written) == (words, (table, address))


def test_an_exception() -> None:
    refused = answer(Memory(), pdu.read(Table.INPUT, 0, 1))
    seen = DecodePDU(is_server=False).decode(refused)
    assert seen is not None
    assert seen.exception_code == ILLEGAL_ADDRESS
    with pytest.raises(pdu.ModbusException, match="illegal address"):
        pdu.result(pdu.read(Table.INPUT, 0, 1), refused)


@pytest.mark.parametrize(
    ("request_pdu", "given"),
    [
        (pdu.read(Table.INPUT, 0, 2), "03 04 0001 0002"),
        (pdu.read(Table.INPUT, 0, 2), "04 04 0001"),
        (pdu.read(Table.INPUT, 0, 2), "04 02 0001"),
        (pdu.read(Table.INPUT, 0, 2), "84"),
        (pdu.read(Table.COIL, 0, 9), "01 01 ff"),
        (pdu.write(Table.COIL, 0, [1]), "05 0000 0000"),
        (pdu.write(Table.COIL, 0, [1]), "05 0001 ff00"),
        (pdu.write(Table.HOLDING, 0, [1]), "10 0000 0002"),
        (pdu.write(Table.HOLDING, 0, [1]), "10"),
    ],
)
def test_what_is_no_answer_to_a_request(request_pdu: bytes, given: str) -> None:
    with pytest.raises(ValueError, match="an answer"):
        pdu.result(request_pdu, bytes.fromhex(given))


@given(st.binary(max_size=60))
def test_the_check_sum(data: bytes) -> None:
    assert check_sum(data) == FramerRTU.compute_CRC(data).to_bytes(2)


@given(st.binary(max_size=3).filter(lambda noise: 3 not in noise), WORDS)
def test_an_answer_on_a_line_is_found_when_it_is_whole(noise: bytes, words: list[int]) -> None:
    said = bytes([4]) + ReadInputRegistersResponse(registers=words).encode()
    frame = bytes([3]) + said
    frame += FramerRTU.compute_CRC(frame).to_bytes(2)
    assert answer_in(noise + frame[:-1], 3, 4) is None
    assert answer_in(noise + frame, 3, 4) == said
    assert answer_in(noise + frame, 5, 4) is None
