"""A device behind registers: reads in blocks, writes consecutive quantities in one request."""

from collections.abc import Collection, Mapping

from v2g.power.errors import Implausible, Refused
from v2g.power.quantity import Needed, Value
from v2g.power.registers.map import RegisterMap, Span
from v2g.power.registers.port import Registers, Table


class RegisterDevice:
    """`v2g.power.mapped_device.MappedDevice` by registers and their map."""

    def __init__(self, registers: Registers, register_map: RegisterMap) -> None:
        self.registers = registers
        self.map = register_map
        self._spans: dict[tuple[str, ...], tuple[Span, ...]] = {}
        self._largest_gap: int | None = None
        """Less than the map's once the device has refused to read what no quantity is in."""

    @property
    def name(self) -> str:
        """See the port, as for all below."""
        return self.registers.device

    @property
    def address(self) -> str:
        return self.registers.address

    @property
    def source(self) -> str:
        return self.map.source

    @property
    def heartbeat_s(self) -> float:
        return self.map.heartbeat_s

    @property
    def write_interval_s(self) -> float:
        return self.map.write_interval_s

    def require(self, needed: Needed, optional: Collection[str] = ()) -> None:
        self.map.require(needed, optional)

    def has(self, name: str) -> bool:
        return name in self.map.quantities

    def resolution(self, name: str) -> float:
        return abs(self.map.quantities[name].scale)

    async def read(self, *names: str) -> dict[str, Value]:
        try:
            return await self._read(names)
        except Refused as error:
            spans = self.map.spans(names, largest_gap=0)
            if spans == self._spans[names] or not error.no_such_place:
                raise
            self._largest_gap, self._spans = 0, {names: spans}
            return await self._read(names)

    async def _read(self, names: tuple[str, ...]) -> dict[str, Value]:
        if names not in self._spans:
            self._spans[names] = self.map.spans(names, self._largest_gap)
        values: dict[str, Value] = {}
        for span in self._spans[names]:
            words = await self.registers.read(span.table, span.address, span.count)
            for name in span.names:
                quantity = self.map.quantities[name]
                start = quantity.address - span.address
                try:
                    values[name] = quantity.decode(words[start : start + quantity.count])
                except ValueError as error:
                    raise self._implausible(name, str(error)) from error
        return values

    async def write(self, values: Mapping[str, Value]) -> None:
        quantities = self.map.quantities
        runs: list[tuple[Table, int, list[int]]] = []
        for name in sorted(values, key=lambda name: (quantities[name].table, quantities[name].address)):
            quantity = quantities[name]
            try:
                words = quantity.encode(quantity.limited(values[name]))
            except ValueError as error:
                raise self._implausible(name, str(error)) from error
            if runs and runs[-1][0] is quantity.table and runs[-1][1] + len(runs[-1][2]) == quantity.address:
                runs[-1][2].extend(words)
            else:
                runs.append((quantity.table, quantity.address, words))
        for table, address, words in runs:
            await self.registers.write(table, address, words)

    def _implausible(self, name: str, reason: str) -> Implausible:
        where = f"{name} (register 0x{self.map.quantities[name].address:04X})"
        return Implausible(self.name, self.address, f"{where}: {reason}", f"check the device and {self.source}")
