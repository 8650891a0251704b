"""A simulated SunSpec device: the models' registers, answered and refused as real devices do.

A read must begin and end with a point, a write must be of whole points that can be written, numbers and codes must be
such that the device knows them: anything else is an exception response.
"""

from collections.abc import Callable, Sequence

from v2g.bench.sim.modbus_server import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Device, ModbusException
from v2g.power.registers.port import Table
from v2g.power.sunspec.image import Image, Model, NoSuchRegister, Values


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
        self._image = image = Image(models, base=base)
        self._measure, self._obey, self._beyond = measure, obey, beyond
        self.get, self.number, self.set = image.get, image.number, image.set
        self.paths, self.path_at = image.paths, image.path_at

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """The words of whole points."""
        if table is not Table.HOLDING or address not in self._image:
            return self._beyond.read(table, address, count)
        if not {address, address + count} <= self._image.borders:
            raise ModbusException(ILLEGAL_ADDRESS)
        self._measure()
        return self._image.read(address, count)

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        """Takes the words of whole points of one model."""
        if table is not Table.HOLDING or address not in self._image:
            self._beyond.write(table, address, words)
            return
        try:
            number, written = self._image.covered(address, len(words))
        except NoSuchRegister as error:
            raise ModbusException(ILLEGAL_ADDRESS) from error
        self._measure()
        before = self._image.copy()
        self._image.put(address, words)
        try:
            self._obey(number, {place.path: self.get(number, place.path) for place in written})
        except ValueError as error:
            self._image.restore(before)
            raise ModbusException(ILLEGAL_VALUE) from error
