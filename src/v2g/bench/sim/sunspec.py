"""A simulated SunSpec device: the models' registers, answered and refused as real devices do.

A read must begin and end with a point, a write must be of whole points that can be written, numbers and codes must be
such that the device knows them: anything else is an exception response.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from v2g.bench.sim.modbus_server import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Device, ModbusException
from v2g.power.registers.port import Table
from v2g.power.sunspec.device import END, MARKER
from v2g.power.sunspec.model import HEAD, Place, Value, counts, places

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the device with its points' first values; the other points it does not implement."""

    number: int
    values: Values


class SunSpecUnit:
    """The registers of a device's models, from `base` on; `beyond` answers for all other registers.

    `measure()` is called before each request, `obey(number, values)` with the points of a model that a write has
    changed; both may use `get` and `set`. `obey` raises `ValueError` for what the device does not accept.
    """

    def __init__(
        self,
        models: Sequence[Model],
        measure: Callable[[], None],
        obey: Callable[[int, Values], None],
        beyond: Device,
        *,
        base: int = 40_000,
    ) -> None:
        self._measure, self._obey, self._beyond = measure, obey, beyond
        self._memory: dict[int, int] = dict(enumerate(MARKER, base))
        self._at: dict[tuple[int, str], tuple[int, Place]] = {}
        self._starts: dict[int, tuple[int, Place]] = {}
        self._borders = {base}
        address = base + len(MARKER)
        for model in models:
            repeated = {path: round(float(str(model.values[path]))) for path in counts(model.number)}
            laid = places(model.number, repeated)
            self._head(address, model.number, laid[-1].end - HEAD)
            for place in laid:
                start = address + place.offset
                self._at[model.number, place.path] = start, place
                self._starts[start] = model.number, place
                self._borders.add(start)
                self._memory |= dict(enumerate(place.point.encode(None), start))
            for path in sorted(model.values, key=lambda path: not path.endswith("_SF")):  # what others are scaled by
                self.set(model.number, path, model.values[path])
            address += laid[-1].end
        self._head(address, END, 0)
        self._borders.add(address + HEAD)

    def _head(self, address: int, number: int, length: int) -> None:
        self._memory |= {address: number, address + 1: length}
        self._borders |= {address, address + 1}

    def get(self, number: int, path: str) -> Value:
        """The value of a point."""
        start, place = self._at[number, path]
        return place.point.decode(
            [self._memory[start + n] for n in range(place.point.size)], self._exponent(number, place)
        )

    def number(self, number: int, path: str) -> float:
        """The value of a point that is a number."""
        value = self.get(number, path)
        assert isinstance(value, float)
        return value

    def set(self, number: int, path: str, value: Value) -> None:
        """Changes a point, whether it can be written or not."""
        start, place = self._at[number, path]
        self._memory |= dict(enumerate(place.point.encode(value, self._exponent(number, place)), start))

    def path_at(self, address: int) -> str | None:
        """The point that begins at a register, `704.WSet`, or None."""
        number, place = self._starts.get(address, (0, None))
        return None if place is None else f"{number}.{place.path}"

    def paths(self, number: int) -> list[str]:
        """The points of a model."""
        return [path for model, path in self._at if model == number]

    def _exponent(self, number: int, place: Place) -> int:
        factor = self.get(number, place.point.scale) if place.point.scale else None
        return int(factor) if isinstance(factor, float) else 0

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """The words of whole points."""
        if table is not Table.HOLDING or address not in self._memory:
            return self._beyond.read(table, address, count)
        if not {address, address + count} <= self._borders:
            raise ModbusException(ILLEGAL_ADDRESS)
        self._measure()
        return [self._memory[address + offset] for offset in range(count)]

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        """Takes the words of whole points of one model."""
        if table is not Table.HOLDING or address not in self._memory:
            self._beyond.write(table, address, words)
            return
        numbers: set[int] = set()
        written: list[Place] = []
        offset = 0
        while offset < len(words):
            number, place = self._starts.get(address + offset, (0, None))
            if place is None or not place.point.writable or offset + place.point.size > len(words):
                raise ModbusException(ILLEGAL_ADDRESS)
            numbers.add(number)
            written.append(place)
            offset += place.point.size
        self._measure()
        before = dict(self._memory)
        self._memory |= dict(enumerate(words, address))
        (number,) = numbers
        try:
            self._obey(number, {place.path: self.get(number, place.path) for place in written})
        except ValueError as error:
            self._memory = before
            raise ModbusException(ILLEGAL_VALUE) from error
