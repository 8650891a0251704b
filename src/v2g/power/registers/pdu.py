"""Requests and answers of Modbus as octets, whatever carries them (application protocol 1.1b3, section 6)."""

import struct
from collections.abc import Sequence

from v2g.power.registers.port import Table

LARGEST = 253
"""Octets of a request or an answer."""
_FAILED = 0x80
"""Set in the function of an answer that carries an exception."""
_READ = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
_READS_BITS, _READS = (1, 2), (1, 2, 3, 4)
_WRITE_COIL, _WRITE_COILS, _WRITE_REGISTERS = 5, 15, 16
_SHORT = struct.Struct(">BHH")


class ModbusException(Exception):
    """The device answered with an exception."""

    def __init__(self, code: int) -> None:
        super().__init__(EXCEPTIONS.get(code, f"exception {code}"))
        self.code = code


class NotAsked(ConnectionError):
    """A request has not been sent: an answer could be that to an earlier one."""


EXCEPTIONS = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    6: "device busy",
    10: "gateway path unavailable",
    11: "no such unit",
}


def read(table: Table, address: int, count: int) -> bytes:
    """The request for `count` words or bits."""
    return _SHORT.pack(_READ[table], address, count)


def write(table: Table, address: int, words: Sequence[int]) -> bytes:
    """The request to write words or bits: one coil by its own function, which more devices know."""
    count = len(words)
    if table is not Table.COIL:
        return struct.pack(f">BHHB{count}H", _WRITE_REGISTERS, address, count, 2 * count, *words)
    if count == 1:
        return _SHORT.pack(_WRITE_COIL, address, 0xFF00 if words[0] else 0)
    bits = sum(bool(word) << place for place, word in enumerate(words))
    size = (count + 7) // 8
    return struct.pack(">BHHB", _WRITE_COILS, address, count, size) + bits.to_bytes(size, "little")


def likeness(request: bytes) -> tuple[int, int] | None:
    """What an answer shows of the read that it belongs to: function and octets, not the address. None for a write, of
    which the answer repeats the address."""
    if request[0] not in _READS:
        return None
    return request[0], _octets(request)


def _octets(request: bytes) -> int:
    count = int.from_bytes(request[3:5])
    return (count + 7) // 8 if request[0] in _READS_BITS else 2 * count


def result(request: bytes, answer: bytes) -> list[int]:
    """The words or bits that a request has read; nothing after a write.

    Raises `ModbusException`, and `ValueError` for what is no answer to this request.
    """
    function = request[0]
    if answer[0] == function | _FAILED and len(answer) == 2:
        raise ModbusException(answer[1])
    if answer[0] != function:
        raise ValueError(f"an answer to function {answer[0]} instead of {function}")
    if function not in _READS:
        if answer[1:] != request[1:5]:
            raise ValueError("an answer to another write")
        return []
    count, data, size = int.from_bytes(request[3:5]), answer[2:], _octets(request)
    if len(data) != size or answer[1] != size:
        raise ValueError(f"an answer with {len(data)} octets instead of {size}")
    if function in _READS_BITS:
        bits = int.from_bytes(data, "little")
        return [bits >> place & 1 for place in range(count)]
    return list(struct.unpack(f">{count}H", data))
