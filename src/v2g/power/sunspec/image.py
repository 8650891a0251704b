"""The registers of a SunSpec device, from the device's side: its models one behind the other, by point or register."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from v2g.power.sunspec.device import END, MARKER
from v2g.power.sunspec.model import HEAD, Place, Value, counts, places

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the device with its points' first values; the other points it does not implement."""

    number: int
    values: Values


class NoSuchRegister(ValueError):
    """There is no such register, none that can be written, or only a part of a point."""


class Image:
    """The registers of a device's models, from `base` on to the end model."""

    def __init__(self, models: Sequence[Model], *, base: int = 40_000) -> None:
        self.base = base
        self._memory: dict[int, int] = dict(enumerate(MARKER, base))
        self._at: dict[tuple[int, str], tuple[int, Place]] = {}
        self._starts: dict[int, tuple[int, Place]] = {}
        self.borders = {base}
        """Registers at which a point begins, and the one after the end model."""
        address = base + len(MARKER)
        for model in models:
            repeated = {path: round(float(str(model.values[path]))) for path in counts(model.number)}
            laid = places(model.number, repeated)
            self._head(address, model.number, laid[-1].end - HEAD)
            for place in laid:
                start = address + place.offset
                self._at[model.number, place.path] = start, place
                self._starts[start] = model.number, place
                self.borders.add(start)
                self._memory |= dict(enumerate(place.point.encode(None), start))
            for path in sorted(model.values, key=lambda path: not path.endswith("_SF")):  # what others are scaled by
                self.set(model.number, path, model.values[path])
            address += laid[-1].end
        self._head(address, END, 0)
        self.borders.add(address + HEAD)

    def _head(self, address: int, number: int, length: int) -> None:
        self._memory |= {address: number, address + 1: length}
        self.borders |= {address, address + 1}

    def __contains__(self, address: int) -> bool:
        return address in self._memory

    def get(self, number: int, path: str) -> Value:
        """The value of a point."""
        place = self._at[number, path][1]
        return place.point.decode(self.words(number, path), self._exponent(number, place))

    def number(self, number: int, path: str) -> float:
        """The value of a point that is a number. Raises `ValueError` if it has none."""
        value = self.get(number, path)
        if not isinstance(value, float):
            raise ValueError(f"{number}.{path} has no value")
        return value

    def words(self, number: int, path: str) -> list[int]:
        """The registers of a point."""
        start, place = self._at[number, path]
        return [self._memory[start + n] for n in range(place.point.size)]

    def set(self, number: int, path: str, value: Value) -> None:
        """Changes a point, whether it can be written or not."""
        start, place = self._at[number, path]
        self._memory |= dict(enumerate(place.point.encode(value, self._exponent(number, place)), start))

    def path_at(self, address: int) -> str | None:
        """The point that begins at a register, `704.WSet`, or None."""
        number, place = self._starts.get(address, (0, None))
        return None if place is None else f"{number}.{place.path}"

    def paths(self, number: int) -> list[str]:
        """The points of a model; none if the device does not have it."""
        return [path for model, path in self._at if model == number]

    def read(self, address: int, count: int) -> list[int]:
        """The words from `address` on. Raises `NoSuchRegister`."""
        try:
            return [self._memory[address + offset] for offset in range(count)]
        except KeyError as error:
            raise NoSuchRegister(f"there is no register {error}") from error

    def covered(self, address: int, count: int) -> tuple[int, list[Place]]:
        """The points that `count` registers are, and their model: whole points of one model that can be written.

        Raises `NoSuchRegister`.
        """
        found: list[Place] = []
        number, offset = 0, 0
        while offset < count:
            number, place = self._starts.get(address + offset, (0, None))
            if place is None or not place.point.writable:
                raise NoSuchRegister(f"register {address + offset} is none that a point begins with and can be written")
            offset += place.point.size
            if offset > count:
                raise NoSuchRegister(f"a part of {number}.{place.path} only")
            found.append(place)
        return number, found

    def put(self, address: int, words: Sequence[int]) -> None:
        """Changes registers, whatever they are."""
        self._memory |= dict(enumerate(words, address))

    def copy(self) -> dict[int, int]:
        """All registers, for `restore`."""
        return dict(self._memory)

    def restore(self, memory: Mapping[int, int]) -> None:
        """All registers as they were."""
        self._memory = dict(memory)

    def _exponent(self, number: int, place: Place) -> int:
        factor = self.get(number, place.point.scale) if place.point.scale else None
        return int(factor) if isinstance(factor, float) else 0
