"""A SunSpec device behind its registers: finds its models, reads and writes their points in their units.

The models follow each other from the marker `SunS` on, each with its number ID and its length L, to the end model
0xFFFF. Every read of a model begins with its ID and L, so that a device whose models have moved (another firmware, say)
is found out, and brings the scale factors that its points need, because a device may change them while it runs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from v2g.power.errors import Implausible, PowerError, ReadBackMismatch, Refused, Unreachable
from v2g.power.registers.map import LARGEST_READ
from v2g.power.registers.port import Registers, Table
from v2g.power.sunspec.model import HEAD, Place, Value, counts, places

BASES = (40_000, 0, 50_000)
"""Where the marker may be, in the order in which it is looked for."""
MARKER = (0x5375, 0x6E53)
END = 0xFFFF
_MOST_MODELS = 200


@dataclass(frozen=True, slots=True)
class Block:
    """Where a model is in the device."""

    address: int
    """Of its ID."""
    length: int
    """Registers after ID and L."""


class SunSpecDevice:
    """The models of one device. Of several with the same number it knows the first."""

    def __init__(self, registers: Registers) -> None:
        self.registers = registers
        self._models: dict[int, Block] | None = None
        self._places: dict[int, dict[str, Place]] = {}
        self._exponents: dict[int, dict[str, int]] = {}
        self.oddity = ""
        """What is wrong with the device and does not matter, for the log."""
        self._holed: set[int] = set()
        """Models in which the device has no registers between those of the points that it implements."""
        self._checked: set[int] = set()
        """Models that have been where they were found since the device was last lost."""

    async def models(self) -> Mapping[int, Block]:
        """Where the device has which model; looked for once. Raises `PowerError`."""
        if self._models is None:
            self._models = await self._discover()
        return self._models

    async def read(self, number: int, *paths: str) -> dict[str, Value]:
        """Points of model `number` by their paths, all of them where none is named.

        Raises `PowerError`: `Refused` for a model or point that the device does not have, `Implausible` for a value
        that the point cannot have.
        """
        known = await self._layout(number)
        wanted = [self._place(number, known, path) for path in paths] or list(known.values())
        words = await self._words(number, [*wanted, *_scales(wanted, known)])
        self._exponents.setdefault(number, {}).update(self._scale_factors(number, wanted, known, words))
        return {place.path: self._decode(number, place, words) for place in wanted}

    async def write(self, number: int, values: Mapping[str, Value]) -> None:
        """Writes points of model `number`, neighbours in one request, each clipped to its registers.

        Raises `PowerError`: `Refused` for a point that there is not or that cannot be written.
        """
        known = await self._layout(number)
        chosen = sorted((self._place(number, known, path) for path in values), key=lambda place: place.offset)
        scales = {place.path for place in _scales(chosen, known)}
        if number not in self._checked or not scales <= self._exponents.get(number, {}).keys():
            await self.read(number, *values)
        address = (await self.models())[number].address
        runs: list[tuple[int, list[int]]] = []
        for place in chosen:
            if not place.point.writable:
                raise self._refused(number, place.path, "cannot be written")
            try:
                words = place.point.encode(values[place.path], self._exponent(number, place))
            except ValueError as error:
                raise self._refused(number, place.path, str(error)) from error
            if runs and runs[-1][0] + len(runs[-1][1]) == place.offset:
                runs[-1][1].extend(words)
            else:
                runs.append((place.offset, words))
        for offset, words in runs:
            try:
                await self.registers.write(Table.HOLDING, address + offset, words)
            except Unreachable:
                self._checked.clear()
                raise

    async def hold(self, number: int, values: Mapping[str, Value]) -> bool:
        """Makes the device hold `values`: writes those that differ, and reads them back. Returns whether it wrote.

        For settings, which a device may keep in memory that wears out. Raises `PowerError`; `ReadBackMismatch` when the
        device holds something else afterwards.
        """
        held = await self.read(number, *values)
        different = {path: value for path, value in values.items() if not self.same(number, path, held[path], value)}
        if different:
            await self.write(number, different)
            self.expect(number, different, await self.read(number, *different))
        return bool(different)

    def same(self, number: int, path: str, held: Value, wanted: Value) -> bool:
        """Whether both are the same in the point's registers, which have a resolution. The point has been read."""
        place = self._places[number][path]
        exponent = self._exponent(number, place)
        try:
            return place.point.encode(held, exponent) == place.point.encode(wanted, exponent)
        except ValueError as error:
            raise self._refused(number, path, str(error)) from error

    def resolution(self, number: int, path: str) -> float:
        """The smallest step of a number. The point has been read."""
        return float(10.0 ** self._exponent(number, self._places[number][path]))

    def writable(self, number: int, path: str) -> bool:
        """Whether the point is one that can be written. The model has been read."""
        return self._places[number][path].point.writable

    def expect(self, number: int, wanted: Mapping[str, Value], held: Mapping[str, Value]) -> None:
        """Raises `ReadBackMismatch` unless the device holds what is wanted."""
        findings = [
            f"{number}.{path} is {_shown(held[path])} instead of {_shown(value)}"
            for path, value in wanted.items()
            if not self.same(number, path, held[path], value)
        ]
        if findings:
            raise self.mismatch(findings)

    def mismatch(self, findings: Iterable[str]) -> ReadBackMismatch:
        """The error of a device that holds something else."""
        remedy = "check that no other controller writes to it, and that it implements these points"
        return ReadBackMismatch(self.registers.device, self.registers.address, ", ".join(findings), remedy)

    def implausible(self, reason: str, remedy: str = "check the device and its firmware") -> Implausible:
        """The error of a value that cannot be."""
        return Implausible(self.registers.device, self.registers.address, reason, remedy)

    async def _discover(self) -> dict[int, Block]:
        for base in BASES:
            try:
                marker = await self.registers.read(Table.HOLDING, base, len(MARKER))
            except Refused:
                continue
            if tuple(marker) == MARKER:
                return await self._walk(base + len(MARKER))
        places_looked = ", ".join(map(str, BASES))
        raise self.implausible(
            f"no SunSpec marker in the holding registers {places_looked}", "check address, unit and driver"
        )

    async def _walk(self, address: int) -> dict[int, Block]:
        """The models from `address` on. Whatever stands in the place of the end model ends the chain: what has been
        read up to there is sound."""
        found: dict[int, Block] = {}
        for _ in range(_MOST_MODELS):
            number, length = await self._head(address)
            if (number, length) == (END, 0):
                return found
            if number in (END, 0, None) or length is None or address + HEAD + length > 0x10000:
                break
            found.setdefault(number, Block(address, length))
            address += HEAD + length
        else:
            raise self.implausible(f"the chain of its models has no end before register {address}")
        if not found:
            raise self.implausible(f"there is no model at register {address}, after the marker")
        words = [f"{word:04X}" for word in (number, length) if word is not None]
        seen = " ".join(words) or "no such register"
        models = ", ".join(map(str, found))
        self.oddity = f"its end model FFFF 0000 is missing at register {address} ({seen}); it has the models {models}"
        return found

    async def _head(self, address: int) -> tuple[int | None, int | None]:
        """ID and L of a model; None for a register that there is not. Some devices have no L after the last ID."""
        for count in (HEAD, 1):
            if address + count > 0x10000:
                continue
            try:
                words = await self.registers.read(Table.HOLDING, address, count)
            except Refused as error:
                if not error.no_such_place:
                    raise
            else:
                return words[0], words[1] if count == HEAD else None
        return None, None

    async def _layout(self, number: int) -> dict[str, Place]:
        """Where the model's points are in this device, which says how often its groups repeat."""
        if number not in self._places:
            block = (await self.models()).get(number)
            if block is None:
                raise self._refused(number, "", "is not in the device")
            try:
                fixed = places(number, {})
            except FileNotFoundError as error:
                raise self._refused(number, "", "has no layout here") from error
            counting = [place for place in fixed if place.path in counts(number)]
            words = await self._words(number, counting) if counting else {}
            values = {place.path: self._decode(number, place, words) for place in counting}
            sizes = {path: int(count) for path, count in values.items() if isinstance(count, float)}
            laid = places(number, sizes) if prod(sizes.values()) <= block.length else fixed
            if prod(sizes.values()) > block.length or laid[-1].end > HEAD + block.length:
                stated = ", ".join(f"{path} {count}" for path, count in sizes.items()) or "its points"
                raise self.implausible(f"model {number} has {block.length} registers, too few for {stated}")
            self._places[number] = {place.path: place for place in laid}
        return self._places[number]

    def _place(self, number: int, known: Mapping[str, Place], path: str) -> Place:
        if path not in known:
            raise self._refused(number, path, "is not in the device")
        return known[path]

    async def _words(self, number: int, wanted: Iterable[Place]) -> dict[int, int]:
        """The registers of the places, by their offset: in few requests, none of which cuts a point.

        A device that refuses registers between the points is read point by point from then on; a point that it refuses
        is one that it does not implement.
        """
        chosen = sorted(wanted, key=lambda place: place.offset)
        if number not in self._holed:
            try:
                return await self._read_spans(number, _spans(chosen))
            except Refused as error:
                if not error.no_such_place:
                    raise
        words = await self._read_spans(number, [(0, HEAD)])
        for place in chosen:
            try:
                words |= await self._read_spans(number, [(place.offset, place.end)])
            except Refused as error:
                if not error.no_such_place:
                    raise
                words |= dict(enumerate(place.point.encode(None), place.offset))
        self._holed.add(number)
        return words

    async def _read_spans(self, number: int, spans: Iterable[tuple[int, int]]) -> dict[int, int]:
        block = (await self.models())[number]
        words: dict[int, int] = {}
        for start, end in spans:
            try:
                read = await self.registers.read(Table.HOLDING, block.address + start, end - start)
            except Unreachable:
                self._checked.clear()
                raise
            words.update(enumerate(read, start))
            if start == 0 and (words[0], words[1]) != (number, block.length):
                self._models, self._places, self._exponents = None, {}, {}
                self._checked.clear()
                self._holed.clear()
                raise self.implausible(
                    f"model {number} is no longer at register {block.address}", "the driver looks for it again"
                )
        self._checked.add(number)
        return words

    def _scale_factors(
        self, number: int, wanted: list[Place], known: Mapping[str, Place], words: Mapping[int, int]
    ) -> dict[str, int]:
        factors = {place.path: self._decode(number, place, words) for place in _scales(wanted, known)}
        return {path: int(factor) if isinstance(factor, float) else 0 for path, factor in factors.items()}

    def _decode(self, number: int, place: Place, words: Mapping[int, int]) -> Value:
        registers = [words[offset] for offset in range(place.offset, place.end)]
        try:
            return place.point.decode(registers, self._exponent(number, place))
        except ValueError as error:
            raise self.implausible(f"{number}.{place.path}: {error}") from error

    def _exponent(self, number: int, place: Place) -> int:
        return self._exponents.get(number, {}).get(place.point.scale or "", 0)

    def _refused(self, number: int, path: str, reason: str) -> PowerError:
        what = f"point {number}.{path}" if path else f"model {number}"
        remedy = "ask its manufacturer for the SunSpec models that it implements"
        return Refused(self.registers.device, self.registers.address, f"{what} {reason}", remedy)


def _spans(chosen: Iterable[Place]) -> list[tuple[int, int]]:
    """Blocks that cover ID, L and the places, which are in the order of their registers."""
    spans = [(0, HEAD)]
    for place in chosen:
        start, end = spans[-1]
        if place.end - start <= LARGEST_READ:
            spans[-1] = start, max(end, place.end)
        else:
            spans.append((place.offset, place.end))
    return spans


def _scales(wanted: Iterable[Place], known: Mapping[str, Place]) -> list[Place]:
    names = {place.point.scale for place in wanted if place.point.scale}
    return [known[name] for name in sorted(names)]


def _shown(value: Value) -> str:
    return "not implemented" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
