"""Writes the functions that read.

    def read_T(n, r):
        ...
        return T(v0, v1, ...), r

`n` is the stream as one integer, `r` how many of its bits are still to be read, `e` the number of the production that
an event code selects, `v0` and so on the fields. Bits of known width are collected in a window; it is read at once when
a bit of unknown place follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from v2g.exi.facets import Type
from v2g.exi.grammar import Binary, Boolean, Characters, End, Enumerated, Particle, Production, Simple, String, Whole
from v2g.exi.names import Names, values
from v2g.exi.plan import LARGEST, TWO_OCTETS, UNBOUNDED, Alternative, Plan, is_list, is_rare, kind, name, small

_TABLE_BITS = 9
"""One table translates at most this many variable bits."""


def reading(plan: Plan, names: Names) -> list[str]:
    """The body of the function that reads a type."""
    source = _Reading(plan, names)
    source.sequence()
    return source.lines


class _Bits(Struct, frozen=True):
    """Bits of the window: a constant, or a variable `target`, which `kind` translates unless it is None."""

    width: int
    constant: int | None = None
    target: str = ""
    kind: Boolean | Enumerated | Whole | None = None


class _Reading:
    def __init__(self, plan: Plan, names: Names) -> None:
        self.lines: list[str] = []
        self._plan = plan
        self._names = names
        self._depth = 1
        self._window: list[_Bits] = []
        self._then: list[str] = []  # to do when the window is read
        self._parts = 0

    def sequence(self) -> None:
        """All steps."""
        plan = self._plan
        self._defaults()
        state: list[Production] | None = plan.opening()  # None: its event code is read, into `e`
        for step in plan.steps:
            alternatives = step.alternatives
            if state is not None and len(state) == 1:
                self._expect(0, 1)
                state = self._field(alternatives[0])
                continue
            if state is not None:
                self._event(state)
            if step.required and len(alternatives) == 1:
                self._require(plan.numbers(alternatives[0]))
                state = self._field(alternatives[0])
                continue
            state = None
            for position, alternative in enumerate(alternatives):
                self._open(f"{'elif' if position else 'if'} {_among(plan.numbers(alternative))}:")
                after = self._field(alternative)
                if step.required:
                    state = after
                elif after is not None:
                    self._event(after)
                self._close()
            if step.required:
                self._line("else: raise ValueError")
        if state is None:
            self._line(f"if e != {plan.end}: raise ValueError")
        else:
            self._expect(state.index(End()), len(state).bit_length())
            self._flush()
        arguments = ", ".join(f"v{index}" for index in range(len(plan.cls.__struct_fields__)))
        self._line(f"return {self._names.of(plan.cls)}({arguments}), r")

    def _defaults(self) -> None:
        """Of the fields that may be absent, and of lists."""
        for step in self._plan.steps:
            for alternative in step.alternatives:
                if is_list(alternative):
                    self._line(f"{self._target(name(alternative))} = []")
                elif not step.required or len(step.alternatives) > 1:
                    self._line(f"{self._target(name(alternative))} = None")
        for wildcard in self._plan.wildcards:
            self._line(f"{self._target(wildcard)} = []")

    def _target(self, field: str) -> str:
        return f"v{self._plan.cls.__struct_fields__.index(field)}"

    def _line(self, text: str) -> None:
        self.lines.append("    " * self._depth + text)

    def _open(self, text: str) -> None:
        self._line(text)
        self._depth += 1

    def _close(self) -> None:
        self._flush()
        self._depth -= 1

    def _event(self, state: list[Production]) -> None:
        """Read the event code of a state into `e`, as the number of the production."""
        first = self._plan.first(state)
        if len(state) == 1:
            self._expect(0, 1)
            self._flush()
            self._line(f"e = {first}")
            return
        self._window.append(_Bits(len(state).bit_length(), target="e"))
        self._flush()
        if first:
            self._line(f"e += {first}")

    def _require(self, numbers: range) -> None:
        if len(numbers) == 1:
            self._line(f"if e != {numbers[0]}: raise ValueError")

    def _expect(self, value: int, width: int) -> None:
        self._window.append(_Bits(width, constant=value))

    def _field(self, alternative: Alternative) -> list[Production] | None:
        """Read what has been announced. The state after it, None if its event code is read already."""
        target = self._target(name(alternative))
        if isinstance(alternative, Particle) and alternative.field.is_list:
            self._list(alternative, target)
            return None
        if isinstance(alternative, Particle):
            if len(alternative.members) > 1:
                self._substitution(alternative, target)
            else:
                self._element(kind(alternative), target, rare=is_rare(alternative))
        else:
            of = kind(alternative)
            assert not isinstance(of, type)
            self._value(of, target)
            if isinstance(alternative, Characters):
                return [End()]
        return self._plan.after(alternative)

    def _substitution(self, particle: Particle, target: str) -> None:
        """A member of a substitution group: the function by the number."""
        self._flush()
        numbers = self._plan.numbers(particle)
        classes = [member.type for member in particle.members if isinstance(member.type, type)]
        readers = {number: self._names.function("read", cls) for number, cls in zip(numbers, classes, strict=True)}
        table = self._names.table(("read", *readers.items()), lambda: readers)
        self._line(f"{target}, r = functions[{table}[e]](n, r)")

    def _list(self, particle: Particle, target: str) -> None:
        low, high = particle.field.low, particle.field.high
        (number,) = self._plan.numbers(particle)
        self._flush()
        self._open("while True:")
        self._element(kind(particle), "x")
        self._flush()
        self._line(f"{target}.append(x)")
        if low > 1:
            self._open(f"if len({target}) < {low}:")
            self._expect(0, 1)
            self._flush()
            self._line("continue")
            self._close()
        if high is not None:
            self._open(f"if len({target}) == {high}:")
            self._event(self._plan.after(particle, high))
            self._line("break")
            self._close()
        if high is None or high > 16:  # an access costs as much as all bits before it: drop them sometimes
            self._line(f"if not len({target}) & 7: n ^= n >> r << r")
        self._event(self._plan.after(particle, low or 1))
        self._line(f"if e != {number}: break")
        self._close()

    def _element(self, of: type[Type] | Simple, target: str, *, rare: bool = False) -> None:
        """The content of an element and its end."""
        if (fields := small(of)) and isinstance(of, type) and not rare:
            parts = []
            for _, simple in fields:
                self._parts += 1
                parts.append(f"t{self._parts}")
                self._expect(0, 1)
                self._element(simple, parts[-1])
            self._then.append(f"{target} = {self._names.of(of)}({', '.join(parts)})")
            self._expect(0, 1)
        elif isinstance(of, type):
            self._flush()
            self._line(f"{target}, r = {self._names.function('read', of)}(n, r)")
        else:
            self._expect(0, 1)
            self._value(of, target)
            self._expect(0, 1)

    def _value(self, of: Simple, target: str) -> None:
        match of:
            case Boolean() | Enumerated():
                self._window.append(_Bits(of.bits, target=target, kind=of))
            case Whole(bits=int() as width):
                self._window.append(_Bits(width, target=target, kind=of))
            case Whole():
                self._window.append(_Bits(9 if of.signed else 8, target=target))
                self._flush()
                self._integer(of, target)
            case Binary(low=low, high=high) if low == high and low < 128:
                self._expect(low, 8)
                self._window.append(_Bits(8 * low, target=target))
                self._then.append(f"{target} = {target}.to_bytes({low}, 'big')")
            case String() | Binary():
                self._window.append(_Bits(8, target=target))
                self._flush()
                function = "read_text" if isinstance(of, String) else "read_octets"
                high = UNBOUNDED if of.high is None else of.high
                self._line(f"{target}, r = {function}(n, r, {target}, {of.low}, {high})")

    def _integer(self, of: Whole, target: str) -> None:
        """The rest of an integer, of which the first octet, and before it the sign, is read."""
        high = LARGEST if of.high is None else of.high
        function = "read_signed" if of.signed else "read_long" if high >= 1 << 35 else "read_unsigned"
        call = f"{target}, r = {function}(n, r, {target}, {high})"
        if TWO_OCTETS <= high < 1 << 16:  # two octets and no sign: the ordinary voltage or power, worth the lines
            positive = f"{target} < 256 and " if of.signed else ""
            self._line(f"if {target} > 127:")
            self._line(f"    if {positive}(y := n >> r - 8 & 255) < 128:")
            self._line("        r -= 8")
            self._line(f"        {target} += (y << 7) - 128")
            self._line(f"    else: {call}")
        else:
            self._line(f"if {target} > 127: {call}")
        if of.low is not None and of.low > 0:
            self._line(f"if {target} < {of.low}: raise ValueError")

    def _flush(self) -> None:
        """Read the window: one shift and mask, then checks and translations."""
        window, self._window = self._window, []
        then, self._then = self._then, []
        if window:
            self._unpack(window)
        for text in then:
            self._line(text)

    def _unpack(self, window: list[_Bits]) -> None:
        width = sum(bits.width for bits in window)
        self._line(f"r -= {width}")
        access = f"n >> r & {(1 << width) - 1:#x}"
        constant, mask = _constants(window)
        variable = [bits for bits in window if bits.constant is None]
        raw = window[-1] if variable and window[-1] is variable[-1] and variable[-1].kind is None else None
        if not variable:
            self._line(f"if {access} != {constant}: raise ValueError")
        elif len(variable) == 1 and raw and not constant:
            self._line(f"{raw.target} = {access}")
            if raw.target != "e" and len(window) > 1:  # a wrong `e` fails at its use
                self._line(f"if {raw.target} > {(1 << raw.width) - 1}: raise ValueError")
        else:
            self._line(f"w = {access}")
            translated = variable[:-1] if raw else variable
            if all(bits.kind for bits in translated) and sum(bits.width for bits in translated) <= _TABLE_BITS:
                self._look_up(window[:-1] if raw else window, translated, f"w >> {raw.width}" if raw else "w")
            else:
                self._line(f"if w & {mask:#x} != {constant}: raise ValueError")
                self._pick(window, translated)
            if raw:
                self._line(f"{raw.target} = w & {(1 << raw.width) - 1}")

    def _look_up(self, window: list[_Bits], translated: list[_Bits], index: str) -> None:
        """One table checks the constants and translates the variables."""
        if not translated:
            self._line(f"if {index} != {_constants(window)[0]}: raise ValueError")
            return
        while window[0].constant == 0:  # leading zeros make no difference to the table
            window = window[1:]
        key = tuple((bits.width, bits.constant, bits.kind) for bits in window)
        table = self._names.table(key, lambda: _table(window))
        self._line(f"{', '.join(bits.target for bits in translated)} = {table}[{index}]")

    def _pick(self, window: list[_Bits], wanted: list[_Bits]) -> None:
        """The variables one by one."""
        shift = sum(bits.width for bits in window)
        for bits in window:
            shift -= bits.width
            if bits in wanted:
                part = f"w >> {shift} & {(1 << bits.width) - 1:#x}"
                if bits.kind:
                    part = f"{self._names.table(bits.kind, partial(values, bits.kind))}[{part}]"
                self._line(f"{bits.target} = {part}")


def _among(numbers: range) -> str:
    return f"e == {numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} <= e <= {numbers[-1]}"


def _constants(window: Sequence[_Bits]) -> tuple[int, int]:
    """The constants of a window, and where they stand."""
    constant = mask = 0
    for bits in window:
        constant = constant << bits.width | (bits.constant or 0)
        mask = mask << bits.width | (0 if bits.constant is None else (1 << bits.width) - 1)
    return constant, mask


def _table(window: Sequence[_Bits]) -> dict[int, object]:
    """From all values that a window can have to those of its variables: a tuple, or the value if it is one alone."""
    entries: dict[int, tuple[object, ...]] = {0: ()}
    for bits in window:
        if bits.kind is None:
            entries = {key << bits.width | (bits.constant or 0): old for key, old in entries.items()}
        else:
            new = list(enumerate(values(bits.kind)))
            entries = {key << bits.width | code: (*old, value) for key, old in entries.items() for code, value in new}
    alone = sum(bits.kind is not None for bits in window) == 1
    return {key: value[0] if alone else value for key, value in entries.items()}
